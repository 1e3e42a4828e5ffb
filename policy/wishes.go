package policy

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// The names of facts that no rule reads.
const (
	factSignature = "signature"
	factRoot      = "root"
)

// wishlist collects changes, each once.
type wishlist struct {
	p    *Policy
	list []wish
	seen map[string]bool
}

// The ranks of wishes: what the floor asks for, single facts, another signer or
// anything but a constant, and another question.
const (
	rankFloor = iota
	rankFact
	rankSigner
	rankQuestion
)

// wishes are the changes that may turn a decision: what the floor asks for first,
// then what the constants of the policy hold against the facts.
func (d Decision) wishes() []wish {
	l := &wishlist{p: d.policy, seen: map[string]bool{}}
	for _, f := range d.perSlice() {
		for i := range floorItems {
			if a, _ := floorItems[i].check(&f); a != yes && !f.waived(i) {
				l.floor(&f, floorItems[i].name)
			}
		}
	}
	for i := range l.list {
		l.list[i].rank = rankFloor
	}
	d.policy.constants(l)
	for i := range d.policy.rules {
		for _, op := range d.policy.rules[i].operations {
			l.operation(op)
		}
	}
	slices.SortStableFunc(l.list, func(a, b wish) int { return a.rank - b.rank })
	return l.list[:min(len(l.list), maxWishes)]
}

func (l *wishlist) operation(name string) {
	l.add("operation", quoteShort(name), func(r Request) (Request, error) { r.Operation = name; return r, nil })
}

func (l *wishlist) add(fact, to string, apply func(Request) (Request, error)) {
	if key := fact + "\x00" + to; !l.seen[key] {
		l.seen[key] = true
		rank := rankFact
		switch {
		case fact == "operation":
			rank = rankQuestion
		case fact == "subject.channel" || strings.HasPrefix(to, "anything"):
			rank = rankSigner
		}
		l.list = append(l.list, wish{fact, to, rank, apply})
	}
}

// edit adds a change that is made as tests make it.
func (l *wishlist) edit(fact, to string, edits ...invent.Edit) {
	l.add(fact, to, func(r Request) (Request, error) {
		if strings.HasPrefix(fact, "process.") && r.Subject.Process == nil {
			return r, errNoProcess // a file does not become a process
		}
		s, err := invent.Apply(r.Subject, edits...)
		r.Subject = s
		return r, err
	})
}

// set adds a change of a fact to a text, number or truth.
func (l *wishlist) set(path string, v code.Value) { l.edit(path, showValue(v), invent.Set(path, v)) }

// other adds the change of a text to any other one.
func (l *wishlist) other(path, text string) {
	l.edit(path, "anything but "+quoteShort(text), invent.Set(path, plist.String(text+".other")))
}

// key adds a change of one key of a dictionary.
func (l *wishlist) key(dict, key string, v code.Value) {
	l.edit(dict+"["+strconv.Quote(key)+"]", showValue(v), invent.Set(dict+"."+key, v))
}

func (l *wishlist) noKey(dict, key string) {
	l.edit(dict+"["+strconv.Quote(key)+"]", "nothing", invent.Unset(dict+"."+key))
}

// team adds a change of the verified team, which the leaf names too.
func (l *wishlist) team(team string) {
	l.add("subject.team_id", quoteShort(team), func(r Request) (Request, error) {
		s, err := invent.Apply(r.Subject, invent.Set("subject.team_id", plist.String(team)))
		if err != nil {
			return r, err
		}
		r.Subject = eachSlice(s, func(v *code.Slice) {
			certs, ok, _ := v.Certs.Get()
			if !ok || len(certs) == 0 || certs[len(certs)-1].AppleRoot {
				return
			}
			certs = slices.Clone(certs) // below a private root the leaf alone vouches
			leaf := &certs[0]
			leaf.Subject = slices.DeleteFunc(slices.Clone(leaf.Subject), func(a code.Attribute) bool { return a.Type == code.OIDOrganizationalUnit })
			leaf.Subject = append(leaf.Subject, code.Attribute{Type: code.OIDOrganizationalUnit, Value: team})
			v.Certs = code.Known(certs)
		})
		return r, nil
	})
}

// eachSlice changes all slices of a copy that is ours.
func eachSlice(s *code.Subject, change func(*code.Slice)) *code.Subject {
	change(&s.Slice)
	for i := range s.Slices {
		change(&s.Slices[i])
	}
	return s
}

func (l *wishlist) channel(c code.Channel) {
	if c != code.ChannelAdHoc && c != code.ChannelSelfSigned && c != code.ChannelPrivate {
		l.set("subject.channel", plist.String(string(c)))
	}
}

// flags adds the change of one flag of the signature or the process.
func (l *wishlist) flag(fact, name string, on bool) {
	to := map[bool]string{true: "with ", false: "without "}[on] + name
	l.add(fact, to, func(r Request) (Request, error) {
		var names []string
		if fact == "process.flags" {
			if r.Subject.Process == nil {
				return r, errNoProcess
			}
			names = r.Subject.Process.Status.Or(0).Names()
		} else {
			names = r.Subject.Flags.Or(0).Names()
		}
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
		if on {
			names = append(names, name)
		}
		items := make([]code.Value, len(names))
		for i := range names {
			items[i] = plist.String(names[i])
		}
		s, err := invent.Apply(r.Subject, invent.Set(fact, plist.Array(items...)))
		r.Subject = s
		return r, err
	})
}

// now adds a change of the time of the question.
func (l *wishlist) now(t time.Time) {
	l.add("now", t.UTC().Format(time.RFC3339), func(r Request) (Request, error) { r.Now = t; return r, nil })
}

// floor adds what an item of the floor that does not say yes asks for.
func (l *wishlist) floor(f *facts, item string) {
	without := func(keys ...string) {
		for _, k := range keys {
			if _, there := f.s.Entitlements.Or(code.Value{}).Get(k); there {
				l.noKey("subject.entitlements", k)
			}
		}
	}
	switch item {
	case "signature":
		l.add(factSignature, "verified", verified)
	case "certificate", "trusted-root":
		for h := range l.p.trust.adhoc {
			if raw, err := hex.DecodeString(h); err == nil && len(raw) <= 32 && item == "certificate" {
				l.set("subject.cdhash", plist.String(h))
			}
		}
		l.trusted()
	case "process-status":
		l.flag("process.flags", "valid", true)
		l.flag("process.flags", "signed", true)
		l.flag("process.flags", "killed", false)
	case "token-strength":
		l.set("process.token_strength", plist.String(string(code.StrengthMessage)))
	case "debuggable":
		without("com.apple.security.get-task-allow", "get-task-allow")
		for _, name := range []string{"get-task-allow", "debugged", "invalid-allowed"} {
			l.flag("process.flags", name, false)
		}
	case "library-validation", "dyld-environment", "executable-page-protection":
		without(entitlementsOf[item]...)
	case "hardened-runtime":
		l.set("subject.hardened_runtime", plist.Bool(true))
	}
}

// trusted adds a chain that the policy trusts.
func (l *wishlist) trusted() {
	if l.p.trust.apple {
		l.channel(code.ChannelDeveloperID)
		l.channel(code.ChannelAppStore)
	}
	for _, root := range sortedRoots(l.p.trust.roots) {
		l.add(factRoot, "SHA-256 "+hex.EncodeToString(root[:]), func(r Request) (Request, error) {
			s, err := invent.Apply(r.Subject)
			if err != nil || !s.Certs.IsKnown() {
				return r, errors.Join(err, errNothing)
			}
			r.Subject = eachSlice(s, func(v *code.Slice) {
				certs := slices.Clone(v.Certs.Or(nil))
				if len(certs) > 0 {
					last := &certs[len(certs)-1]
					last.SHA256, last.AppleRoot = root, false
					v.Certs, v.Flags = code.Known(certs), code.Known(v.Flags.Or(0)&^code.FlagAdHoc)
				}
			})
			return r, nil
		})
	}
}

func sortedRoots(roots map[[32]byte][]string) [][32]byte {
	list := make([][32]byte, 0, len(roots))
	for r := range roots {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	return list
}

// verified makes every mandatory check pass.
func verified(r Request) (Request, error) {
	s, err := invent.Apply(r.Subject)
	if err != nil {
		return r, err
	}
	origin := s.Recorded
	v := code.Validity{}
	archs := []string{s.Arch}
	if len(s.Slices) > 0 {
		archs = nil
		for i := range s.Slices {
			archs = append(archs, s.Slices[i].Arch)
		}
	}
	for _, arch := range archs {
		for _, id := range code.Mandatory(origin) {
			v.Checks = append(v.Checks, code.Check{ID: id, Arch: arch, Outcome: code.Passed})
		}
	}
	s.Validity = v
	r.Subject = s
	return r, nil
}

// markers are the channels that leaf markers stand for.
var markers = map[code.OID]code.Channel{
	code.OIDDeveloperID: code.ChannelDeveloperID, code.OIDDeveloperIDCA: code.ChannelDeveloperID, code.OIDMacAppStore: code.ChannelAppStore,
	code.OIDTestFlight: code.ChannelTestFlight, code.OIDAppleDeveloper: code.ChannelDevelopment, code.OIDMacDeveloper: code.ChannelDevelopment,
	code.OIDMacSubmission: code.ChannelDistribution, code.OIDAppleDistribution: code.ChannelDistribution, code.OIDAppleSoftware: code.ChannelApple,
}

// requirement adds what the terms of a requirement compare with.
func (l *wishlist) requirement(e *requirement.Expr) {
	if e == nil {
		return
	}
	for part := range requirement.All(e) {
		switch part.Op {
		case requirement.OpIdent:
			l.set("subject.identifier", plist.String(part.Value))
		case requirement.OpCDHash:
			l.set("subject.cdhash", plist.String(hex.EncodeToString([]byte(part.Value))))
		case requirement.OpAppleAnchor:
			l.channel(code.ChannelApple)
		case requirement.OpAppleGeneric:
			l.channel(code.ChannelDeveloperID)
		case requirement.OpCertField:
			if part.Key == "subject.OU" && part.Match == requirement.MatchEqual {
				l.team(part.Value)
			}
		case requirement.OpCertGeneric:
			for oid, channel := range markers {
				if code.OID(part.Key) == oid {
					l.channel(channel)
				}
			}
		case requirement.OpNotarized:
			l.set("subject.notarized", plist.Bool(true))
		case requirement.OpInfo, requirement.OpInfoValue:
			l.compared("subject.info", part)
		case requirement.OpEntitlement:
			l.compared("subject.entitlements", part)
		case requirement.OpPlatform:
			l.set("subject.platform_byte", plist.Int(int64(part.Slot)))
		}
	}
}

// compared adds what satisfies a comparison of one key, and what does not.
func (l *wishlist) compared(dict string, e *requirement.Expr) {
	l.noKey(dict, e.Key)
	switch e.Match {
	case requirement.MatchExists, requirement.MatchAbsent:
		l.key(dict, e.Key, plist.Bool(true))
	case requirement.MatchGreater:
		l.key(dict, e.Key, plist.String(e.Value+".1"))
	case requirement.MatchLess:
		l.key(dict, e.Key, plist.String("0"))
	default:
		l.key(dict, e.Key, plist.String(e.Value))
	}
}

// peer adds what the tests of a peer ask for.
func (l *wishlist) peer(p *peer) {
	d := p.doc
	for _, n := range d.identifiers {
		l.set("subject.identifier", plist.String(n.Value))
	}
	for _, n := range d.teams {
		l.team(n.Value)
	}
	for _, n := range d.channels {
		l.channel(code.Channel(n.Value))
	}
	if d.version != nil {
		l.set("subject.version", plist.String(d.version.Value))
		l.edit("subject.version", "nothing", invent.Unset("subject.version"))
	}
	if d.build != nil {
		l.set("subject.build", plist.String(d.build.Value))
		l.edit("subject.build", "nothing", invent.Unset("subject.build"))
	}
	for _, n := range d.entitled {
		l.key("subject.entitlements", n.Value, plist.Bool(true))
		l.noKey("subject.entitlements", n.Value)
	}
	for _, n := range d.denied {
		l.noKey("subject.entitlements", n.Value)
		l.key("subject.entitlements", n.Value, plist.Bool(true))
	}
	for _, n := range append(slices.Clone(d.flags), d.noFlags...) {
		l.flag("subject.flags", n.Value, true)
		l.flag("subject.flags", n.Value, false)
	}
	if p.requirement != nil {
		l.requirement(p.requirement.expr)
	}
}
