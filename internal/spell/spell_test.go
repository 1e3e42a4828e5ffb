package spell

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"operation", "operations", "expect", "because", "peers", "subject.version"}
	for name, tt := range map[string]struct{ word, want string }{
		"a letter too few":       {"expct", "expect"},
		"neighbours exchanged":   {"becuase", "because"},
		"another case":           {"Peers", "peers"},
		"the beginning":          {"subject.vers", "subject.version"},
		"nothing near":           {"zzzzz", ""},
		"the word itself":        {"expect", ""},
		"an empty word":          {"", ""},
		"a word without an end":  {strings.Repeat("x", 1000), ""},
		"the nearer of two":      {"operatoin", "operation"},
		"a wrong letter in five": {"pears", "peers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Nearest(tt.word, words))
			if tt.want != "" {
				assert.Equal(t, `did you mean "`+tt.want+`"?`, DidYouMean(tt.word, words))
			} else {
				assert.Empty(t, DidYouMean(tt.word, words))
			}
		})
	}
}
