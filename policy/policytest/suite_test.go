package policytest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

func TestMistakesAreReportedWhereTheyStand(t *testing.T) {
	t.Parallel()
	const good = "suite: s\npeers:\n  app: {like: $developer-id}\ncases:\n  - {name: c, expect: allow}\n"
	_, err := Parse("s.yaml", []byte(good))
	require.NoError(t, err)
	for name, tt := range map[string]struct{ text, want, why string }{
		"a mistyped key":                   {"suite: s\npears: {}\n", `s.yaml:2:1: unknown key "pears"`, `did you mean "peers"?`},
		"no name":                          {"peers: {a: {like: $adhoc}}\n", `s.yaml:1:1: a suite has no "suite"`, ""},
		"no peers":                         {"suite: s\n", `a suite has no "peers"`, ""},
		"another version":                  {"apiVersion: xpcpolicy/v2\nsuite: s\npeers: {a: {like: $adhoc}}\n", `unknown apiVersion`, "xpcpolicy/v1"},
		"a peer that is nothing":           {"suite: s\npeers: {a: {set: {subject.version: '1'}}}\n", "has neither file, facts, inline nor like", "like: $developer-id"},
		"a peer that is two things":        {"suite: s\npeers: {a: {file: x, like: $adhoc}}\n", "exclude each other", ""},
		"a base that is none":              {"suite: s\npeers: {a: {like: $developerid}}\n", "there is no base", `did you mean "$developer-id"?`},
		"a peer like nobody":               {"suite: s\npeers: {app: {like: $adhoc}, b: {like: apt}}\n", `no peer is called "apt"`, `did you mean "app"?`},
		"a peer like itself":               {"suite: s\npeers: {a: {like: b}, b: {like: a}}\n", "is like itself", ""},
		"a fact that is none":              {"suite: s\npeers: {a: {like: $adhoc, set: {subject.versoin: '1'}}}\n", `there is no fact "subject.versoin"`, `did you mean "subject.version"?`},
		"a version that is a number":       {"suite: s\npeers: {a: {like: $adhoc, set: {subject.version: 1.10}}}\n", "takes a text, found a number", `write it in quotes: "1.10"`},
		"a fact that cannot be set":        {"suite: s\npeers: {a: {like: $adhoc, set: {subject.anchor: apple}}}\n", "follows from the certificates", ""},
		"the question":                     {"suite: s\npeers: {a: {like: $adhoc, set: {operation: x}}}\n", "part of the question", ""},
		"a flag that is none":              {"suite: s\npeers: {a: {like: $developer-id, set: {subject.flags: [runtim]}}}\n", `there is no flag "runtim"`, ""},
		"facts that are wrong":             {"suite: s\npeers: {a: {inline: {schema: 1, origin: disk, signd: true}}}\n", "facts:", "like: $developer-id"},
		"a name with a star":               {"suite: s\npeers: {'a*': {like: $adhoc}}\n", "cannot be called", ""},
		"a word that is no outcome":        {good + "  - {name: d, expect: alow}\n", `unknown expect "alow"`, `did you mean "allow"?`},
		"a peer nobody asks about":         {good + "  - {name: d, expect: {apt: allow}}\n", "asks about no peer", `did you mean "app"?`},
		"a pattern for nobody":             {good + "  - {name: d, peers: 'evil-*', expect: deny}\n", "no peer is called", "app"},
		"two cases of one name":            {good + "  - {name: c, expect: deny}\n", "two cases", ""},
		"a reason without words":           {good + "  - {name: d, expect: deny, skip: ''}\n", "skip is empty", ""},
		"skipped and to do":                {good + "  - {name: d, expect: deny, skip: x, todo: y}\n", "not both", ""},
		"attackers skipped without reason": {good + "mutations: {skip: older-version}\n", "need a reason", ""},
		"a kind of attacker that is none":  {good + "mutations: {skip: old-version, because: x}\n", "no kind of attacker", "older-version"},
		"mutations off":                    {good + "mutations: none\n", "must be auto", "skip"},
		"a percentage above 100":           {good + "coverage: {rules: 101}\n", "from 0 to 100", ""},
		"an operation the table lacks":     {good + "matrix: {operations: [a], allow: {app: [b]}}\n", `no operation "b"`, ""},
		"a time that is none":              {good + "options: {now: yesterday}\n", "must be a time", ""},
		"malformed YAML":                   {"suite: [\n", "malformed YAML", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Parse("s.yaml", []byte(tt.text))
			require.Error(t, err)
			assert.Nil(t, s)
			var list diag.List
			require.ErrorAs(t, err, &list)
			text := diag.Text(list...)
			assert.Contains(t, text, tt.want)
			assert.Contains(t, text, tt.why)
		})
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pattern, name string
		want          bool
	}{
		"the name itself":         {"app", "app", true},
		"everything":              {"*", "", true},
		"a beginning":             {"evil-*", "evil-adhoc", true},
		"an end":                  {"*-old", "app-old", true},
		"the middle":              {"a*c*e", "abcde", true},
		"no overlap":              {"ab*ba", "aba", false},
		"order counts":            {"*b*a*", "ab", false},
		"brackets are themselves": {"[a]", "a", false},
		"slashes are letters":     {"other-team/*", "other-team/app-store", true},
		"another name":            {"app", "apps", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, fits(tt.pattern, tt.name))
		})
	}
}

func TestAWordForEachPeer(t *testing.T) {
	t.Parallel()
	s, err := Parse("s.yaml", []byte(`suite: s
peers: {app: {like: $adhoc}, app-old: {like: $adhoc}, other: {like: $adhoc}}
cases: [{name: c, expect: {"*": unknown, "app*": deny, app: allow}}]
`))
	require.NoError(t, err)
	for peer, want := range map[string]string{"app": "allow", "app-old": "deny", "other": "unknown"} {
		assert.Equal(t, want, wanted(s.cases[0].expect, peer).String())
	}
	assert.Equal(t, "deny", wanted(byPeer{}, "app").String(), "nobody who is not listed comes in")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(strongSuite))
	f.Add([]byte("suite: s\npeers: {a: {like: b}, b: {like: a}}\n"))
	f.Add([]byte("suite: s\npeers: {a: {inline: {schema: 1}, set: {subject.info: {a: [1, {b: 2}]}}}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("fuzz.yaml", text)
		if (s == nil) == (err == nil) {
			t.Fatal("a suite or an error, not both and not neither")
		}
	})
}
