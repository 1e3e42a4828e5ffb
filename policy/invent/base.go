package invent

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// bases are the subjects that tests are written from. Each holds every fact that
// verification of such a program finds, and no fact that only a Mac knows.
var bases = []struct {
	name, doc string
	channel   code.Channel
}{
	{"$developer-id", "a notarised-style program from outside the store: Developer ID certificate of team " + Team + ", hardened runtime, version 2.0", code.ChannelDeveloperID},
	{"$app-store", "the same program from the Mac App Store: signed by Apple, whose certificate names no team", code.ChannelAppStore},
	{"$testflight", "the same program from TestFlight, signed by Apple", code.ChannelTestFlight},
	{"$development", "the same program from a developer's machine: Apple Development certificate, debuggable", code.ChannelDevelopment},
	{"$platform", "a program of the operating system, com.apple.example, without a team", code.ChannelApple},
	{"$adhoc", "a program without any certificate that calls itself " + Identifier, code.ChannelAdHoc},
}

// BaseNames lists the names that [Base] knows, each with what it stands for.
func BaseNames() (names, docs []string) {
	for _, b := range bases {
		names, docs = append(names, b.name), append(docs, b.doc)
	}
	return names, docs
}

// Base returns one of the invented programs by its name, as in "$developer-id".
func Base(name string) (*code.Subject, error) {
	for _, b := range bases {
		if b.name == name {
			return base(b.name, b.channel), nil
		}
	}
	names, _ := BaseNames()
	return nil, fmt.Errorf("there is no base %q; there are %s", name, strings.Join(names, ", "))
}

func base(name string, channel code.Channel) *code.Subject {
	s := &code.Subject{
		Origin: code.OriginReplay, Recorded: code.OriginDisk,
		Path: "invented:" + name, Format: "invented: there is no such program",
		Validity: verified(code.OriginDisk),
		Slice: code.Slice{
			Arch: "arm64", CPUType: 0x100000c, FileType: "execute", Platform: 1, MinOS: "13.0", SDK: "15.0", Signed: true,
			Identifier: code.Known(Identifier), ClaimedTeamID: code.Known(Team), Flags: code.Known(code.FlagRuntime),
			PlatformByte: code.Known(uint8(0)), ExecSegFlags: code.Known(code.ExecSegFlags(1)), RuntimeVersion: code.Known("15.0.0"),
			Info: code.Known(dict(
				code.Entry{Key: "CFBundleIdentifier", Value: plist.String(Identifier)},
				code.Entry{Key: "CFBundleShortVersionString", Value: plist.String("2.0")},
				code.Entry{Key: "CFBundleVersion", Value: plist.String("200")},
			)),
			Entitlements: code.Absent[code.Value](), Requirements: code.Absent[code.Hex](),
			SigningTime: code.Known(signedAt), SignedAt: code.Known(signedAt),
		},
		StapledTicket: code.Absent[int64](),
	}
	switch channel {
	case code.ChannelAppStore, code.ChannelTestFlight:
		s.SignedAt = code.Absent[timeOf]()
		s.Entitlements = code.Known(dict(
			code.Entry{Key: "com.apple.application-identifier", Value: plist.String(Team + "." + Identifier)},
			code.Entry{Key: "com.apple.developer.team-identifier", Value: plist.String(Team)},
			code.Entry{Key: "com.apple.security.app-sandbox", Value: plist.Bool(true)},
		))
	case code.ChannelDevelopment:
		s.SignedAt = code.Absent[timeOf]()
		s.Entitlements = code.Known(dict(code.Entry{Key: getTaskAllow, Value: plist.Bool(true)}))
	case code.ChannelApple:
		s.Identifier, s.ClaimedTeamID, s.PlatformByte = code.Known("com.apple.example"), code.Absent[string](), code.Known(uint8(15))
		s.SigningTime, s.SignedAt, s.Info = code.Absent[timeOf](), code.Absent[timeOf](), code.Absent[code.Value]()
	case code.ChannelAdHoc:
		unsign(&s.Slice)
	}
	if channel != code.ChannelAdHoc {
		s.Certs = code.Known(chain(channel, Team, appleRoot()))
	}
	rehash(s, name)
	return s
}

// unsign makes a slice ad hoc: the claims stay, the certificates go.
func unsign(s *code.Slice) {
	s.Certs = code.Absent[[]code.Certificate]()
	s.SigningTime, s.SignedAt = code.Absent[timeOf](), code.Absent[timeOf]()
	s.Flags = code.Known(s.Flags.Or(0) | code.FlagAdHoc)
}

// verified lists the checks of an origin as passed, with the word that they were
// not.
func verified(o code.Origin) code.Validity {
	var v code.Validity
	for _, id := range code.Mandatory(o) {
		v.Checks = append(v.Checks, code.Check{ID: id, Name: "invented", Outcome: code.Passed, Reason: "invented for a test"})
	}
	return v
}

// rehash gives every slice other cdhashes, as any change of signed code does. The
// same facts and the same words give the same hashes.
func rehash(s *code.Subject, words string) {
	each(s, func(v *code.Slice) {
		old := v.CDHash().Or(code.CDHash{})
		sum := sha256.Sum256([]byte(words + "\x00" + v.Arch + "\x00" + string(old.Full) + string(old.Hash[:])))
		h := code.CDHash{Type: code.HashSHA256, Full: sum[:]}
		copy(h.Hash[:], sum[:])
		v.CDHashes = code.Known([]code.CDHash{h})
		v.Signature = nil // it described the code as it was
	})
}

// each changes the best slice and all others.
func each(s *code.Subject, change func(*code.Slice)) {
	change(&s.Slice)
	for i := range s.Slices {
		change(&s.Slices[i])
	}
}

// clone copies what edits change in place, and makes the copy a replay.
func clone(s *code.Subject) *code.Subject {
	c := *s
	c.Slices = append([]code.Slice(nil), s.Slices...)
	c.Validity.Checks = append([]code.Check(nil), s.Validity.Checks...)
	if s.Process != nil {
		p := *s.Process
		c.Process = &p
	}
	if c.Origin != code.OriginReplay {
		c.Recorded, c.Origin = c.Origin, code.OriginReplay
	}
	return &c
}
