package macho

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func TestPatternsMatchAsPOSIXReadsThem(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pattern, path string
		want          bool
	}{
		"a search, not a whole match":               {`b`, "abc", true},
		"case counts":                               {`^Resources/`, "resources/x", false},
		"an anchor is the end of the path":          {`^b`, "a\nb", false},
		"and not of a line":                         {`a$`, "a\nb", false},
		"an anchor in a group":                      {`\.dSYM($|/)`, "X.dSYM", true},
		"a dot is any character":                    {`^a.b$`, "a\nb", true},
		"a negated bracket is too":                  {`^[^/]+$`, "a\nb", true},
		"but not what it names":                     {`^[^/]+$`, "a/b", false},
		"a bracket first in a bracket is itself":    {`^[]a]$`, "]", true},
		"a hyphen last in a bracket is itself":      {`^[a-]$`, "-", true},
		"a backslash in a bracket is itself":        {`^[\d]$`, `\`, true},
		"and makes no class":                        {`^[\d]$`, "7", false},
		"a class":                                   {`^[[:digit:]]$`, "7", true},
		"an interval":                               {`^a{2,3}$`, "aaaa", false},
		"an open interval":                          {`^a{2,}$`, "aaaa", true},
		"an interval that begins at none":           {`^a{0,1}$`, "", true},
		"an empty alternative":                      {`^(|a)b$`, "b", true},
		"an escaped dot":                            {`^a\.b$`, "axb", false},
		"what another syntax takes for a flag":      {`^(a)\?$`, "a?", true},
		"bytes that are no UTF-8":                   {`^.*\.DS_Store$`, "\xff\xfe.DS_Store", true},
		"a character of two bytes counts for one":   {`^é+$`, "éé", true},
		"a closing bracket outside is a character":  {`^a]$`, "a]", true},
		"a closing brace outside is a character":    {`^a}$`, "a}", true},
		"a group may be repeated":                   {`^(.*/)?\.DS_Store$`, "a/b/.DS_Store", true},
		"the repeated group must end with a slash":  {`^(.*/)?\.DS_Store$`, "a/b.DS_Store", false},
		"quotes of another syntax are plain letter": {`^Q.E$`, "QxE", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dict, err := plist.Dict(plist.Entry{Key: tt.pattern, Value: plist.Bool(true)})
			require.NoError(t, err)
			rs, err := parseRules(dict)
			require.NoError(t, err)
			r, _ := rs.find(tt.path)
			assert.Equal(t, tt.want, r != nil)
		})
	}
}

func TestPatternsThatReadersMayReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		`(`, `)`, `a)`, `[a`, `[]`, `[^]`, `[[:nope:]]`, `[[.a.]]`, `[[=a=]]`, `[é]`, `[z-a]`, `[a-[:digit:]]`,
		`*a`, `a|*b`, `(+a)`, `^*`, `$+`, `a**`, `a+?`, `a{`, `a{1`, `a{,2}`, `a{2,1}`, `a{256}`, `a{1,999999999999}`, `a{x}`,
		`(a)\1`, `\d`, `\w`, `\b`, `\Q`, `a\`, `(?i)a`, `(?:a)`,
		strings.Repeat("(", 30) + strings.Repeat(")", 30),
		`((x{200}){200}){200}`, strings.Repeat("a", maxRuleStates+1),
	} {
		_, _, err := translateERE(pattern)
		assert.Error(t, err, "%.60q", pattern)
	}
}

func TestNoPatternTakesLongForItsSize(t *testing.T) {
	t.Parallel()
	dict, err := plist.Dict(plist.Entry{Key: `^(((a*)*b*)*c*)*((a|aa)+){1,50}$`, Value: plist.Bool(true)})
	require.NoError(t, err)
	rs, err := parseRules(dict)
	require.NoError(t, err)
	begin := time.Now()
	rs.find(strings.Repeat("a", 4000) + "x")
	assert.Less(t, time.Since(begin), 5*time.Second)
}

func TestOfTwoRulesTheHeavierCounts(t *testing.T) {
	t.Parallel()
	rule := func(weight float64, flags ...string) plist.Value {
		entries := []plist.Entry{{Key: "weight", Value: plist.Real(weight)}}
		for _, f := range flags {
			entries = append(entries, plist.Entry{Key: f, Value: plist.Bool(true)})
		}
		d, err := plist.Dict(entries...)
		require.NoError(t, err)
		return d
	}
	for name, tt := range map[string]struct {
		a, b                   plist.Value
		omit, optional, nested bool
		tie                    bool
	}{
		"the heavier one omits":              {rule(1), rule(2, "omit"), true, false, false, false},
		"a bare true has weight 1":           {plist.Bool(true), rule(0.5, "omit"), false, false, false, false},
		"a bare false omits":                 {plist.Bool(false), rule(0.5), true, false, false, false},
		"a tie is sealed":                    {rule(5, "omit"), rule(5), false, false, false, true},
		"a tie is not optional":              {rule(5, "optional"), rule(5), false, false, false, true},
		"a tie is nested code":               {rule(5, "nested"), rule(5), false, false, true, true},
		"two that say the same are no tie":   {rule(5, "nested"), rule(5, "nested"), false, false, true, false},
		"a weight below nothing still omits": {rule(-2, "omit"), rule(-3), true, false, false, false},
	} {
		for _, swap := range []bool{false, true} {
			x, y := plist.Entry{Key: `^a`, Value: tt.a}, plist.Entry{Key: `a$`, Value: tt.b}
			if swap {
				x.Value, y.Value = y.Value, x.Value
			}
			dict, err := plist.Dict(x, y)
			require.NoError(t, err)
			rs, err := parseRules(dict)
			require.NoError(t, err)
			r, tie := rs.find("a")
			require.NotNil(t, r, name)
			assert.Equal(t, [4]bool{tt.omit, tt.optional, tt.nested, tt.tie}, [4]bool{r.omit, r.optional, r.nested, tie}, "%s, swapped %v", name, swap)
		}
	}
}

func TestNamesThatAMacTakesForOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b string
		same bool
	}{
		"case":                    {"Foo", "fOO", true},
		"another name":            {"Foo", "Fop", false},
		"one character or two":    {"caf\u00e9", "cafe\u0301", true},
		"case and accent":         {"CAF\u00c9", "cafe\u0301", true},
		"with and without accent": {"cafe", "caf\u00e9", false},
		"a Hangul syllable":       {"\uac01", "\u1100\u1161\u11a8", true},
		"two accents, two orders": {"a\u0323\u0307", "a\u0307\u0323", true},
		"the Kelvin sign":         {"\u212a", "k", true},
	} {
		assert.Equal(t, tt.same, foldName(tt.a) == foldName(tt.b), name)
	}
}
