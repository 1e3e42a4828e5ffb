package requirement

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// goldenPrograms are texts with the bytes after the header.
var goldenPrograms = map[string]string{
	`always`:                       "00000001",
	`never`:                        "00000000",
	`identifier foo`:               "0000000200000003666f6f00",
	`identifier "com.example.app"`: "000000020000000f636f6d2e6578616d706c652e61707000",
	`identifier ""`:                "0000000200000000",
	`anchor apple`:                 "00000003",
	`anchor apple generic`:         "0000000f",
	`! anchor apple`:               "0000000900000003",
	`identifier a or identifier b and identifier c`:                  "0000000700000002000000016100000000000006000000020000000162000000000000020000000163000000",
	`(identifier a or identifier b) and identifier c`:                "0000000600000007000000020000000161000000000000020000000162000000000000020000000163000000",
	`identifier a and identifier b and identifier c`:                 "0000000600000006000000020000000161000000000000020000000162000000000000020000000163000000",
	`cdhash H"0123456789abcdef0123456789ABCDEF01234567"`:             "00000008000000140123456789abcdef0123456789abcdef01234567",
	`anchor H"0000000000000000000000000000000000000001"`:             "00000004ffffffff000000140000000000000000000000000000000000000001",
	`certificate leaf = H"0000000000000000000000000000000000000001"`: "0000000400000000000000140000000000000000000000000000000000000001",
	`certificate -1[subject.O] = "Apple Inc."`:                       "0000000bffffffff000000097375626a6563742e4f000000000000010000000a4170706c6520496e632e0000",
	`certificate leaf[subject.OU] = ABCDE12345`:                      "0000000b000000000000000a7375626a6563742e4f550000000000010000000a414243444531323334350000",
	`certificate 1[field.1.2.840.113635.100.6.2.6]`:                  "0000000e000000010000000a2a864886f76364060206000000000000",
	`certificate leaf[policy.1.2.840.113635.100.5.1] exists`:         "0000001100000000000000092a864886f76364050100000000000000",
	`certificate leaf[timestamp.1.2.840.113635.100.6.1.33] absent`:   "00000016000000000000000a2a864886f7636406012100000000000e",
	`certificate 2 trusted`:                                          "0000000c00000002",
	`anchor trusted`:                                                 "0000000d",
	`info[CFBundleVersion] >= "407"`:                                 "0000000a0000000f434642756e646c6556657273696f6e00000000080000000334303700",
	`info[a] = *b`:                                                   "0000000a0000000161000000000000040000000162000000",
	`info[a] = b*`:                                                   "0000000a0000000161000000000000030000000162000000",
	`info[a] = *b*`:                                                  "0000000a0000000161000000000000020000000162000000",
	`info[a] ~ b`:                                                    "0000000a0000000161000000000000020000000162000000",
	`info[a] = 0x00ff`:                                               "0000000a0000000161000000000000010000000200ff0000",
	`entitlement["com.apple.security.app-sandbox"]`:                  "000000100000001e636f6d2e6170706c652e73656375726974792e6170702d73616e64626f78000000000000",
	`platform = 13`:                                                  "000000140000000d",
	`notarized`:                                                      "00000015",
	`legacy`:                                                         "00000017",
	`(helper)`:                                                       "000000130000000668656c7065720000",
	`anchor apple other`:                                             "00000012000000056f74686572000000",
	`info[x] < timestamp "junk"`:                                     "0000000a00000001780000000000000a0000000000000000",
	`certificate leaf[timestamp.1.2.840.113635.100.6.1.33] < timestamp "20190408000000Z"`: "00000016000000000000000a2a864886f7636406012100000000000a00000000225ac680",
}

func program(t testing.TB, hexBytes string) []byte {
	t.Helper()
	p, err := hex.DecodeString(hexBytes)
	require.NoError(t, err)
	b := binary.BigEndian.AppendUint32(nil, magicRequirement)
	b = binary.BigEndian.AppendUint32(b, uint32(headerSize+len(p)))
	return append(binary.BigEndian.AppendUint32(b, kindExpr), p...)
}

func TestGoldenPrograms(t *testing.T) {
	t.Parallel()
	for text, want := range goldenPrograms {
		e, err := Parse("golden", text)
		require.NoError(t, err, text)
		assert.Equal(t, hex.EncodeToString(program(t, want)), hex.EncodeToString(Encode(e)), text)
	}
}

func TestGoldenSet(t *testing.T) {
	t.Parallel()
	const want = "fade0c010000007800000003000000010000002400000003000000500000004d00000068fade0c000000002c000000010000000600000003000000020000000e636f6d2e6170706c652e7065726c0000fade0c0000000018000000010000000200000003666f6f00fade0c00000000100000000100000000"
	s, err := ParseSet("golden", `host => anchor apple and identifier com.apple.perl designated => identifier foo; 77 => never`)
	require.NoError(t, err)
	assert.Equal(t, want, hex.EncodeToString(EncodeSet(s)))
	assert.Equal(t, "host => anchor apple and identifier \"com.apple.perl\"\ndesignated => identifier foo\n77 => never\n", FormatSet(s, StyleDefault))
	assert.Equal(t, `identifier foo`, Format(s.Find(TypeDesignated)))
	assert.Nil(t, s.Find(TypePlugin))
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `identifier com.foo-bar`, `identifier com.1password`, `certificate leaf[subject.OU] = 9ABCDE1234`, `identifier host`,
		`/***/ always`, "always\r\n", `identifier “com.foo”`, `identifier "a\\b"`, `certificate leaf[email] = x`, `certificate leaf[1.2.3]`,
		`entitlement[com.apple.security.app-sandbox]`, `info[x] = 1.0`, `info[x] >= 1`, `anchor apple generic AND always`, `identifier = *foo`,
		`certificate anchor = H"0000000000000000000000000000000000000001"`, `not always`, `cdhash H"00"`, `always always`, `identifier com..foo`,
		`info[x] != y`, `info[x] = 0xabc`, `info[x] = true`, `designated => always`, `anchor = /a/b`,
	} {
		_, err := Parse("bad", text)
		assert.Error(t, err, text)
	}
	for _, text := range []string{
		`/**/ always`, `/****/ always`, `always;;`, `anchor  generic apple`, `cert leaf trusted`, `info [x] exists`, `info[a] = "x" * and always`,
		`certificate leaf[subject.CN] = "é"`, `!!always`, `((always))`, "always\x00 and what is this", "identifier \"a\nb\"",
	} {
		_, err := Parse("good", text)
		assert.NoError(t, err, text)
	}
}

// TestDesignated holds for the requirements that codesign makes: right-nested.
func TestDesignated(t *testing.T) {
	t.Parallel()
	blob, err := hex.DecodeString("fade0c000000009c0000000100000006000000020000000f636f6d2e6578616d706c652e61707000000000060000000f000000060000000e000000010000000a2a864886f76364060206000000000000000000060000000e000000000000000a2a864886f7636406010d0000000000000000000b000000000000000a7375626a6563742e4f550000000000010000000a414243444531323334350000")
	require.NoError(t, err)
	e, err := Decode(blob)
	require.NoError(t, err)
	const text = `identifier "com.example.app" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = ABCDE12345`
	assert.Equal(t, text, Format(e))
	dump, err := Dump(blob)
	require.NoError(t, err)
	assert.Equal(t, text, dump)
	again, err := Parse("again", FormatStyle(e, StyleExact))
	require.NoError(t, err)
	assert.Equal(t, blob, Encode(again))
	left, err := Parse("left", text)
	require.NoError(t, err)
	assert.NotEqual(t, blob, Encode(left), "the plain text nests to the left")
}

func TestDecodeStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		blob []byte
		want code.Status
	}{
		"empty":                                {nil, code.StatusReqInvalid},
		"unknown kind":                         {[]byte("\xfa\xde\x0c\x00\x00\x00\x00\x0c\x00\x00\x00\x07"), code.StatusReqUnsupported},
		"truncated":                            {program(t, "00000006"), code.StatusReqInvalid},
		"unknown opcode, then truncated":       {program(t, "0000000600000063"), code.StatusUnimplemented},
		"truncated, then an unknown opcode":    {program(t, "00000006000000020000ffff00000063"), code.StatusReqInvalid},
		"payload longer than the rest":         {program(t, "8000006300000008"), code.StatusReqInvalid},
		"length that wraps around":             {program(t, "00000002fffffffc61626364"), code.StatusReqInvalid},
		"set where a requirement is wanted":    {[]byte("\xfa\xde\x0c\x01\x00\x00\x00\x0c\x00\x00\x00\x00"), code.StatusReqInvalid},
		"length that is shorter than the blob": {append(program(t, "00000001"), 0), code.StatusReqInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode(tt.blob)
			assert.Equal(t, tt.want, code.StatusOf(err), "%v", err)
		})
	}
}

// TestOddBytes holds for what Apple's reader ignores: it comes back when encoded.
func TestOddBytes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ program, text string }{
		"bytes after the expression": {"00000001deadbeef05", "always"},
		"padding that is not zero":   {"0000000200000003666f6fff", "identifier foo"},
		"padding that is missing":    {"0000000200000003666f6f", "identifier foo"},
		"flags on a known opcode":    {"8000000200000003666f6f00", "identifier foo"},
		"unknown opcode taken false": {"800000630000000361626300000001", "never /* opcode 99 */"},
		"unknown opcode skipped":     {"40000063000000046162636400000001", "/* opcode 99 */ always"},
		"unknown comparison":         {"0000000a0000000161000000000000630000000162000000", "info[a] ?match 99 0x62"},
		"backslash in an identifier": {"00000002000000035c6162005c", "identifier ?0x5c6162"},
		"field that is no subject":   {"0000000b0000000000000005656d61696c00000000000000", "certificate leaf[?0x656d61696c] /* exists */"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blob := program(t, tt.program)
			e, err := Decode(blob)
			require.NoError(t, err)
			assert.Equal(t, blob, Encode(e))
			assert.Equal(t, tt.text, Format(e))
			_, err = Parse("again", Format(e))
			assert.Equal(t, HasText(e, StyleDefault), err == nil)
			assert.False(t, HasText(e, StyleExact))
		})
	}
}

// TestOddSets holds for sets whose layout Apple's reader accepts and its maker
// does not write.
func TestOddSets(t *testing.T) {
	t.Parallel()
	set := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	const never, always = "fade0c00000000100000000100000000", "fade0c00000000100000000100000001"
	for name, blob := range map[string][]byte{
		"empty":               set("fade0c010000000c00000000"),
		"descending types":    set("fade0c010000003c00000002" + "00000005" + "0000001c" + "00000003" + "0000002c" + never + always),
		"blobs the other way": set("fade0c010000003c00000002" + "00000003" + "0000002c" + "00000005" + "0000001c" + never + always),
		"two of a type":       set("fade0c010000003c00000002" + "00000003" + "0000001c" + "00000003" + "0000002c" + never + always),
		"absent entry":        set("fade0c010000002c00000002" + "00000003" + "0000001c" + "00000005" + "00000000" + never),
		"trailing bytes":      append(set("fade0c010000002400000001"+"00000003"+"00000014"+never), 1, 2, 3),
		"gap before the blob": set("fade0c010000002800000001" + "00000003" + "00000018" + "deadbeef" + never),
		"same blob twice":     set("fade0c010000002c00000002" + "00000003" + "0000001c" + "00000005" + "0000001c" + never),
	} {
		s, err := DecodeSet(blob)
		require.NoError(t, err, name)
		assert.Equal(t, blob, EncodeSet(s), name)
		for _, style := range []Style{StyleDefault, StyleExact, StyleApple, StyleIndent} {
			_ = FormatSet(s, style)
		}
		if e := s.Find(TypeDesignated); e != nil {
			assert.Contains(t, []Op{OpFalse, OpTrue}, e.Op, name)
			s.Entries[0].Expr = &Expr{Op: OpNotarized}
			assert.NotEqual(t, blob, EncodeSet(s), "%s: a change must show", name)
		}
	}
	_, err := DecodeSet(set("fade0c010000001400000001" + "0000000300000013"))
	assert.Equal(t, code.StatusReqInvalid, code.StatusOf(err))
	assert.Equal(t, "host", TypeHost.String())
	assert.Equal(t, "4294967295", SetType(0xffffffff).String())
}

func TestAny(t *testing.T) {
	t.Parallel()
	assert.Nil(t, Any{}.Encode())
	assert.Empty(t, Any{}.Format(StyleDefault))
	a, err := ParseAny("any", `3 => always`)
	require.NoError(t, err)
	assert.Equal(t, "designated => always\n", a.Format(StyleDefault))
	back, err := DecodeAny(a.Encode())
	require.NoError(t, err)
	assert.Equal(t, a.Encode(), back.Encode())
	_, err = DecodeAny([]byte("\xfa\xde\x0c\x01"))
	assert.Error(t, err)
}
