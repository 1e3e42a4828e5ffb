package invent

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// kind is what Set needs for a field.
type kind uint8

const (
	kindText kind = iota
	kindBool
	kindInt
	kindTime
	kindTexts
	kindAny
)

var kindNames = [...]string{"a text", "true or false", "a number", "a time as in 2026-01-31T00:00:00Z", "a list of texts", "any value"}

// field is one fact by the name that policies use.
type field struct {
	name   string
	kind   kind
	keyed  bool // a dictionary: the path goes on with a key
	signed bool // the signature covers it
	set    func(s *code.Subject, key string, v code.Value) error
	unset  func(s *code.Subject, key string) error
	hide   func(s *code.Subject)
	// instead says what to do for a field that cannot be set.
	instead string
}

const useChannel = "it follows from the certificates: set subject.channel, or begin with like: $developer-id or another base"

var fields = []field{
	sliceText("subject.identifier", false, func(s *code.Slice) *code.Fact[string] { return &s.Identifier }),
	sliceText("subject.claimed_team_id", true, func(s *code.Slice) *code.Fact[string] { return &s.ClaimedTeamID }),
	{name: "subject.team_id", signed: true, set: setTeam, unset: func(s *code.Subject, _ string) error {
		each(s, func(v *code.Slice) { v.ClaimedTeamID = code.Absent[string]() })
		return nil
	}, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.ClaimedTeamID = code.Unknown[string](errHidden) })
	}},
	{name: "subject.channel", signed: true, set: setChannel},
	{name: "subject.anchor", instead: useChannel},
	infoText("subject.version", "CFBundleShortVersionString"),
	infoText("subject.build", "CFBundleVersion"),
	{name: "subject.cdhash", set: setCDHash, hide: hideCDHashes},
	{name: "subject.cdhashes", instead: "set subject.cdhash", hide: hideCDHashes},
	{name: "subject.flags", kind: kindTexts, signed: true, set: setFlags, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.Flags = code.Unknown[code.CodeFlags](errHidden) })
	}},
	flag("subject.hardened_runtime", code.FlagRuntime),
	flag("subject.library_validation", code.FlagLibraryValidation),
	flag("subject.linker_signed", code.FlagLinkerSigned),
	{name: "subject.adhoc", kind: kindBool, signed: true, set: setAdHoc},
	{name: "subject.platform_byte", kind: kindInt, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		n, ok := v.Int64()
		if !ok || n < 0 || n > 255 {
			return errors.New("want a number from 0 to 255")
		}
		each(s, func(v *code.Slice) { v.PlatformByte = code.Known(uint8(n)) })
		return nil
	}, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.PlatformByte = code.Unknown[uint8](errHidden) })
	}},
	sliceTime("subject.signed_at", func(s *code.Slice) *code.Fact[time.Time] { return &s.SignedAt }),
	sliceTime("subject.signing_time", func(s *code.Slice) *code.Fact[time.Time] { return &s.SigningTime }),
	{name: "subject.certificates", instead: useChannel, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.Certs = code.Unknown[[]code.Certificate](errHidden) })
	}},
	dictionary("subject.entitlements", func(s *code.Slice) *code.Fact[code.Value] { return &s.Entitlements }),
	dictionary("subject.info", func(s *code.Slice) *code.Fact[code.Value] { return &s.Info }),
	plainText("subject.arch", func(s *code.Slice) *string { return &s.Arch }),
	plainText("subject.min_os", func(s *code.Slice) *string { return &s.MinOS }),
	plainText("subject.sdk", func(s *code.Slice) *string { return &s.SDK }),
	sliceText("subject.runtime_version", true, func(s *code.Slice) *code.Fact[string] { return &s.RuntimeVersion }),
	{name: "subject.notarized", kind: kindBool, set: func(s *code.Subject, _ string, v code.Value) error {
		b, ok := v.Boolean()
		if !ok {
			return errors.New("want true or false")
		}
		s.Notarized = code.Known(b)
		return nil
	}, hide: func(s *code.Subject) { s.Notarized = code.Unknown[bool](errHidden) }},
	{name: "subject.slices", instead: "use the facts of a universal program: xpcpolicy facts PROGRAM"},

	word("process.auid", 0), word("process.euid", 1), word("process.egid", 2), word("process.ruid", 3),
	word("process.rgid", 4), word("process.pid", 5), word("process.asid", 6), word("process.pid_version", 7),
	{name: "process.flags", kind: kindTexts, set: setStatus, hide: func(s *code.Subject) {
		process(s).Status = code.Unknown[code.KernelFlags](errHidden)
	}},
	{name: "process.token_strength", set: func(s *code.Subject, _ string, v code.Value) error {
		text, _ := v.Str()
		switch code.TokenStrength(text) {
		case code.StrengthMessage, code.StrengthConnection, code.StrengthWeak:
			process(s).Strength = code.TokenStrength(text)
			return nil
		}
		return errors.New(`want "message", "connection" or "weak"`)
	}, hide: func(s *code.Subject) { process(s).Strength = "" }},
	processText("process.identifier", false, func(p *code.Process) *code.Fact[string] { return &p.Identifier }),
	processText("process.team_id", true, func(p *code.Process) *code.Fact[string] { return &p.TeamID }),
	{name: "process.cdhash", set: func(s *code.Subject, _ string, v code.Value) error {
		text, _ := v.Str()
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != 20 {
			return errors.New("want 40 hexadecimal digits")
		}
		process(s).CDHash = code.Known(code.Hex(b))
		return nil
	}, hide: func(s *code.Subject) { process(s).CDHash = code.Unknown[code.Hex](errHidden) }},
	{name: "process.validation_category", kind: kindInt, set: func(s *code.Subject, _ string, v code.Value) error {
		n, ok := v.Int64()
		if !ok || n < 0 || n > math.MaxUint32 {
			return errors.New("want a number from 0 to 4294967295")
		}
		process(s).ValidationCategory = code.Known(uint32(n))
		return nil
	}, unset: func(s *code.Subject, _ string) error {
		process(s).ValidationCategory = code.Absent[uint32]()
		return nil
	}, hide: func(s *code.Subject) { process(s).ValidationCategory = code.Unknown[uint32](errHidden) }},
	processBool("process.bundle_main", func(p *code.Process) *code.Fact[bool] { return &p.BundleMain }),
	processBool("process.translated", func(p *code.Process) *code.Fact[bool] { return &p.Translated }),
	{name: "process.interpreter", instead: "it follows from the identifier: set subject.identifier to that of an interpreter, as in com.apple.python3"},
	{name: "process.plugin_host", instead: "it follows from the identifier: set subject.identifier to that of a host, as in com.apple.SecurityAgent"},
}

func sliceText(name string, optional bool, at func(*code.Slice) *code.Fact[string]) field {
	f := field{name: name, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		text, ok := v.Str()
		if !ok || text == "" {
			return errors.New("want a text")
		}
		each(s, func(v *code.Slice) { *at(v) = code.Known(text) })
		return nil
	}, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { *at(v) = code.Unknown[string](errHidden) })
	}}
	if optional {
		f.unset = func(s *code.Subject, _ string) error {
			each(s, func(v *code.Slice) { *at(v) = code.Absent[string]() })
			return nil
		}
	}
	return f
}

func plainText(name string, at func(*code.Slice) *string) field {
	return field{name: name, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		text, ok := v.Str()
		switch {
		case !ok || text == "":
			return errors.New("want a text")
		case len(s.Slices) > 0 && name == "subject.arch":
			return errors.New("the code is universal: each slice has its own")
		}
		each(s, func(v *code.Slice) { *at(v) = text })
		return nil
	}, unset: func(s *code.Subject, _ string) error {
		if len(s.Slices) > 0 && name == "subject.arch" {
			return errors.New("the code is universal: each slice has its own")
		}
		each(s, func(v *code.Slice) { *at(v) = "" })
		return nil
	}}
}

func sliceTime(name string, at func(*code.Slice) *code.Fact[time.Time]) field {
	return field{name: name, kind: kindTime, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		text, _ := v.Str()
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return errors.New("want a time as in 2026-01-31T00:00:00Z")
		}
		each(s, func(v *code.Slice) { *at(v) = code.Known(t.UTC()) })
		return nil
	}, unset: func(s *code.Subject, _ string) error {
		each(s, func(v *code.Slice) { *at(v) = code.Absent[time.Time]() })
		return nil
	}, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { *at(v) = code.Unknown[time.Time](errHidden) })
	}}
}

func flag(name string, bit code.CodeFlags) field {
	return field{name: name, kind: kindBool, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		b, ok := v.Boolean()
		if !ok {
			return errors.New("want true or false")
		}
		setFlag(s, bit, b)
		return nil
	}}
}

func setFlag(s *code.Subject, bit code.CodeFlags, on bool) {
	each(s, func(v *code.Slice) {
		f := v.Flags.Or(0) &^ bit
		if on {
			f |= bit
		}
		v.Flags = code.Known(f)
	})
	if p := s.Process; p != nil && bit == code.FlagRuntime && p.Status.IsKnown() {
		st := p.Status.Or(0) &^ code.CSRuntime
		if on {
			st |= code.CSRuntime
		}
		p.Status = code.Known(st)
	}
}

func infoText(name, key string) field {
	info := func(s *code.Slice) *code.Fact[code.Value] { return &s.Info }
	return field{name: name, signed: true, set: func(s *code.Subject, _ string, v code.Value) error {
		if text, ok := v.Str(); !ok || text == "" {
			return errors.New("want a text")
		}
		return setKey(s, info, key, v)
	}, unset: func(s *code.Subject, _ string) error { return unsetKey(s, info, key) },
		hide: func(s *code.Subject) { each(s, func(v *code.Slice) { v.Info = code.Unknown[code.Value](errHidden) }) }}
}

func dictionary(name string, at func(*code.Slice) *code.Fact[code.Value]) field {
	return field{name: name, kind: kindAny, keyed: true, signed: true, set: func(s *code.Subject, key string, v code.Value) error {
		if key != "" {
			return setKey(s, at, key, v)
		}
		if v.Kind() != plist.KindDict {
			return errors.New("want an object with keys; one key is set by " + name + ".KEY")
		}
		each(s, func(slice *code.Slice) { *at(slice) = code.Known(v) })
		return nil
	}, unset: func(s *code.Subject, key string) error {
		if key != "" {
			return unsetKey(s, at, key)
		}
		each(s, func(v *code.Slice) { *at(v) = code.Absent[code.Value]() })
		return nil
	}, hide: func(s *code.Subject) {
		each(s, func(v *code.Slice) { *at(v) = code.Unknown[code.Value](errHidden) })
	}}
}

var errUnknownRest = errors.New("nobody knows the other keys of this program: one alone cannot be changed")

func setKey(s *code.Subject, at func(*code.Slice) *code.Fact[code.Value], key string, v code.Value) (err error) {
	each(s, func(slice *code.Slice) {
		f := at(slice)
		if f.IsUnknown() {
			err = errUnknownRest
			return
		}
		d, problem := with(*f, key, v)
		if problem != nil {
			err = problem
			return
		}
		*f = code.Known(d)
	})
	return err
}

func unsetKey(s *code.Subject, at func(*code.Slice) *code.Fact[code.Value], key string) (err error) {
	each(s, func(slice *code.Slice) {
		f := at(slice)
		if f.IsUnknown() {
			err = errUnknownRest
			return
		}
		*f = without(*f, key)
	})
	return err
}

// setTeam changes the team that the certificates vouch for: the claim, and the
// certificate where it names a team.
func setTeam(s *code.Subject, _ string, v code.Value) error {
	team, ok := v.Str()
	if !ok || team == "" {
		return errors.New("want a text")
	}
	if !s.Certs.IsKnown() {
		return errors.New("no certificate vouches for a team here: set subject.claimed_team_id, or begin with like: $developer-id")
	}
	each(s, func(v *code.Slice) {
		if certs, ok, _ := v.Certs.Get(); ok && code.DeveloperType(certs) {
			v.Certs = code.Known(withUnit(certs, team))
		}
		v.ClaimedTeamID = code.Known(team)
	})
	return nil
}

// setChannel signs the program again with the certificates of another channel.
func setChannel(s *code.Subject, _ string, v code.Value) error {
	text, _ := v.Str()
	channel := code.Channel(text)
	if channel == code.ChannelAdHoc {
		each(s, unsign)
		return nil
	}
	team := s.ClaimedTeamID.Or(Team)
	certs := chain(channel, team, appleRoot())
	switch {
	case channel == code.ChannelPrivate:
		certs = imitation(chain(code.ChannelDeveloperID, team, appleRoot()))
	case channel == code.ChannelSelfSigned:
		certs = selfSigned(chain(code.ChannelDeveloperID, team, appleRoot())[0])
	case certs == nil:
		return fmt.Errorf("no certificates can be invented for channel %q; known: developer-id, app-store, testflight, development, distribution, apple, private, self-signed, ad-hoc", text)
	}
	each(s, func(v *code.Slice) { resign(v, certs) })
	return nil
}

// resign signs a slice with other certificates.
func resign(v *code.Slice, certs []code.Certificate) {
	v.Certs = code.Known(certs)
	v.Flags = code.Known(v.Flags.Or(0) &^ code.FlagAdHoc)
}

func setAdHoc(s *code.Subject, _ string, v code.Value) error {
	switch b, ok := v.Boolean(); {
	case !ok:
		return errors.New("want true or false")
	case !b:
		return errors.New("set subject.channel to say who signs it instead")
	}
	each(s, unsign)
	return nil
}

func setCDHash(s *code.Subject, _ string, v code.Value) error {
	text, _ := v.Str()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 20 && len(b) != 32 {
		return errors.New("want 40 or 64 hexadecimal digits")
	}
	if len(s.Slices) > 0 {
		return errors.New("the code is universal: each slice has its own")
	}
	h := code.CDHash{Type: code.HashSHA256, Full: b}
	if len(b) == 20 {
		h.Type = code.HashSHA256Truncated
	}
	copy(h.Hash[:], b)
	s.CDHashes = code.Known([]code.CDHash{h})
	return nil
}

func hideCDHashes(s *code.Subject) {
	each(s, func(v *code.Slice) { v.CDHashes = code.Unknown[[]code.CDHash](errHidden) })
}
