package code

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// slice compares two slices of one architecture.
func (d *differ) slice(old, new *Slice) {
	both := func(field string, of func(s *Slice) Fact[string], matters bool) {
		d.fact(field, "", of(old), of(new), matters)
	}
	both(FieldIdentifier, func(s *Slice) Fact[string] { return s.Identifier }, true)
	both(FieldTeam, func(s *Slice) Fact[string] { return s.VerifiedTeam(nil) }, true)
	both(FieldClaimedTeam, func(s *Slice) Fact[string] { return s.ClaimedTeamID }, true)
	both(FieldChannel, func(s *Slice) Fact[string] { return textOf(s.Channel(), func(c Channel) string { return string(c) }) }, true)
	both(FieldRoot, func(s *Slice) Fact[string] { return textOf(s.AnchorCert(), certificateText) }, true)
	d.flags(old.Flags, new.Flags)
	both(FieldPlatformByte, func(s *Slice) Fact[string] {
		return textOf(s.PlatformByte, func(b uint8) string { return fmt.Sprint(b) })
	}, true)
	d.entitlements(old.Entitlements, new.Entitlements)
	d.info(old.Info, new.Info)
	d.constraints(old.Constraints, new.Constraints)
	d.fact(FieldPlatform, "", numberText(old.Platform), numberText(new.Platform), true)
	d.fact(FieldMinOS, "", nonEmpty(old.MinOS), nonEmpty(new.MinOS), true)
	d.leaf(old.Leaf(), new.Leaf())
	both(FieldRuntime, func(s *Slice) Fact[string] { return s.RuntimeVersion }, false)
	d.fact(FieldSDK, "", nonEmpty(old.SDK), nonEmpty(new.SDK), false)
	both(FieldSignedAt, func(s *Slice) Fact[string] { return textOf(s.SignedAt, dateText) }, false)
	both(FieldCDHash, func(s *Slice) Fact[string] { return textOf(s.CDHash(), CDHash.String) }, false)
}

func nonEmpty(s string) Fact[string] {
	if s == "" {
		return Absent[string]()
	}
	return Known(s)
}

// certificateText names a root: two with one name are two roots.
func certificateText(c *Certificate) string {
	if c.AppleRoot {
		return c.CommonName() + ", one of Apple's"
	}
	return fmt.Sprintf("%s, sha256 %x", c.CommonName(), c.SHA256)
}

// flags compares flag by flag. Whether code is ad hoc shows in its channel as well.
func (d *differ) flags(old, new Fact[CodeFlags]) {
	if old.Err() != nil || new.Err() != nil {
		text := func(f CodeFlags) string { return f.String() }
		d.fact(FieldFlag, "", textOf(old, text), textOf(new, text), true)
		return
	}
	a, b := old.Or(0), new.Or(0)
	set := func(on bool) Fact[string] {
		if on {
			return Known("set")
		}
		return Absent[string]()
	}
	changed := a ^ b
	for bit := CodeFlags(1); bit != 0; bit <<= 1 {
		if changed&bit != 0 {
			d.fact(FieldFlag, bit.Names()[0], set(a&bit != 0), set(b&bit != 0), bit != FlagLinkerSigned)
		}
	}
}

func (d *differ) entitlements(old, new Fact[Value]) {
	if old.Err() != nil || new.Err() != nil {
		count := func(v Value) string { return fmt.Sprintf("%d", v.Len()) }
		d.fact(FieldEntitlements, "", textOf(old, count), textOf(new, count), true)
		return
	}
	for _, key := range bothKeys(old.Or(Value{}), new.Or(Value{})) {
		d.value(FieldEntitlement, key, old.Or(Value{}), new.Or(Value{}), true)
	}
}

// infoKeys are the keys of Info.plist that identity and versions are read from. That
// a version rises is what updates are for, and who asks whether one fell compares
// the texts.
var infoKeys = []struct {
	key     string
	matters bool
}{
	{"CFBundleIdentifier", true}, {"LSMinimumSystemVersion", true},
	{"CFBundleShortVersionString", false}, {"CFBundleVersion", false}, {"CFBundleExecutable", false},
}

func (d *differ) info(old, new Fact[Value]) {
	if old.Err() != nil || new.Err() != nil {
		count := func(v Value) string { return fmt.Sprintf("%d keys", v.Len()) }
		d.fact(FieldInfo, "", textOf(old, count), textOf(new, count), true)
		return
	}
	for _, k := range infoKeys {
		d.value(FieldInfo, k.key, old.Or(Value{}), new.Or(Value{}), k.matters)
	}
}

// value compares one key of two dictionaries.
func (d *differ) value(field, key string, old, new Value, matters bool) {
	side := func(dict Value) Fact[string] {
		v, ok := dict.Get(key)
		if !ok {
			return Absent[string]()
		}
		if s, ok := v.Str(); ok && field == FieldInfo {
			return Known(s)
		}
		return Known(v.String()) // "true" is not true
	}
	a, inOld := old.Get(key)
	b, inNew := new.Get(key)
	if inOld && inNew && a.Equal(b) {
		return
	}
	d.fact(field, key, side(old), side(new), matters)
}

func bothKeys(a, b Value) []string {
	var keys []string
	for _, dict := range []Value{a, b} {
		for key := range dict.All() {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// constraintNames says what the constraint slots hold.
var constraintNames = map[uint32]string{8: "self", 9: "parent", 10: "responsible", 11: "library"}

func (d *differ) constraints(old, new []Constraint) {
	find := func(list []Constraint, slot uint32) Fact[string] {
		for _, c := range list {
			if c.Slot == slot {
				return Known(fmt.Sprintf("%d bytes, sha256 %x", len(c.DER), sha256.Sum256(c.DER)))
			}
		}
		return Absent[string]()
	}
	for slot := uint32(8); slot <= 11; slot++ {
		d.fact(FieldConstraint, constraintNames[slot], find(old, slot), find(new, slot), true)
	}
}

// leaf compares the signing certificates. A renewed one matters to nobody who does
// not pin it.
func (d *differ) leaf(old, new Fact[*Certificate]) {
	for _, part := range []struct {
		key  string
		text func(c *Certificate) string
	}{
		{"common_name", (*Certificate).CommonName},
		{"serial", func(c *Certificate) string { return c.Serial }},
		{"expires", func(c *Certificate) string { return dateText(c.NotAfter) }},
	} {
		d.fact(FieldCertificate, part.key, textOf(old, part.text), textOf(new, part.text), false)
	}
}
