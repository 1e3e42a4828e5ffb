package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/xpcpolicy/xpcpolicy/internal/spell"
)

func TestVersionOrder(t *testing.T) {
	t.Parallel()
	groups := [][]string{ // each group is older than the next; inside a group all are the same
		{"0", "0.0", "00.0.0"},
		{"0.9"},
		{"1a"},
		{"1.0-alpha", "v1-ALPHA"},
		{"1.0-alpha.1"},
		{"1.0-beta", "1beta"},
		{"1.0-beta.2"},
		{"1.0-rc.1"},
		{"1.0-rc.9"},
		{"1.0-rc.10"},
		{"1", "1.0", "1.0.0", "V1", " 1.0 ", "1.0+build.7"},
		{"1.0.1"},
		{"1.2"},
		{"1.9"},
		{"1.10"},
		{"2b3"},
		{"2"},
		{"10"},
		{"20260101"},
		{"99999999999999999999999999"},
	}
	for i, g := range groups {
		for j, h := range groups {
			for _, a := range g {
				for _, b := range h {
					va, ok := parseVersion(a)
					assert.True(t, ok, a)
					vb, ok := parseVersion(b)
					assert.True(t, ok, b)
					assert.Equal(t, sign(i-j), va.compare(vb), "%q and %q", a, b)
				}
			}
		}
	}
}

func TestWhatIsNoVersion(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "v", "banana", ".1", "1.", "1..2", "1.a", "-1", "1 2", "1 (5)", "1-", "1,2", "1.2\n3", "１.2", "0x10!", string(make([]byte, 300))} {
		_, ok := parseVersion(text)
		assert.False(t, ok, "%q", text)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"alow": "allow", "allwo": "allow", "Allow": "allow", "denny": "deny", "operations": "operation", "banana": "", "": "",
	} {
		assert.Equal(t, want, spell.Nearest(word, keyNames(ruleKeys)), word)
	}
}
