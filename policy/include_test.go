package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

const partHeader = "apiVersion: xpcpolicy/v1\n"

// tree is a file system of policies.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestSeveralFilesLoadAsOne(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"helper.yaml":       header + "include: [shared/peers.yaml, shared/denials.yaml]\nrules: [{name: apps, allow: 'matches(\"app\") && vars.fresh'}]\n",
		"shared/peers.yaml": partHeader + "include: ../teams.yaml\nrequirements: {r: anchor apple}\npeers: {app: {team: ABCDE12345}}\n",
		"shared/denials.yaml": partHeader + "include: ../teams.yaml\nfloor: {plugin_hosts: com.acme.host}\n" +
			"rules: [{name: betas, deny: 'subject.channel == \"testflight\"'}]\n",
		"teams.yaml": partHeader + "variables: {fresh: 'version(subject.version) >= version(\"2\")'}\n",
	}
	p, err := Load(tree(files), "helper.yaml", Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"betas", "apps"}, p.Rules(), "what is included stands first")
	assert.True(t, decide(p, client(t)).Allow())
	assert.Equal(t, "floor:plugin-host", decide(p, edit(t, func(s *code.Subject) { s.Identifier = code.Known("com.acme.host") })).Reason())
	assert.Equal(t, "test", p.Name())
	var names []string
	for _, f := range p.Files() {
		names = append(names, f.Name())
	}
	assert.Equal(t, []string{"helper.yaml", "shared/peers.yaml", "teams.yaml", "shared/denials.yaml"}, names, "a shared file counts once")

	again, err := Load(tree(files), "helper.yaml", Options{Name: "/etc/acme/helper.yaml"})
	require.NoError(t, err)
	assert.Equal(t, p.Revision(), again.Revision(), "a revision does not depend on where the files stand")
	assert.Equal(t, "/etc/acme/shared/peers.yaml", again.Files()[1].Name())
	for name := range files {
		changed := map[string]string{}
		for n, text := range files {
			changed[n] = text
		}
		changed[name] += "# changed\n"
		other, err := Load(tree(changed), "helper.yaml", Options{})
		require.NoError(t, err)
		assert.NotEqual(t, p.Revision(), other.Revision(), "the revision covers %s", name)
	}
}

func TestIncludesThatAreRefused(t *testing.T) {
	t.Parallel()
	root := func(include string) string {
		return header + "include: " + include + "\nrules: [{name: r, allow: 'subject.team_id == \"ABCDE12345\"'}]\n"
	}
	deep := map[string]string{"a.yaml": root("f0.yaml")}
	many := map[string]string{}
	var names []string
	for i := range 120 {
		deep[fmt.Sprintf("f%d.yaml", i)] = partHeader + fmt.Sprintf("include: f%d.yaml\n", i+1)
		many[fmt.Sprintf("f%d.yaml", i)] = partHeader
		names = append(names, fmt.Sprintf("f%d.yaml", i))
	}
	many["a.yaml"] = root("[" + strings.Join(names, ", ") + "]")
	large := map[string]string{"a.yaml": root("[b.yaml, c.yaml, d.yaml, e.yaml, f.yaml]")}
	for _, name := range []string{"b", "c", "d", "e", "f"} {
		large[name+".yaml"] = partHeader + strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 1000)
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a file that is missing":           {map[string]string{"a.yaml": root("b.yaml")}, `a.yaml:3:10: "b.yaml" cannot be included: file does not exist`},
		"a path that leaves the folder":    {map[string]string{"a.yaml": root("../b.yaml")}, `a.yaml:3:10: "../b.yaml" lies outside the folder of the policy`},
		"an absolute path":                 {map[string]string{"a.yaml": root("/b.yaml"), "b.yaml": partHeader}, "a.yaml:3:10: an included file is named relative to this one"},
		"a path with backslashes":          {map[string]string{"a.yaml": root(`x\b.yaml`)}, "a.yaml:3:10: an included file is named relative to this one"},
		"the folder itself":                {map[string]string{"a.yaml": root(".")}, `lies outside the folder`},
		"a folder":                         {map[string]string{"a.yaml": root("d"), "d/x": ""}, `a.yaml:3:10: "d" cannot be included: it is not a regular file`},
		"itself":                           {map[string]string{"a.yaml": root("a.yaml")}, "a.yaml:3:10: the files include each other: a.yaml, a.yaml"},
		"a circle":                         {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "include: a.yaml\n"}, "b.yaml:2:10: the files include each other: a.yaml, b.yaml, a.yaml"},
		"too deep":                         {deep, "deep"},
		"too many":                         {many, "more than 100 files"},
		"too large":                        {large, "at most 4 MiB together"},
		"an empty file":                    {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": ""}, "b.yaml:1:1: the document is empty"},
		"no policy":                        {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": "- 1\n"}, "b.yaml:1:1: an included file must be an object with keys"},
		"a part that trusts a root":        {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "trust: {apple: false}\n"}, `b.yaml:2:8: an included file cannot have "trust"`},
		"a part that relaxes the floor":    {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "floor: {relax: debuggable}\n"}, "b.yaml:2:8: an included file cannot relax the floor"},
		"a part with a name":               {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": header}, "b.yaml:2:7: an included file has no name"},
		"a part with profiles":             {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "profiles: {dev: {}}\n"}, `b.yaml:2:11: an included file cannot have "profiles"`},
		"a rule of the same name":          {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "rules: [{name: r, deny: subject.adhoc}]\n"}, `a.yaml:4:16: two rules are called "r"`},
		"a peer of the same name":          {map[string]string{"a.yaml": root("[b.yaml, c.yaml]"), "b.yaml": partHeader + "peers: {x: {team: ABCDE12345}}\n", "c.yaml": partHeader + "peers: {x: {team: ABCDE12345}}\n"}, `c.yaml:2:9: two peers are called "x"`},
		"a mistake in a part, there":       {map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "variables: {x: subject.teem}\n"}, "b.yaml:2:16: unknown name subject.teem"},
		"the first file that is not there": {map[string]string{}, "a.yaml:1:1: the policy cannot be read: file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Load(tree(tt.files), "a.yaml", Options{})
			require.Nil(t, p)
			var list diag.List
			require.ErrorAs(t, err, &list)
			assert.Contains(t, diag.Text(list...), tt.want)
		})
	}
	_, err := Load(tree(map[string]string{"a.yaml": root("b.yaml"), "b.yaml": partHeader + "rules: [{name: r, deny: subject.adhoc}]\n"}), "a.yaml", Options{})
	var list diag.List
	require.ErrorAs(t, err, &list)
	assert.Equal(t, "the first one stands at b.yaml:2:16", list[0].Why)
	_, err = Parse("a.yaml", []byte(root("b.yaml")))
	require.ErrorContains(t, err, "given by itself")
}

// A symbolic link must not lead out of the folder that was opened.
func TestIncludesStayInTheFolder(t *testing.T) {
	t.Parallel()
	outside, inside := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "b.yaml"), []byte(partHeader), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(inside, "a.yaml"), []byte(header+"include: b.yaml\nrules: [{name: r, allow: subject.adhoc}]\n"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(outside, "b.yaml"), filepath.Join(inside, "b.yaml")))
	root, err := os.OpenRoot(inside)
	require.NoError(t, err)
	defer root.Close()
	_, err = Load(root.FS(), "a.yaml", Options{})
	require.ErrorContains(t, err, `a.yaml:3:10: "b.yaml" cannot be included`)
	assert.False(t, errors.Is(err, os.ErrNotExist))
}

const withProfile = header + `
peers: {app: {team: ABCDE12345}}
rules:
  - {name: betas, deny: 'subject.channel == "testflight"'}
  - {name: apps, allow: 'matches("app")'}
profiles:
  development:
    description: builds of our own machines
    trust: {roots: {sha256: '0300000000000000000000000000000000000000000000000000000000000000', teams: ABCDE12345}}
    floor: {relax: [debuggable]}
    peers: {mine: {team: ABCDE12345, channel: [development, private]}}
    rules: [{name: ours, allow: 'matches("mine") && subject.identifier == "com.acme.tool"'}]
`

func TestAProfileMustBeAskedForAndIsLoud(t *testing.T) {
	t.Parallel()
	debuggable := edit(t, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "get-task-allow", true)) })
	plain, err := Parse("p.yaml", []byte(withProfile))
	require.NoError(t, err)
	assert.Empty(t, plain.Profile())
	assert.Equal(t, "floor:debuggable", decide(plain, debuggable).Reason())
	assert.Equal(t, []string{"betas", "apps"}, plain.Rules())
	assert.Empty(t, decide(plain, client(t)).Warnings())

	dev, err := Load(nil, "p.yaml", Options{Profile: "development", Text: []byte(withProfile)})
	require.NoError(t, err)
	assert.Equal(t, "development", dev.Profile())
	assert.Equal(t, []string{"betas", "apps", "ours"}, dev.Rules())
	assert.NotEqual(t, plain.Revision(), dev.Revision())
	for _, s := range []*code.Subject{client(t), debuggable, nil} {
		d := decide(dev, s)
		require.GreaterOrEqual(t, len(d.Warnings()), 2)
		assert.Equal(t, `profile "development" is in force, which lets in callers that the policy alone would not: builds of our own machines`, d.Warnings()[0])
		b, err := d.MarshalJSON()
		require.NoError(t, err)
		assert.Contains(t, string(b), `"profile":"development"`)
	}
	assert.True(t, decide(dev, debuggable).Allow())

	_, err = Load(nil, "p.yaml", Options{Profile: "developmant", Text: []byte(withProfile)})
	var list diag.List
	require.ErrorAs(t, err, &list)
	assert.Contains(t, diag.Text(list...), `there is no profile "developmant"`)
	assert.Contains(t, diag.Text(list...), `did you mean "development"?`)
}

func TestMistakesInAProfileAreFoundWithoutAskingForIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rules: [{name: x, allow: subject.teem}]":                     "p.yaml:5:34: unknown name subject.teem",
		"rules: [{name: r, deny: subject.adhoc}]":                     `p.yaml:5:24: two rules are called "r"`,
		"trust: {apple: true}":                                        `unknown key "apple" in trust`,
		"peers: {p: {identifiers: x}}":                                `peer "p" does not say who signed`,
		"profiles: {y: {}}":                                           `unknown key "profiles" in profile "dev"`,
		"floor: {relax: signature}":                                   `unknown relax "signature"`,
		"rules: [{name: x, allow: 'matches(\"nobody\")'}], floor: {}": `there is no peer "nobody"`,
	} {
		_, err := Parse("p.yaml", []byte(header+"rules: [{name: r, allow: 'subject.team_id == \"ABCDE12345\"'}]\nprofiles:\n  dev: {"+text+"}\n"))
		var list diag.List
		require.ErrorAs(t, err, &list, text)
		assert.Contains(t, diag.Text(list...), want)
	}
}
