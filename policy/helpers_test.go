package policy

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

var clock = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var errUnread = errors.New("the file could not be read")

// dict makes a dictionary of strings, ints and bools.
func dict(t testing.TB, kv ...any) code.Value {
	t.Helper()
	var entries []code.Entry
	for i := 0; i < len(kv); i += 2 {
		var v code.Value
		switch x := kv[i+1].(type) {
		case string:
			v = plist.String(x)
		case bool:
			v = plist.Bool(x)
		case int:
			v = plist.Int(int64(x))
		case code.Value:
			v = x
		}
		entries = append(entries, code.Entry{Key: kv[i].(string), Value: v})
	}
	d, err := plist.Dict(entries...)
	require.NoError(t, err)
	return d
}

func passed(o code.Origin, archs ...string) code.Validity {
	if len(archs) == 0 {
		archs = []string{""}
	}
	var v code.Validity
	for _, arch := range archs {
		for _, id := range code.Mandatory(o) {
			v.Checks = append(v.Checks, code.Check{ID: id, Arch: arch, Outcome: code.Passed})
		}
	}
	return v
}

// client is a Developer ID program of team ABCDE12345 that passes the floor.
func client(t testing.TB) *code.Subject {
	t.Helper()
	s := &code.Subject{Origin: code.OriginDisk, Validity: passed(code.OriginDisk), Slice: slice(t, "arm64", "com.acme.client")}
	s.Notarized = code.Unknown[bool](errors.New("only a Mac can tell"))
	return s
}

func slice(t testing.TB, arch, identifier string) code.Slice {
	return code.Slice{
		Arch: arch, Signed: true, MinOS: "13.0", SDK: "14.4",
		Identifier:     code.Known(identifier),
		ClaimedTeamID:  code.Known("ABCDE12345"),
		CDHashes:       code.Known([]code.CDHash{{Type: code.HashSHA256, Hash: [20]byte{0xaa, 1}, Full: append(code.Hex{0xaa, 1}, make([]byte, 30)...)}}),
		Flags:          code.Known(code.FlagRuntime),
		PlatformByte:   code.Known(uint8(0)),
		RuntimeVersion: code.Known("14.4.0"),
		Info:           code.Known(dict(t, "CFBundleShortVersionString", "2.1.3", "CFBundleVersion", "2103", "LSUIElement", true, "Port", 80)),
		Entitlements:   code.Known(dict(t, "com.acme.client", true, "com.acme.level", 3)),
		Certs:          code.Known(developerID("ABCDE12345")),
		SignedAt:       code.Known(time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)),
		SigningTime:    code.Absent[time.Time](),
		Requirements:   code.Absent[code.Hex](),
	}
}

func developerID(team string) []code.Certificate {
	return []code.Certificate{
		{Subject: []code.Attribute{{Type: code.OIDCommonName, Value: "Developer ID Application: Acme (" + team + ")"}, {Type: code.OIDOrganizationalUnit, Value: team}}, Extensions: []code.OID{code.OIDDeveloperID}, SHA256: [32]byte{1}},
		{Subject: []code.Attribute{{Type: code.OIDCommonName, Value: "Developer ID Certification Authority"}}, Extensions: []code.OID{code.OIDDeveloperIDCA}, SHA256: [32]byte{2}},
		{Subject: []code.Attribute{{Type: code.OIDCommonName, Value: "Apple Root CA"}}, SHA256: [32]byte{3}, SelfSigned: true, AppleRoot: true},
	}
}

// edit changes a copy of the client.
func edit(t testing.TB, change func(s *code.Subject)) *code.Subject {
	t.Helper()
	s := *client(t)
	change(&s)
	return &s
}

// process makes the client a running process.
func process(s *code.Subject) {
	s.Origin, s.Validity = code.OriginKernel, passed(code.OriginKernel)
	s.Process = &code.Process{
		Token:    [8]uint32{501, 501, 20, 501, 20, 4711, 100001, 7},
		Strength: code.StrengthMessage,
		Status:   code.Known(code.CSValid | code.CSSigned | code.CSRuntime | code.CSHard | code.CSKill),
	}
}

// load parses a document that must be fine.
func load(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("test.yaml", []byte(text))
	require.NoError(t, err)
	return p
}

const header = "apiVersion: xpcpolicy/v1\nname: test\n"

// allowing is a policy with one rule.
func allowing(t testing.TB, condition string) *Policy {
	t.Helper()
	return load(t, header+"requirements: {acme: identifier com.acme.client}\nrules:\n  - name: r\n    allow: |-\n      "+condition+"\n")
}

func decide(p *Policy, s *code.Subject) Decision {
	return p.Decide(context.Background(), Request{Subject: s, Now: clock})
}
