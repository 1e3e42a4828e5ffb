package requirement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build is the Builder of all tests.
var build Builder

func TestBuilder(t *testing.T) {
	t.Parallel()
	hash := [20]byte{1, 2, 3}
	cutOff := time.Date(2019, 4, 8, 0, 0, 0, 0, time.UTC)
	const devID, caID = "1.2.840.113635.100.6.1.13", "1.2.840.113635.100.6.2.6"
	for text, term := range map[string]Term{
		`always`:                       build.Always(),
		`never`:                        build.Never(),
		`identifier "com.example.app"`: build.Identifier("com.example.app"),
		`identifier "a\" or always"`:   build.Identifier(`a" or always`),
		`cdhash H"0102030000000000000000000000000000000000"`: build.CDHash(hash[:]),
		`anchor apple`:             build.AnchorApple(),
		`anchor apple generic`:     build.AnchorAppleGeneric(),
		`anchor trusted`:           build.AnchorTrusted(),
		`certificate leaf trusted`: build.CertificateTrusted(SlotLeaf),
		`certificate root = H"0102030000000000000000000000000000000000"`:       build.CertificateHash(SlotRoot, hash),
		`certificate leaf[subject.CN] = "Jo \"\" Doe*"`:                        build.CertificateSubject(SlotLeaf, "CN", build.Equal(`Jo "" Doe*`)),
		`certificate -2[subject.O] = "Apple "*`:                                build.CertificateSubject(-2, "O", build.BeginsWith("Apple ")),
		`certificate leaf[field.` + devID + `] absent`:                         build.CertificateExtension(SlotLeaf, devID, build.Absent()),
		`certificate 1[policy.1.2.3]`:                                          build.CertificatePolicy(1, "1.2.3", build.Exists()),
		`certificate leaf[timestamp.1.2] < timestamp "20190408000000Z"`:        build.CertificateDate(SlotLeaf, "1.2", build.Before(cutOff)),
		`info["a b"] = timestamp "20190408000000Z"`:                            build.Info("a b", build.On(cutOff)),
		`info[a] > timestamp "20190408000000Z"`:                                build.Info("a", build.After(cutOff)),
		`info[a] <= timestamp "20190408000000Z"`:                               build.Info("a", build.OnOrBefore(cutOff)),
		`info[a] >= timestamp "20190408000000Z"`:                               build.Info("a", build.OnOrAfter(cutOff)),
		`info[a] ~ "x y"`:                                                      build.Info("a", build.Contains("x y")),
		`info[a] = *"host"`:                                                    build.Info("a", build.EndsWith("host")),
		`info[a] < "1.0"`:                                                      build.Info("a", build.Less("1.0")),
		`info[a] <= "1.0"`:                                                     build.Info("a", build.LessEqual("1.0")),
		`info[a] > "1.0"`:                                                      build.Info("a", build.Greater("1.0")),
		`info[CFBundleVersion] >= "407"`:                                       build.Info("CFBundleVersion", build.GreaterEqual("407")),
		`info[a] = ""`:                                                         build.Info("a", build.Equal("")),
		`info[a] = 0x5c`:                                                       build.Info("a", build.Equal(`\`)),
		`info[a] = 0xc3a9`:                                                     build.Info("a", build.Equal("é")),
		`entitlement["com.apple.security.app-sandbox"]`:                        build.Entitlement("com.apple.security.app-sandbox", build.Exists()),
		`platform = 13`:                                                        build.Platform(13),
		`notarized or legacy`:                                                  build.Or(build.Notarized(), build.Legacy()),
		`! (always and never)`:                                                 build.Not(build.And(build.Always(), build.Never())),
		`always and never and legacy`:                                          build.And(build.Always(), build.Never(), build.Legacy()),
		`always and (never and legacy)`:                                        build.And(build.Always(), build.And(build.Never(), build.Legacy())),
		`anchor apple generic and certificate leaf[subject.OU] = "9ABCDE1234"`: build.Team("9ABCDE1234"),
		`anchor apple generic and certificate 1[field.` + caID + `] and certificate leaf[field.` + devID +
			`] and certificate leaf[subject.OU] = ABCDE12345`: build.DeveloperID("ABCDE12345"),
		`anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9]`: build.MacAppStore(),
		`identifier a or (identifier b and always)`:                                 build.Or(build.Identifier("a"), build.Requirement(parsed(t, `identifier b and always`))),
	} {
		want, err := Parse("", text)
		require.NoError(t, err, text)
		e, err := term.Expr()
		if assert.NoError(t, err, text) {
			assert.Equal(t, Encode(want), Encode(e), text)
			assert.Equal(t, Format(want), term.String())
		}
	}
}

func TestBuilderMistakes(t *testing.T) {
	t.Parallel()
	deep := build.Always()
	for range 999 {
		deep = build.Not(deep)
	}
	for want, term := range map[string]Term{
		"identifier is empty":                            build.Identifier(""),
		`identifier "a\x00b" holds a NUL byte`:           build.Identifier("a\x00b"),
		`identifier "\xff" is not UTF-8`:                 build.Identifier("\xff"),
		"a cdhash has 20 bytes, this one has 32":         build.CDHash(make([]byte, 32)),
		"is all zeros":                                   build.CertificateHash(SlotLeaf, [20]byte{}),
		`no subject attribute "TEAM"`:                    build.CertificateSubject(SlotLeaf, "TEAM", build.Equal("x")),
		"subject.OU absent is never true":                build.CertificateSubject(SlotLeaf, "OU", build.Absent()),
		"subject.OU is no date":                          build.CertificateSubject(SlotLeaf, "OU", build.On(time.Unix(0, 0))),
		`"1" needs 2 to 64 arcs`:                         build.CertificateExtension(SlotLeaf, "1", build.Exists()),
		"only whether it exists":                         build.CertificatePolicy(SlotLeaf, "1.2", build.Equal("x")),
		"a date compares with dates only":                build.CertificateDate(SlotLeaf, "1.2", build.Less("x")),
		"the date is zero":                               build.CertificateDate(SlotLeaf, "1.2", build.Before(time.Time{})),
		"no whole second":                                build.Info("a", build.Before(time.Unix(0, 1))),
		"Info.plist key is empty":                        build.Info("", build.Exists()),
		"entitlement is empty":                           build.Entitlement("", build.Exists()),
		"an empty value is contained in nothing":         build.Info("a", build.Contains("")),
		`"a": value "x\x00" holds a NUL`:                 build.Entitlement("a", build.Equal("x\x00")),
		"a comparison that no Builder made":              build.Info("a", Comparison{}),
		"a term that no Builder made":                    {},
		"And: term 2: a term that no Builder made":       build.And(build.Always(), Term{}),
		"Not: a term that no Builder made":               build.Not(Term{}),
		"Or without a term":                              build.Or(),
		"And without a term":                             build.Not(build.And()),
		"10 capital letters and digits":                  build.Team(`x" or always`),
		"Requirement of nil":                             build.Requirement(nil),
		"a launch constraint":                            build.Requirement(&Expr{Op: OpConstraint}),
		"operator 6 misses an operand":                   build.Requirement(&Expr{Op: OpAnd, X: &Expr{}}),
		"operator 200 does not exist":                    build.Requirement(&Expr{Op: 200}),
		"the requirement has 1000 levels":                deep,
		"identifier is empty\nidentifier \"\\xff\" is n": build.And(build.Identifier(""), build.Always(), build.Not(build.Identifier("\xff"))),
	} {
		e, err := term.Expr()
		assert.ErrorContains(t, err, want)
		assert.Nil(t, e, want)
		_, err = Parse("", term.String())
		assert.Error(t, err, "a mistake must not print as a requirement")
	}
}

// TestBuilderCopies holds for Requirement: what is built from it and what it was
// built from are not one.
func TestBuilderCopies(t *testing.T) {
	t.Parallel()
	e := parsed(t, `identifier a`)
	built, err := build.Requirement(e).Expr()
	require.NoError(t, err)
	e.Value = "b"
	assert.Equal(t, "a", built.Value)
	assert.Zero(t, built.Span())
}

// FuzzBuild holds for all values: what they become has the right bytes, and its
// text, if it has one, brings them back and is no other requirement.
func FuzzBuild(f *testing.F) {
	f.Add("com.example.app", "ABCDE12345", int32(0), int64(576374400), "1.2.840.113635.100.6.1.13")
	f.Add(`a" or always`, `\`, int32(-3), int64(-1), "1.2")
	f.Add("host", "*/ or always /*", int32(1), int64(1)<<40, "2.999.3")
	f.Add("a\x00b", "\xff", int32(7), int64(0), "0.9.2342.19200300.100.1.1")
	f.Fuzz(func(t *testing.T, key, value string, slot int32, seconds int64, oid string) {
		date := time.Unix(seconds, 0)
		var good []Term
		for _, term := range []Term{
			build.Identifier(key), build.Identifier(value), build.Team(value), build.DeveloperID(key),
			build.Info(key, build.Equal(value)), build.Info(key, build.Contains(value)), build.Info(key, build.On(date)),
			build.Info(key, build.BeginsWith(value)), build.Info(key, build.EndsWith(value)),
			build.Entitlement(key, build.GreaterEqual(value)), build.Entitlement(value, build.Exists()),
			build.CertificateSubject(slot, "CN", build.Equal(value)), build.CertificateSubject(slot, key, build.Less(value)),
			build.CertificateExtension(slot, oid, build.Exists()), build.CertificatePolicy(slot, oid, build.Absent()),
			build.CertificateDate(slot, oid, build.OnOrAfter(date)), build.Platform(uint8(slot)),
			build.CDHash([]byte(key)), build.CertificateTrusted(slot),
		} {
			e, err := term.Expr()
			if err != nil {
				require.Nil(t, e)
				continue
			}
			good = append(good, term, build.Not(term))
		}
		terms := good
		if len(good) > 0 {
			terms = append(terms, build.And(good...), build.Or(build.And(good...), build.Or(good...)))
		}
		for _, term := range terms {
			e, err := term.Expr()
			require.NoError(t, err)
			blob := Encode(e)
			back, err := Decode(blob)
			require.NoError(t, err)
			require.Equal(t, blob, Encode(back))
			for _, style := range []Style{StyleDefault, StyleExact, StyleIndent} {
				text := FormatStyle(e, style)
				again, err := Parse("", text)
				if !HasText(e, style) {
					require.Error(t, err, text)
					continue
				}
				require.NoError(t, err, text)
				require.Equal(t, flat(e), flat(again))
				if style == StyleExact {
					require.Equal(t, blob, Encode(again), text)
				}
			}
		}
	})
}
