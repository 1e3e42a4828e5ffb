package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b string
		want int
		ok   bool
	}{
		"numbers by value":   {"2.9", "2.10", -1, true},
		"zeros do not count": {"2.1", "2.1.0", 0, true},
		"a release is later": {"2.1", "2.1b3", 1, true},
		"not a version":      {"2.1", "latest", 0, false},
		"nothing":            {"", "1", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order, ok := CompareVersions(tt.a, tt.b)
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.want, order)
		})
	}
}
