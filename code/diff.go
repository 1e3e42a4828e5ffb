package code

import (
	"fmt"
	"time"
)

// Difference is one thing that two builds of a program say differently.
type Difference struct {
	// Field is a stable name, as in "team_id" or "entitlement"; Key says which of
	// several, as in the name of the entitlement.
	Field string `json:"field"`
	Key   string `json:"key,omitempty"`
	// Arch is the slice; empty for the whole file, and for a difference that all
	// common slices have.
	Arch string `json:"arch,omitempty"`
	// Old and New are the values as text. Where nobody knows one of them, they may
	// be equal: that is no difference, and no proof of there being none.
	Old Fact[string] `json:"old"`
	New Fact[string] `json:"new"`
	// Matters is set on what peers and the system commonly ask about a program,
	// so that the difference may be why one of them refuses it now. It is not set
	// on what changes with each build.
	Matters bool `json:"matters"`
}

// The fields of a [Difference].
const (
	FieldVerified      = "verified"         // "yes", or the status of what failed
	FieldArchitecture  = "architecture"     // Key is its name
	FieldIdentifier    = "identifier"       //
	FieldTeam          = "team_id"          // verified by Apple's certificates
	FieldClaimedTeam   = "claimed_team_id"  //
	FieldChannel       = "channel"          //
	FieldRoot          = "root"             // the last certificate of the chain
	FieldFlag          = "flag"             // Key is a flag of the CodeDirectory
	FieldPlatformByte  = "platform_byte"    //
	FieldEntitlements  = "entitlements"     // all of them, when nobody knows one side
	FieldEntitlement   = "entitlement"      // Key is its name
	FieldInfo          = "info"             // Key is a key of Info.plist
	FieldConstraint    = "constraint"       // Key is its slot
	FieldPlatform      = "platform"         // number of the operating system
	FieldMinOS         = "min_os"           //
	FieldCertificate   = "leaf_certificate" // Key is "common_name", "serial" or "expires"
	FieldRuntime       = "runtime_version"  //
	FieldProfile       = "profile"          // Key is "name", "uuid", "expires" or "valid"
	FieldStapledTicket = "stapled_ticket"   //
	FieldSDK           = "sdk"              //
	FieldSignedAt      = "signed_at"        //
	FieldCDHash        = "cdhash"           //
)

// Differences lists what the new build of a program says differently from the old
// one, what matters most in front. Slices are compared with those of the same
// architecture; without a common one, the best of each are. It reads facts only:
// what the designated requirements mean is not compared.
func Differences(old, new *Subject) []Difference {
	d := &differ{}
	d.fact(FieldVerified, "", verifiedText(old), verifiedText(new), true)
	pairs := d.architectures(old, new)
	for _, p := range pairs {
		if d.arch = p.arch; len(pairs) == 1 {
			d.arch = ""
		}
		d.slice(p.old, p.new)
	}
	d.arch = ""
	d.profile(old.Profile, new.Profile)
	ticket := func(s *Subject) Fact[string] { return textOf(s.StapledTicket, func(int64) string { return "present" }) }
	d.optional(FieldStapledTicket, "", ticket(old), ticket(new), false)
	return d.result(len(pairs))
}

// differ collects differences, slice by slice.
type differ struct {
	arch string
	out  []Difference
}

// fact adds a difference unless both sides are known to be equal.
func (d *differ) fact(field, key string, old, new Fact[string], matters bool) {
	if old.Err() == nil && new.Err() == nil && old.IsKnown() == new.IsKnown() && old.Or("") == new.Or("") {
		return
	}
	d.out = append(d.out, Difference{field, key, d.arch, old, new, matters})
}

// optional is fact for what matters to nobody when neither side was looked up.
func (d *differ) optional(field, key string, old, new Fact[string], matters bool) {
	if old.Err() == nil || new.Err() == nil {
		d.fact(field, key, old, new, matters)
	}
}

// result brings differences that all slices have into one, and sorts what matters
// to the front.
func (d *differ) result(slices int) []Difference {
	same := func(a, b *Difference) bool {
		return a.Field == b.Field && a.Key == b.Key && sameFact(a.Old, b.Old) && sameFact(a.New, b.New)
	}
	var front, back []Difference
	seen := make([]bool, len(d.out))
	for i := range d.out {
		if seen[i] {
			continue
		}
		one, count := d.out[i], 1
		var twins []int
		for k := i + 1; k < len(d.out) && one.Arch != ""; k++ {
			if d.out[k].Arch != "" && same(&one, &d.out[k]) {
				twins, count = append(twins, k), count+1
			}
		}
		if count == slices && one.Arch != "" {
			one.Arch = ""
			for _, k := range twins {
				seen[k] = true
			}
		}
		if one.Matters {
			front = append(front, one)
		} else {
			back = append(back, one)
		}
	}
	return append(front, back...)
}

func sameFact(a, b Fact[string]) bool {
	return a.IsKnown() == b.IsKnown() && a.IsAbsent() == b.IsAbsent() && a.Or("") == b.Or("")
}

// slicePair is one slice of each build.
type slicePair struct {
	arch     string
	old, new *Slice
}

// architectures adds what slices one side has alone, and pairs the others.
func (d *differ) architectures(old, new *Subject) []slicePair {
	all := func(s *Subject) []*Slice {
		if len(s.Slices) == 0 {
			return []*Slice{&s.Slice}
		}
		out := make([]*Slice, len(s.Slices))
		for i := range s.Slices {
			out[i] = &s.Slices[i]
		}
		return out
	}
	find := func(list []*Slice, arch string) *Slice {
		for _, v := range list {
			if v.Arch == arch {
				return v
			}
		}
		return nil
	}
	a, b := all(old), all(new)
	var pairs []slicePair
	for _, v := range a {
		if w := find(b, v.Arch); w != nil {
			pairs = append(pairs, slicePair{v.Arch, v, w})
		} else if v.Arch != "" {
			d.fact(FieldArchitecture, v.Arch, Known("present"), Absent[string](), true)
		}
	}
	for _, w := range b {
		if w.Arch != "" && find(a, w.Arch) == nil {
			d.fact(FieldArchitecture, w.Arch, Absent[string](), Known("present"), false)
		}
	}
	if len(pairs) == 0 {
		pairs = []slicePair{{"", &old.Slice, &new.Slice}}
	}
	return pairs
}

func (d *differ) profile(old, new Fact[Profile]) {
	part := func(f Fact[Profile], text func(p *Profile) string) Fact[string] {
		return textOf(f, func(p Profile) string { return text(&p) })
	}
	for _, field := range []struct {
		key     string
		text    func(p *Profile) string
		matters bool
	}{
		{"valid", func(p *Profile) string { return yesOrNo(p.Valid) }, true},
		{"name", func(p *Profile) string { return p.Name }, false},
		{"uuid", func(p *Profile) string { return p.UUID }, false},
		{"expires", func(p *Profile) string { return dateText(p.Expires) }, false},
		{"all_devices", func(p *Profile) string { return yesOrNo(p.AllDevices) }, true},
	} {
		d.optional(FieldProfile, field.key, part(old, field.text), part(new, field.text), field.matters)
	}
}

// textOf turns a fact into text and keeps absent and unknown apart.
func textOf[T any](f Fact[T], text func(T) string) Fact[string] {
	switch v, ok, err := f.Get(); {
	case err != nil:
		return Unknown[string](err)
	case !ok:
		return Absent[string]()
	default:
		return Known(text(v))
	}
}

// verifiedText is "yes", or the name of the status that stands against it.
func verifiedText(s *Subject) Fact[string] {
	err := s.Verified()
	if err == nil {
		return Known("yes")
	}
	if StatusOf(err) == StatusSignatureNotVerifiable {
		return Unknown[string](err)
	}
	return Known("no, " + StatusOf(err).Name())
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func dateText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func numberText(n uint32) Fact[string] {
	if n == 0 {
		return Absent[string]()
	}
	return Known(fmt.Sprint(n))
}
