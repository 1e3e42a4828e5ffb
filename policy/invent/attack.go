package invent

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Attack is a program that differs from an allowed one in what its Kind says. A
// policy that allows it where it allows the original has a hole.
type Attack struct {
	Kind string // what a suite skips by, as in "other-team"
	Name string // names it among the attacks on one program, as in "other-team/developer-id"
	What string // what somebody did, in a sentence
	// Subject is the attacker; nil when there is none, and NotApplicable says why.
	Subject       *code.Subject
	NotApplicable string
	// Baseline, when it is not nil, must be allowed: it is the attacker without
	// the attack, and where it is denied the attack shows nothing.
	Baseline *code.Subject
	// Contrast, when it is not nil, must be denied: it has another value where the
	// attacker hides one, and where it is allowed the decision does not need the fact.
	Contrast *code.Subject
}

// AttackOptions says what is known about the policy under attack.
type AttackOptions struct {
	// Oldest is the oldest version that may come in; "" when nobody says.
	Oldest string
	// Versions is set when the policy or its tests speak of versions, so that an
	// old one is an attack.
	Versions bool
	// Named reports whether the policy names a text, so that an invented team or
	// identifier is nobody's; nil: none.
	Named func(text string) bool
}

// Kind is one kind of attack.
type Kind struct {
	Name string
	Doc  string
}

// Kinds lists the kinds of attacks in the order in which [Attacks] returns them.
func Kinds() []Kind {
	list := make([]Kind, len(kinds))
	for i := range kinds {
		list[i] = Kind{kinds[i].name, kinds[i].doc}
	}
	return list
}

// Attacks returns every attack on a program, those that cannot be made for it
// included.
func Attacks(s *code.Subject, o AttackOptions) []Attack {
	a := attacker{s: s, o: o, team: unnamed(o, "ZZZZZ99999", "YYYYY88888", "XXXXX77777"), identifier: unnamed(o, "org.example.stranger", "org.example.outsider", "net.example.unrelated")}
	for i := range kinds {
		a.kind = kinds[i].name
		kinds[i].make(&a)
	}
	return a.list
}

// unnamed returns the first text that the policy does not name.
func unnamed(o AttackOptions, texts ...string) string {
	for _, t := range texts {
		if o.Named == nil || !o.Named(t) {
			return t
		}
	}
	return texts[len(texts)-1]
}

var kinds = []struct {
	name, doc string
	make      func(*attacker)
}{
	{"other-team", "another team's certificate, in every channel", (*attacker).otherTeam},
	{"ad-hoc", "no certificate, with the same identifier and claimed team", (*attacker).adHoc},
	{"self-signed", "a certificate that signed itself and names the same team", (*attacker).selfSigned},
	{"imitated-chain", "a chain with the same names and markers below a root of the attacker's own", (*attacker).imitated},
	{"apple-program", "a program of the operating system", (*attacker).appleProgram},
	{"development-certificate", "the same team's development certificate, which every developer of the team has", (*attacker).development},
	{"other-identifier", "another program of the same signer", (*attacker).otherIdentifier},
	{"older-version", "an older build of the same program, genuinely signed", (*attacker).older},
	{"dangerous-entitlement", "a build into which strangers can load code", (*attacker).entitlements},
	{"debuggable", "a build that others may debug", (*attacker).debuggable},
	{"no-hardened-runtime", "a build without the hardened runtime", (*attacker).noRuntime},
	{"interpreter", "a script interpreter of the same signer", (*attacker).interpreter},
	{"plugin-host", "a host of other people's plug-ins of the same signer", (*attacker).pluginHost},
	{"weak-token", "a process named by a token that others can come to hold", (*attacker).weakToken},
	{"stale-process", "a process that the kernel no longer vouches for", (*attacker).staleProcess},
	{"broken-signature", "the same program with changed bytes", (*attacker).broken},
	{"unknown-fact", "the same program, with one fact that nobody could find out", (*attacker).unknown},
}

// attacker collects the attacks on one program.
type attacker struct {
	s                *code.Subject
	o                AttackOptions
	team, identifier string // nobody's
	kind             string
	list             []Attack
}

// make adds an attack: a copy of the program with one change. Signed changes make
// another build, with other cdhashes.
func (a *attacker) make(variant, what string, change func(s *code.Subject)) *Attack {
	c := clone(a.s)
	change(c)
	name := a.kind
	if variant != "" {
		name += "/" + variant
	}
	switch a.kind {
	case "weak-token", "stale-process", "broken-signature", "unknown-fact":
	default:
		rehash(c, name)
	}
	c.Path = "invented:" + name
	a.list = append(a.list, Attack{Kind: a.kind, Name: name, What: what, Subject: c})
	return &a.list[len(a.list)-1]
}

// cannot records that the attack does not exist for this program.
func (a *attacker) cannot(variant, why string) {
	name := a.kind
	if variant != "" {
		name += "/" + variant
	}
	a.list = append(a.list, Attack{Kind: a.kind, Name: name, NotApplicable: why})
}

// certs returns the program's chain; nil when it has none, or nobody knows it.
func (a *attacker) certs() []code.Certificate {
	certs, _, _ := a.s.Certs.Get()
	return certs
}

func (a *attacker) identifierOf() string { return a.s.Identifier.Or(a.identifier) }

const noCertificate = "no certificate signs this program"

// otherTeam signs in every channel. Where Apple signs, it signs no foreign
// identifier, so that the identifier is the other team's own.
func (a *attacker) otherTeam() {
	if a.s.ClaimedTeamID.Or("") == "" && a.certs() == nil {
		a.cannot("", "the program names no team")
		return
	}
	root := appleRoot()
	if certs := a.certs(); certs != nil && !certs[len(certs)-1].AppleRoot {
		root = certs[len(certs)-1]
	}
	for _, c := range []struct {
		channel code.Channel
		what    string
		own     bool
	}{
		{code.ChannelDeveloperID, "another team signs with its Developer ID certificate, under the same identifier", false},
		{code.ChannelDevelopment, "another team signs with a development certificate, under the same identifier", false},
		{code.ChannelDistribution, "another team signs with a distribution certificate, under the same identifier", false},
		{code.ChannelAppStore, "another team's program from the App Store", true},
		{code.ChannelTestFlight, "another team's program from TestFlight", true},
	} {
		a.make(string(c.channel), c.what, func(s *code.Subject) {
			each(s, func(v *code.Slice) {
				resign(v, chain(c.channel, a.team, root))
				v.ClaimedTeamID = code.Known(a.team)
				if c.own {
					v.Identifier = code.Known(a.identifier)
				}
			})
		})
	}
}

func (a *attacker) adHoc() {
	a.make("", "somebody signs ad hoc, under the same identifier and claiming the same team", func(s *code.Subject) { each(s, unsign) })
}

func (a *attacker) selfSigned() {
	if a.certs() == nil {
		a.cannot("", noCertificate)
		return
	}
	a.make("", "somebody signs with a certificate of his own that repeats every name of the real one", func(s *code.Subject) {
		each(s, func(v *code.Slice) {
			if certs, ok, _ := v.Certs.Get(); ok {
				v.Certs = code.Known(selfSigned(certs[0]))
			}
		})
	})
	if !a.s.ClaimedTeamID.IsKnown() || code.DeveloperType(a.certs()) {
		return
	}
	a.make("team", "somebody signs with a certificate of his own that names the same team", func(s *code.Subject) {
		certs := selfSigned(chain(code.ChannelDeveloperID, a.s.ClaimedTeamID.Or(""), appleRoot())[0])
		each(s, func(v *code.Slice) { v.Certs = code.Known(certs) })
	})
}

func (a *attacker) imitated() {
	if a.certs() == nil {
		a.cannot("", noCertificate)
		return
	}
	a.make("", "somebody signs below a root of his own, with every name and marker of the real chain", func(s *code.Subject) {
		each(s, func(v *code.Slice) {
			if certs, ok, _ := v.Certs.Get(); ok {
				v.Certs = code.Known(imitation(certs))
			}
		})
	})
}

func (a *attacker) appleProgram() {
	a.make("", "another program of the operating system", func(s *code.Subject) {
		each(s, func(v *code.Slice) {
			resign(v, chain(code.ChannelApple, "", appleRoot()))
			v.Identifier, v.ClaimedTeamID, v.PlatformByte = code.Known("com.apple.example.stranger"), code.Absent[string](), code.Known(uint8(15))
		})
	})
}

func (a *attacker) development() {
	team, named := a.s.ClaimedTeamID.Or(""), a.s.ClaimedTeamID.IsKnown()
	certs := a.certs()
	switch {
	case certs == nil:
		a.cannot("", noCertificate)
	case !named:
		a.cannot("", "the program names no team whose developers could sign it")
	case a.s.Channel().Or("") == code.ChannelDevelopment:
		a.cannot("", "the program itself is signed with a development certificate")
	default:
		a.make("", "a developer of the same team signs on his own machine", func(s *code.Subject) {
			each(s, func(v *code.Slice) { resign(v, chain(code.ChannelDevelopment, team, certs[len(certs)-1])) })
		})
	}
}

func (a *attacker) otherIdentifier() {
	id := a.identifierOf()
	for _, c := range []struct{ variant, what, id string }{
		{"unrelated", "the same signer's program with an unrelated identifier", a.identifier},
		{"longer", "the same signer's program whose identifier begins with the allowed one", id + ".plugin"},
		{"case", "the same signer's program whose identifier differs in case", swapCase(id)},
	} {
		switch {
		case c.id == id:
			a.cannot(c.variant, "the identifier has no letters")
		case a.o.Named != nil && c.variant != "unrelated" && a.o.Named(c.id):
			a.cannot(c.variant, "the policy names "+c.id+" itself")
		default:
			a.make(c.variant, c.what, func(s *code.Subject) { each(s, func(v *code.Slice) { v.Identifier = code.Known(c.id) }) })
		}
	}
}

// swapCase exchanges upper and lower case of ASCII letters.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}
