package plist

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// bplist makes a binary list of the objects, with 8-byte offsets, references of
// one byte, and object 0 as root.
func bplist(objects ...string) []byte {
	var w bin.Writer
	w.Bytes([]byte(magic))
	var offs []int
	for _, o := range objects {
		offs = append(offs, w.Len())
		w.Bytes([]byte(o))
	}
	table := w.Len()
	for _, off := range offs {
		w.Uint64(uint64(off))
	}
	w.Bytes([]byte{0, 0, 0, 0, 0, 0, 8, 1})
	w.Uint64(uint64(len(offs)))
	w.Uint64(0)
	w.Uint64(uint64(table))
	return w.Data()
}

// patch returns b with one byte changed, counted from the end when at is negative.
func patch(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	if at < 0 {
		at += len(b)
	}
	b[at] = to
	return b
}

// real1 is {"a": 1, "b": [true, "é"]} as Apple's writer orders it: the keys, then
// the values, each object directly behind the one before.
var real1 = []byte("bplist00\xd2\x01\x02\x03\x04QaQb\x10\x01\xa2\x05\x06\x09\x61\x00\xe9" +
	"\x08\x0d\x0f\x11\x13\x16\x17" +
	"\x00\x00\x00\x00\x00\x00\x01\x01" + "\x00\x00\x00\x00\x00\x00\x00\x07" +
	"\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x1a")

func goodBinary(t testing.TB) map[string]struct {
	in   []byte
	want Value
} {
	deep := make([]string, MaxDepth)
	for i := range deep {
		deep[i] = "\xa1" + string([]byte{byte(i + 1)})
	}
	deep[MaxDepth-1] = "\xa0"
	return map[string]struct {
		in   []byte
		want Value
	}{
		"what Apple's writer writes": {real1, mustDict(t, Entry{"a", Int(1)}, Entry{"b", Array(Bool(true), String("é"))})},
		"false":                      {bplist("\x08"), Bool(false)},
		"short integers are unsigned": {bplist("\xa3\x01\x02\x03", "\x10\xff", "\x11\xff\xff", "\x12\xff\xff\xff\xff"),
			Array(Int(255), Int(65535), Int(0xffffffff))},
		"long integers are signed": {bplist("\xa2\x01\x02", "\x13\xff\xff\xff\xff\xff\xff\xff\xff", "\x13\x7f\xff\xff\xff\xff\xff\xff\xff"),
			Array(Int(-1), Int(math.MaxInt64))},
		"16 bytes that fit 8": {bplist("\xa2\x01\x02", "\x14"+strings.Repeat("\x00", 15)+"\x07", "\x14"+strings.Repeat("\xff", 16)),
			Array(Int(7), Int(-1))},
		"reals of both sizes":               {bplist("\xa2\x01\x02", "\x22\x3f\xc0\x00\x00", "\x23\x3f\xf8\x00\x00\x00\x00\x00\x00"), Array(Real(1.5), Real(1.5))},
		"a real that is no number":          {bplist("\x22\x7f\xc0\x00\x01"), Real(math.NaN())},
		"a date":                            {bplist("\x33\xbf\xe0\x00\x00\x00\x00\x00\x00"), DateAt(-0.5)},
		"data":                              {bplist("\x42\x00\xff"), Data([]byte{0, 0xff})},
		"a length behind the marker":        {bplist("\x5f\x10\x10" + strings.Repeat("x", 16)), String(strings.Repeat("x", 16))},
		"a longer number than needed":       {bplist("\x5f\x13\x00\x00\x00\x00\x00\x00\x00\x01x"), String("x")},
		"a pair of surrogates":              {bplist("\x62\xd8\x3d\xde\x00"), String("😀")},
		"a replacement character":           {bplist("\x61\xff\xfd"), String("\ufffd")},
		"a NUL in a string":                 {bplist("\x51\x00"), String("\x00")},
		"a key of 16-bit characters":        {bplist("\xd1\x01\x02", "\x61\x00\xe9", "\x09"), mustDict(t, Entry{"é", Bool(true)})},
		"an object used twice":              {bplist("\xa2\x01\x01", "\xa1\x02", "\x09"), Array(Array(Bool(true)), Array(Bool(true)))},
		"an object used as key and value":   {bplist("\xd1\x01\x01", "Qa"), mustDict(t, Entry{"a", String("a")})},
		"an object nobody uses":             {bplist("\x09", "\x08"), Bool(true)},
		"the deepest list":                  {bplist(deep...), nested(MaxDepth)},
		"a sort version":                    {patch(bplist("\x09"), -27, 1), Bool(true)},
		"objects in another order on disk":  {swapped(), Array(Bool(false), Bool(true))},
		"empty containers":                  {bplist("\xa2\x01\x02", "\xa0", "\xd0"), Array(Array(), mustDict(t))},
		"a dictionary with the name of UID": {bplist("\xd1\x01\x02", "\x56CF$UID", "\x10\x01"), mustDict(t, Entry{"CF$UID", Int(1)})},
	}
}

// swapped is [false, true] with the root behind its elements.
func swapped() []byte {
	b := bplist("\x09", "\x08", "\xa2\x01\x00")
	return patch(b, -9, 2)
}

// laughs is a list of n arrays that each hold the next one 200 times.
func laughs(n int, leaf string) []byte {
	var objects []string
	for i := range n {
		objects = append(objects, "\xaf\x10\xc8"+strings.Repeat(string([]byte{byte(i + 1)}), 200))
	}
	return bplist(append(objects, leaf)...)
}

func badBinary() map[string][]byte {
	deep := make([]string, MaxDepth+1)
	for i := range deep {
		deep[i] = "\xa1" + string([]byte{byte(i + 1)})
	}
	deep[MaxDepth] = "\xa0"
	one := bplist("\x09")
	huge := "\x13\xff\xff\xff\xff\xff\xff\xff\xff"
	return map[string][]byte{
		"the magic alone":                    []byte(magic),
		"another version":                    []byte(strings.Replace(string(one), magic, "bplist15", 1)),
		"a trailer cut off":                  one[:len(one)-1],
		"a byte behind the trailer":          append(bytes.Clone(one), 0),
		"a byte in front":                    append([]byte{0}, one...),
		"the unused part of the trailer":     patch(one, -32, 1),
		"its last byte":                      patch(one, -28, 1),
		"offsets of no byte":                 patch(one, -26, 0),
		"offsets of nine bytes":              patch(one, -26, 9),
		"references of no byte":              patch(one, -25, 0),
		"references of nine bytes":           patch(one, -25, 9),
		"one object more than offsets":       patch(one, -17, 2),
		"no object":                          patch(one, -17, 0),
		"objects without number":             patch(one, -24, 0xff),
		"a root that is no object":           patch(one, -9, 1),
		"a root without number":              patch(one, -16, 0xff),
		"an offset table inside the header":  patch(one, -1, 8),
		"an offset table behind the trailer": patch(one, -1, 0xff),
		"an offset table beyond 32 bits":     patch(one, -4, 0xff),
		"a negative offset table":            patch(one, -8, 0xff),
		"an offset into the header":          patch(one, 16, 0),
		"an offset into the table":           patch(one, 16, 9),
		"an offset beyond everything":        patch(one, 9, 0xff),
		"a gap between objects":              bplist("\x09\x00", "\x08"),
		"a gap in front of the first object": patch(bplist("\x09\x09"), 17, 9),
		"bytes behind the last object":       bplist("\x09\x00"),
		"two objects at one place":           patch(bplist("\xa1\x01", "\x09", "\x08"), 8+4+23, 10),
		"an object inside another":           patch(bplist("\x52\x09\x09", "\x08"), 8+4+15, 9),
		"null":                               bplist("\x00"),
		"fill":                               bplist("\x0f"),
		"a UID":                              bplist("\x80\x01"),
		"a set":                              bplist("\xc0"),
		"an ordered set":                     bplist("\xb0"),
		"a URL":                              bplist("\x0d\x50"),
		"an unknown type":                    bplist("\xf0"),
		"an integer of 32 bytes":             bplist("\x15" + strings.Repeat("\x00", 32)),
		"an integer above 64 bits":           bplist("\x14" + strings.Repeat("\x00", 8) + strings.Repeat("\xff", 8)),
		"an integer below 64 bits":           bplist("\x14" + strings.Repeat("\xff", 8) + "\x7f" + strings.Repeat("\xff", 7)),
		"an integer cut off":                 bplist("\x13\x00"),
		"a real of two bytes":                bplist("\x21\x00\x00"),
		"a date of four bytes":               bplist("\x32\x00\x00\x00\x00"),
		"a date that is no number":           bplist("\x33\x7f\xf8\x00\x00\x00\x00\x00\x00"),
		"an infinite date":                   bplist("\x33\x7f\xf0\x00\x00\x00\x00\x00\x00"),
		"data that goes into the table":      bplist("\x42\x00"),
		"data of 2^64-1 bytes":               bplist("\x4f" + huge),
		"a string of 2^64-1 bytes":           bplist("\x5f" + huge),
		"characters that wrap to few bytes":  bplist("\x6f\x13\x80\x00\x00\x00\x00\x00\x00\x01\x00\x41"),
		"an array that wraps to few bytes":   patch(bplist("\xaf\x13\x20\x00\x00\x00\x00\x00\x00\x00"), -25, 8),
		"a dictionary that wraps":            bplist("\xdf\x13\x80\x00\x00\x00\x00\x00\x00\x00"),
		"a count that is no integer":         bplist("\x5f\x51x"),
		"a count of 16 bytes":                bplist("\x5f\x14" + strings.Repeat("\x00", 16)),
		"a count cut off":                    bplist("\x5f\x13\x00"),
		"no count at all":                    bplist("\x5f"),
		"a string that is not ASCII":         bplist("\x51\xe9"),
		"a high surrogate alone":             bplist("\x61\xd8\x3d"),
		"a high surrogate in front of text":  bplist("\x62\xd8\x3d\x00\x41"),
		"a low surrogate first":              bplist("\x62\xde\x00\xd8\x3d"),
		"a reference to no object":           bplist("\xa1\x02", "\x09"),
		"a key that is no object":            bplist("\xd1\x02\x01", "\x09"),
		"a value that is no object":          bplist("\xd1\x01\x02", "Qa"),
		"a key that is an integer":           bplist("\xd1\x01\x01", "\x10\x01"),
		"a key that is data":                 bplist("\xd1\x01\x01", "\x41a"),
		"a key that is not UTF-16":           bplist("\xd1\x01\x02", "\x61\xd8\x00", "\x09"),
		"duplicate keys, one object":         bplist("\xd2\x01\x01\x02\x02", "Qa", "\x09"),
		"duplicate keys, two objects":        bplist("\xd2\x01\x02\x03\x03", "Qa", "Qa", "\x09"),
		"duplicate keys, two encodings":      bplist("\xd2\x01\x02\x03\x03", "Qa", "\x61\x00a", "\x09"),
		"an array that contains itself":      bplist("\xa1\x00"),
		"a dictionary that contains itself":  bplist("\xd1\x01\x00", "Qa"),
		"a cycle of three":                   bplist("\xa1\x01", "\xa1\x02", "\xa1\x00"),
		"one level too many":                 bplist(deep...),
		"a billion laughs":                   laughs(10, "\x5f\x10\x10"+strings.Repeat("h", 16)),
		"a billion empty laughs":             laughs(10, "\x09"),
		"laughs of one long string":          bplist("\xaf\x11\x27\x10"+strings.Repeat("\x01", 10000), "\x5f\x11\x27\x10"+strings.Repeat("h", 10000)),
	}
}

func TestBinaryAccepts(t *testing.T) {
	t.Parallel()
	for name, tt := range goodBinary(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := Parse(tt.in, Options{})
			require.NoError(t, err)
			assert.True(t, v.Equal(tt.want), "got %v, want %v", v, tt.want)
			requireJSONRoundTrip(t, v)
		})
	}
}

func TestBinaryRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range badBinary() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := ParseBinary(in, Options{})
			requireSyntax(t, err, len(in))
			assert.Equal(t, Invalid, v.Kind(), "no value beside an error")
		})
	}
}

func TestBinaryErrorsSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	bad := badBinary()
	for name, want := range map[string]string{
		"duplicate keys, two encodings": `offset 0xa: duplicate key "a"`,
		"a cycle of three":              `offset 0x8: got a cycle: object 0 contains itself`,
		"two objects at one place":      `offset 0xa: got an object at 0xa, want it at 0xb, behind the one before`,
		"a UID":                         `offset 0x8: got a UID, which no property list of ours holds`,
		"data of 2^64-1 bytes":          `offset 0x8: got 18446744073709551615 elements, more than fit before the offset table`,
		"a billion empty laughs":        `the values take more memory than the size of the input allows`,
		"laughs of one long string":     `the values take more memory than the size of the input allows`,
	} {
		_, err := ParseBinary(bad[name], Options{})
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), want, name)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range goodXML(f) {
		f.Add([]byte(tt.in))
	}
	for _, in := range badXML {
		if len(in) < 4096 {
			f.Add([]byte(in))
		}
	}
	for _, tt := range goodBinary(f) {
		f.Add(tt.in)
	}
	for _, in := range badBinary() {
		if len(in) < 4096 {
			f.Add(in)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b, Options{MaxValues: 10_000})
		if err != nil {
			requireSyntax(t, err, len(b))
			require.Equal(t, Invalid, v.Kind())
			return
		}
		requireJSONRoundTrip(t, v)
		again, err := ParseXML(EncodeXML(v), Options{})
		require.Equal(t, inXML(v), err == nil, "XML reads back what it has a form for and nothing else: %v", v)
		if err == nil {
			require.True(t, v.Equal(again), "%v != %v", v, again)
		}
	})
}
