package requirement

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		a, b string
		want int
	}{
		{"1.10", "1.9", 1}, {"1", "1.0", -1}, {"1.01", "1.1", 0}, {"1.0b2", "1.0b10", -1}, {"1.0-1", "1.0.1", -1}, {"v2", "10", 1},
		{"18446744073709551616", "1", -1}, {"1.0 ", "1.0", 1}, {"1.0", "1.0.0", -1}, {"01.0", "1.0", 0}, {"1.0b2", "1.0", 1},
		{"1.0a", "1.0.1", 1}, {"1.0.0", "1.0rc1", -1}, {"", "1", -1}, {"\u0661.0", "2.0", 1}, {"407.1", "407", 1}, {"", "", 0},
		{"\U0001f600", "\ue000", -1}, {"\U0001f600", "\ud7ff", 1}, {"\U0001f600", "\U0001f601", -1}, {"é", "e", 1}, {"A", "a", -1},
	} {
		assert.Equal(t, v.want, CompareVersions(v.a, v.b), "%q %q", v.a, v.b)
		assert.Equal(t, -v.want, CompareVersions(v.b, v.a), "%q %q", v.b, v.a)
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	base := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"20010101000000Z":     "2001-01-01T00:00:00Z",
		"20190408000000Z":     "2019-04-08T00:00:00Z",
		"20200229235960Z":     "2020-03-01T00:00:00Z",
		"20190408000000+0100": "2019-04-07T23:00:00Z",
		"20190408000000-0130": "2019-04-08T01:30:00Z",
		"99991231235959Z":     "9999-12-31T23:59:59Z",
		"19691231235959Z":     "1969-12-31T23:59:59Z",
	} {
		seconds, ok := parseTimestamp(text)
		at, err := time.Parse(time.RFC3339, want)
		assert.NoError(t, err)
		assert.True(t, ok, text)
		assert.Equal(t, at.Unix()-base.Unix(), seconds, text)
	}
	for _, text := range []string{
		"", "2019-04-08", "20190408000000", "20190408000000z", "20190230000000Z", "19000229000000Z", "20191301000000Z", "20190400000000Z",
		"20190408240000Z", "20190408006000Z", "20190408000061Z", "20190408000000*0000", "2019040800000 Z", "20190408000000+01 0",
	} {
		_, ok := parseTimestamp(text)
		assert.False(t, ok, text)
	}
	// Every date that a text can mean comes back from its own text.
	for seconds := int64(minSeconds - farOffset); seconds <= maxSeconds+farOffset; seconds += 86400*53 + 3601 {
		b, ok := appendTimestamp(nil, seconds)
		assert.True(t, ok)
		again, ok := parseTimestamp(string(b))
		if !ok || again != seconds {
			t.Fatalf("%d prints as %s, which is %d", seconds, b, again)
		}
	}
	_, ok := appendTimestamp(nil, maxSeconds+farOffset+1)
	assert.False(t, ok)
}

func TestOID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1.2.840.113635.100.6.1.13": "2a864886f7636406010d",
		"2.999.3":                   "883703",
		"1":                         "",
		"":                          "",
		"x.1":                       "",
		"1.2..3":                    "2a0003",
		"1.2.":                      "2a00",
		"1.2.3x.4":                  "2a03",
		"-1.2":                      "81ffffffffffffffff5a",
		"1.2.99999999999999999999":  "2a81ffffffffffffffff7f",
		"1.2.18446744073709551615":  "2a81ffffffffffffffff7f",
		" 1.+2":                     "2a",
	} {
		oid := string(appendOID(nil, text))
		assert.Equal(t, want, hexText(oid), text)
		if oid == "" {
			continue
		}
		dotted, ok := appendDotted(nil, oid)
		assert.True(t, ok, text)
		assert.Equal(t, want, hexText(string(appendOID(nil, string(dotted)))), "%s printed as %s", text, dotted)
	}
	for _, bad := range []string{"\x80\x01", "\x2a\x80", "\x2a\x86", "\x2a\x83\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		_, ok := appendDotted(nil, bad)
		assert.False(t, ok, "%x", bad)
	}
}
