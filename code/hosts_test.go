package code

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		find func(string) (Host, bool)
		id   string
		want bool
	}{
		"a shell is an interpreter":                        {FindInterpreter, "com.apple.zsh", true},
		"versions match the rest pattern":                  {FindInterpreter, "com.apple.perl5.34", true},
		"case does not hide an interpreter":                {FindInterpreter, "com.apple.OSAScript", true},
		"node is an interpreter":                           {FindInterpreter, "node", true},
		"a name that begins like an exact one is not it":   {FindInterpreter, "nodeterm", false},
		"an ordinary application is no interpreter":        {FindInterpreter, "com.acme.client", false},
		"the empty identifier is no interpreter":           {FindInterpreter, "", false},
		"the security agent is a plug-in host":             {FindPluginHost, "com.apple.SecurityAgentHelper-x86_64", true},
		"the installer's remote service is a plug-in host": {FindPluginHost, "com.apple.InstallerRemotePluginService-arm64", true},
		"Safari itself is not listed":                      {FindPluginHost, "com.apple.Safari", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, ok := tt.find(tt.id)
			assert.Equal(t, tt.want, ok)
			assert.Equal(t, tt.want, h.What != "")
		})
	}
}

func TestHostTablesAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, table := range [][]Host{Interpreters(), PluginHosts()} {
		for _, h := range table {
			prefix, isPrefix := strings.CutSuffix(h.Identifier, "*")
			for _, other := range table {
				nested := isPrefix && other != h && strings.HasPrefix(other.Identifier, prefix)
				assert.False(t, nested, "%s hides %s", h.Identifier, other.Identifier)
			}
			for _, id := range []string{prefix, strings.ToUpper(prefix), prefix + "-x86_64", prefix + ".z"} {
				want, listed := FindHost(table, id)
				got, found := search(table, id)
				assert.Equal(t, listed, found, id)
				assert.Equal(t, want, got, id)
			}
		}
	}
	seen := map[string]bool{}
	for _, h := range append(Interpreters(), PluginHosts()...) {
		assert.Equal(t, strings.ToLower(h.Identifier), h.Identifier)
		assert.NotEmpty(t, h.What, h.Identifier)
		assert.False(t, seen[h.Identifier], "%s is listed twice", h.Identifier)
		assert.NotContains(t, strings.TrimSuffix(h.Identifier, "*"), "*", "a star stands at the end only")
		assert.NotEqual(t, "*", h.Identifier)
		seen[h.Identifier] = true
	}
}
