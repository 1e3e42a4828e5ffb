package requirement

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// signed returns code with a chain; what a certificate is is said by its options.
func signed(id string, certs ...code.Certificate) *code.Subject {
	s := &code.Subject{}
	s.Signed = true
	s.Identifier = code.Known(id)
	s.Certs = code.Known(certs)
	s.Requirements = code.Absent[code.Hex]()
	s.InTrustCache = code.Known(false)
	return s
}

// cert returns a certificate with a hash of its own and attributes as in
// "CN=Name".
func cert(hash byte, attributes ...string) code.Certificate {
	c := code.Certificate{SHA1: [20]byte{19: hash}}
	for _, a := range attributes {
		name, value, _ := strings.Cut(a, "=")
		oid, _ := SubjectField("subject." + name)
		c.Subject = append(c.Subject, code.Attribute{Type: oid, Value: value})
	}
	return c
}

func with(c code.Certificate, extensions ...code.OID) code.Certificate {
	c.Extensions = extensions
	return c
}

func appleRoot() code.Certificate {
	c := cert(9, "CN=Apple Root CA", "O=Apple Inc.")
	c.AppleRoot = true
	return c
}

func adHoc(hashes ...code.CDHash) code.Slice {
	return code.Slice{Signed: true, CDHashes: code.Known(hashes), Certs: code.Absent[[]code.Certificate](), Requirements: code.Absent[code.Hex]()}
}

func cdhash(t code.HashType, b byte) code.CDHash {
	h := code.CDHash{Type: t}
	for i := range h.Hash {
		h.Hash[i] = b
	}
	return h
}

// TestDefaultDesignatedBytes compares with blobs that codesign made.
func TestDefaultDesignatedBytes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		subject *code.Subject
		want    string
	}{
		"Developer ID": {
			signed("com.example.app",
				with(cert(1, "CN=Developer ID Application: Jo Doe (ABCDE12345)", "OU=ABCDE12345"), code.OIDDeveloperID),
				with(cert(2), code.OIDDeveloperIDCA), appleRoot()),
			"fade0c000000009c0000000100000006000000020000000f636f6d2e6578616d706c652e61707000000000060000000f000000060000000e000000010000000a2a864886f76364060206000000000000000000060000000e000000000000000a2a864886f7636406010d0000000000000000000b000000000000000a7375626a6563742e4f550000000000010000000a414243444531323334350000",
		},
		"Apple Development": {
			signed("com.example.app",
				with(cert(1, "CN=Apple Development: Jo Doe (ABCDE12345)", "OU=ABCDE12345"), code.OIDMacDeveloper),
				with(cert(2), code.OIDWWDRIntermediate), appleRoot()),
			"fade0c00000000980000000100000006000000020000000f636f6d2e6578616d706c652e61707000000000060000000f000000060000000b000000000000000a7375626a6563742e434e000000000001000000264170706c6520446576656c6f706d656e743a204a6f20446f652028414243444531323334352900000000000e000000010000000a2a864886f76364060201000000000000",
		},
		"Apple": {
			signed("com.apple.TextEdit", cert(1, "CN=Software Signing"), cert(2, "CN=Apple Code Signing Certification Authority"), appleRoot()),
			"fade0c000000003000000001000000060000000200000012636f6d2e6170706c652e5465787445646974000000000003",
		},
		"ad hoc": {
			&code.Subject{Slice: adHoc(cdhash(code.HashSHA256, 1), cdhash(code.HashSHA1, 0))},
			"fade0c000000004800000001000000070000000800000014000000000000000000000000000000000000000000000008000000140101010101010101010101010101010101010101",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := DefaultDesignated(tt.subject)
			require.NoError(t, err)
			assert.Equal(t, tt.want, hex.EncodeToString(Encode(e)))
		})
	}
}

func TestDefaultDesignated(t *testing.T) {
	t.Parallel()
	hash := func(n string) string { return `H"` + strings.Repeat("0", 39) + n + `"` }
	for name, tt := range map[string]struct {
		subject *code.Subject
		want    string
	}{
		"a team that begins with a digit is quoted": {
			signed("a", cert(1, "OU=9ABCDE1234"), with(cert(2), code.OIDDeveloperIDCA), appleRoot()),
			`identifier a and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = "9ABCDE1234"`,
		},
		"the last of several units is the team": {
			signed("a", cert(1, "OU=FIRST", "OU=LAST"), with(cert(2), code.OIDDeveloperIDCA), appleRoot()),
			`identifier a and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = LAST`,
		},
		"a longer chain below an Apple root is Apple's to codesign": {
			signed("a", cert(1, "OU=X"), with(cert(2), code.OIDDeveloperIDCA), cert(3), appleRoot()),
			`identifier a and anchor apple`,
		},
		"self-signed without an organization is pinned at the leaf": {
			signed("a", cert(1, "CN=Mine")),
			`identifier a and certificate leaf = ` + hash("1"),
		},
		"self-signed with an organization is pinned at the root": {
			signed("a", cert(1, "O=Mine")),
			`identifier a and certificate root = ` + hash("1"),
		},
		"the walk ends where the organization does": {
			signed("a", cert(1, "O=Mine"), cert(2, "O=Mine"), cert(3, "O=Other"), cert(4, "O=Mine")),
			`identifier a and certificate 1 = ` + hash("2"),
		},
		"the walk ends at a certificate without one": {
			signed("a", cert(1, "O=Mine"), cert(2), cert(3, "O=Mine")),
			`identifier a and certificate leaf = ` + hash("1"),
		},
		"the walk goes up to the root": {
			signed("a", cert(1, "O=Mine"), cert(2, "O=Mine"), cert(3, "O=Mine")),
			`identifier a and certificate root = ` + hash("3"),
		},
		"letters beyond ASCII": {
			signed("é", cert(1, "O=Mine")),
			`identifier "é" and certificate root = ` + hash("1"),
		},
		"a hash that nobody computed is computed": {
			signed("a", code.Certificate{DER: code.Hex("certificate")}),
			`identifier a and certificate leaf = H"735ad571c189d7ba84464bf4a9f1d2280175b128"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := DefaultDesignated(tt.subject)
			require.NoError(t, err)
			assert.Equal(t, tt.want, Format(e))
			back, err := Decode(Encode(e))
			require.NoError(t, err)
			assert.Equal(t, Encode(e), Encode(back))
		})
	}
}

// TestDefaultDesignatedOfUniversalCode is about the order: the slice in question
// with its hash types by number, then the others in the order of the file.
func TestDefaultDesignatedOfUniversalCode(t *testing.T) {
	t.Parallel()
	intel := adHoc(cdhash(code.HashSHA256, 0x12), cdhash(code.HashSHA1, 0x11))
	arm := adHoc(cdhash(code.HashSHA256, 0x22), cdhash(code.HashSHA1, 0x21))
	intel.Arch, arm.Arch, arm.Offset = "x86_64", "arm64", 16384
	s := &code.Subject{Slice: arm, Slices: []code.Slice{intel, arm}}
	order := func(s *code.Subject) (all string) {
		e, err := DefaultDesignated(s)
		require.NoError(t, err)
		for n := range All(e) {
			if n.Op == OpCDHash {
				all += hexText(n.Value[:1]) + " "
			}
		}
		assert.Equal(t, OpOr, e.X.Op, "codesign chains to the left here")
		return all
	}
	assert.Equal(t, "21 22 11 12 ", order(s))
	assert.Equal(t, "11 12 21 22 ", order(s.PerSlice()[0]))

	s.Slices[0].Signed = false
	_, err := DefaultDesignated(s)
	assert.Equal(t, code.StatusUnsigned, code.StatusOf(err))
	assert.ErrorContains(t, err, "x86_64")
}

func TestDesignatedRequirement(t *testing.T) {
	t.Parallel()
	own := func(text string) code.Fact[code.Hex] {
		set, err := ParseSet("", text)
		require.NoError(t, err)
		return code.Known(code.Hex(EncodeSet(set)))
	}
	for name, tt := range map[string]struct {
		requirements code.Fact[code.Hex]
		text         string
		outcome      Outcome
	}{
		"the one in the signature": {own(`host => never designated => identifier a`), `designated => identifier a`, True},
		"one that is not kept":     {own(`designated => identifier b`), `designated => identifier b`, False},
		"one that nobody can tell": {own(`designated => notarized`), `designated => notarized`, Unknown},
		"none in the set": {own(`host => never`),
			`# designated => identifier a and certificate root = H"0000000000000000000000000000000000000001"`, True},
		"no set": {code.Absent[code.Hex](),
			`# designated => identifier a and certificate root = H"0000000000000000000000000000000000000001"`, True},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := signed("a", cert(1, "O=Mine"))
			s.Requirements = tt.requirements
			d, err := Designated(s)
			require.NoError(t, err)
			assert.Equal(t, tt.text, d.String())
			assert.Equal(t, strings.HasPrefix(tt.text, "#"), d.Implied)
			assert.Equal(t, tt.outcome, d.Result.Outcome)
			require.NoError(t, d.DefaultError)
			assert.Equal(t, `identifier a and certificate root = H"0000000000000000000000000000000000000001"`, Format(d.Default))
		})
	}
	assert.Empty(t, DesignatedRequirement{}.String())
}

func TestDesignatedOfUnknownFacts(t *testing.T) {
	t.Parallel()
	why := errors.New("not read")
	for want, change := range map[string]func(s *code.Subject){
		"requirements is not known: not read": func(s *code.Subject) { s.Requirements = code.Unknown[code.Hex](why) },
		"certificates is not known: not read": func(s *code.Subject) { s.Certs = code.Unknown[[]code.Certificate](why) },
		"identifier is not known: not read":   func(s *code.Subject) { s.Identifier = code.Unknown[string](why) },
		"the signature has no identifier":     func(s *code.Subject) { s.Identifier = code.Absent[string]() },
		"cdhashes is not known: not read": func(s *code.Subject) {
			s.Certs, s.CDHashes = code.Absent[[]code.Certificate](), code.Unknown[[]code.CDHash](why)
		},
		"has no CodeDirectory": func(s *code.Subject) {
			s.Certs, s.CDHashes = code.Absent[[]code.Certificate](), code.Absent[[]code.CDHash]()
		},
		"certificates[0].sha1 is not known": func(s *code.Subject) { s.Certs = code.Known([]code.Certificate{{}}) },
		"no common name": func(s *code.Subject) {
			s.Certs = code.Known([]code.Certificate{{}, with(cert(2), code.OIDWWDRIntermediate), appleRoot()})
		},
		"no organizational unit": func(s *code.Subject) {
			s.Certs = code.Known([]code.Certificate{{}, with(cert(2), code.OIDDeveloperIDCA), appleRoot()})
		},
		"there is no signature (errSecCSUnsigned)": func(s *code.Subject) { s.Signed = false },
		"magic is": func(s *code.Subject) { s.Requirements = code.Known(code.Hex("no requirements")) },
	} {
		s := signed("a", cert(1, "O=Mine"))
		change(s)
		d, err := Designated(s)
		assert.ErrorContains(t, err, want)
		assert.Zero(t, d)
	}

	// An explicit requirement needs no default.
	s := signed("a", code.Certificate{})
	set, err := ParseSet("", `designated => identifier a`)
	require.NoError(t, err)
	s.Requirements = code.Known(code.Hex(EncodeSet(set)))
	d, err := Designated(s)
	require.NoError(t, err)
	assert.Nil(t, d.Default)
	assert.Error(t, d.DefaultError)
	assert.Equal(t, True, d.Result.Outcome)
}
