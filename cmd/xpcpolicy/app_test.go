package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

func TestExitCodesOfSeveralTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		codes []exit
		want  exit
	}{
		{nil, exitYes},
		{[]exit{exitYes, exitUnknown, exitYes}, exitUnknown},
		{[]exit{exitNo, exitUnknown}, exitNo},
		{[]exit{exitUnknown, exitNo}, exitNo},
		{[]exit{exitUsage, exitNo, exitUnknown}, exitUsage},
	} {
		var a app
		for _, c := range tt.codes {
			a.add(c)
		}
		assert.Equal(t, tt.want, a.code, "%v", tt.codes)
	}
}

func TestOnlyAllowIsZero(t *testing.T) {
	t.Parallel()
	assert.Equal(t, exitYes, outcomeExit(policy.OutcomeAllow))
	assert.Equal(t, exitUnknown, outcomeExit(policy.OutcomeUnknown))
	assert.Equal(t, exitNo, outcomeExit(policy.OutcomeDeny))
	assert.Equal(t, exitNo, outcomeExit(policy.Outcome(9)))
}

func TestSystemErrorsInPlainWords(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"a.yaml: there is no such file": &fs.PathError{Op: "open", Path: "a.yaml", Err: fs.ErrNotExist},
		"a.yaml: permission denied":     &fs.PathError{Op: "open", Path: "a.yaml", Err: fs.ErrPermission},
		"dir: it is a directory":        &fs.PathError{Op: "read", Path: "dir", Err: syscall.EISDIR},
		`a\nb: there is no such file`:   &fs.PathError{Op: "open", Path: "a\nb", Err: fs.ErrNotExist},
		"odd":                           errors.New(" odd\n"),
	} {
		assert.Equal(t, want, plain(err))
	}
}

func TestColourIsForTerminals(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	assert.False(t, wantColour(&b), "a pipe")
	f, err := os.CreateTemp(t.TempDir(), "")
	assert.NoError(t, err)
	defer f.Close()
	assert.False(t, wantColour(f), "a file")

	on, off := &app{colour: true}, &app{}
	assert.Equal(t, "DENY", off.paintOutcome(policy.OutcomeDeny))
	assert.Equal(t, "\x1b[1m\x1b[31mDENY\x1b[0m", on.paintOutcome(policy.OutcomeDeny))
}

func TestNoColorWins(t *testing.T) {
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	assert.NoError(t, err)
	defer device.Close()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	assert.True(t, wantColour(device))
	t.Setenv("NO_COLOR", "1")
	assert.False(t, wantColour(device))
}

func TestCondenseHidesOnlyWhatIsYes(t *testing.T) {
	t.Parallel()
	leaf := func(label string, v diag.Verdict) *diag.Node {
		return &diag.Node{Label: label, Verdict: v, Note: label}
	}
	root := (&diag.Node{Label: "root", Verdict: diag.No, Note: "why"}).Add(
		(&diag.Node{Label: "fine", Verdict: diag.Yes}).Add(leaf("a", diag.Yes), leaf("b", diag.Yes)),
		(&diag.Node{Label: "yes although", Verdict: diag.Yes}).Add(leaf("c", diag.Yes), leaf("d", diag.No)),
		(&diag.Node{Label: "long", Verdict: diag.No}).Add(
			leaf("e", diag.Yes), leaf("f", diag.No), leaf("g", diag.Yes), leaf("h", diag.VerdictUnknown), leaf("i", diag.Yes), leaf("j", diag.Skipped)),
	)
	got := condense(root, "why")
	assert.Equal(t, `root               no
├─ fine   (all 2)  yes
├─ yes although    yes
│  ├─ c            yes
│  └─ d            no      [1]
└─ long            no
   ├─ 3 others     yes
   ├─ f            no      [2]
   ├─ h            unknown [3]
   └─ j            skipped [4]

[1] d
[2] f
[3] h
[4] j
`, diag.Tree(got, diag.TreeOptions{}))
	assert.Equal(t, "why", root.Note, "the original is not changed")
	assert.Len(t, root.Children[0].Children, 2)
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"reqfaild", "reqfailed", 1}, {"reqfialed", "reqfailed", 1}, {"abc", "xyz", 3}} {
		assert.Equal(t, tt.want, distance(tt.a, tt.b), "%q %q", tt.a, tt.b)
		assert.Equal(t, tt.want, distance(tt.b, tt.a), "%q %q", tt.b, tt.a)
	}
}

func TestManPagesAreLiteral(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `\&.TH \e\-`, roff(`.TH \-`))
	for _, c := range commands(tree()) {
		page := manPage(c)
		assert.Contains(t, page, ".SH EXAMPLES", c.CommandPath())
		assert.NotContains(t, page, "%!", c.CommandPath())
	}
}

func TestJSONEscapesWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	in := "{\"name\":\"a\u009bb\u202ec\u007fd\u2028e\U000e0041f é 日\"}"
	out := escaped([]byte(in))
	assert.Equal(t, `{"name":"a\u009bb\u202ec\u007fd\u2028e\udb40\udc41f é 日"}`, string(out))
	var a, b map[string]string
	require.NoError(t, json.Unmarshal([]byte(in), &a))
	require.NoError(t, json.Unmarshal(out, &b))
	assert.Equal(t, a, b)
}
