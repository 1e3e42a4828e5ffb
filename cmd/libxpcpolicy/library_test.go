package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/testworld"
)

var (
	client   = testworld.Process{PID: 7, Version: 21, Program: fixtures.Good(), Arch: fixtures.ARM64}
	stranger = testworld.Process{PID: 8, Version: 22, Program: adHoc(), Arch: fixtures.ARM64, Path: "/usr/local/bin/stranger"}
)

func adHoc() fixtures.Options {
	o := fixtures.Good()
	o.AdHoc, o.Timestamp = true, false
	return o
}

// writeWorld writes a policy and a recording of the two processes.
func writeWorld(t testing.TB) (policy, recording string) {
	t.Helper()
	dir := t.TempDir()
	policy, recording = filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "recording.json")
	b, err := json.Marshal(testworld.Record(client, stranger))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(recording, b, 0o644))
	require.NoError(t, os.WriteFile(policy, []byte(testworld.Policy), 0o644))
	return policy, recording
}

func TestGuardsAreNumbersThatAreUsedOnce(t *testing.T) {
	t.Parallel()
	policy, recording := writeWorld(t)
	var l library
	s := settings{path: policy, recording: recording, recorded: true, strength: 1}
	n, err := l.open(s)
	require.NoError(t, err)
	m, err := l.open(s)
	require.NoError(t, err)
	assert.NotEqual(t, n, m)
	assert.NotZero(t, n)
	h := l.get(n)
	r := h.reply(h.decide(client.Token(), ""))
	assert.Equal(t, reply{outcome: 1, prefix: "RECORDING: ", reason: "rule", rule: "clients", message: "a rule allows this"}, r)
	r = h.reply(h.decide(stranger.Token(), ""))
	assert.Zero(t, r.outcome)
	assert.NotZero(t, r.status)
	l.close(n)
	l.close(n)
	assert.Nil(t, l.get(n))
	assert.NotNil(t, l.get(m))
	assert.False(t, h.decide(client.Token(), "").Allow(), "whoever still holds it is denied")
	l.close(m)
}

func TestExplanationSaysThatItIsARecording(t *testing.T) {
	t.Parallel()
	policy, recording := writeWorld(t)
	var l library
	n, err := l.open(settings{path: policy, recording: recording, recorded: true, strength: 1})
	require.NoError(t, err)
	defer l.close(n)
	b, err := l.get(n).explain(client.Token(), "")
	require.NoError(t, err)
	var v struct {
		Decision struct {
			Allow    bool
			Warnings []string
		}
		Recording   bool
		Explanation map[string]any
	}
	require.NoError(t, json.Unmarshal(b, &v))
	assert.True(t, v.Decision.Allow)
	assert.True(t, v.Recording)
	assert.Contains(t, strings.Join(v.Decision.Warnings, "\n"), "recording")
	assert.NotEmpty(t, v.Explanation)
}

func TestReloadErrorIsKept(t *testing.T) {
	t.Parallel()
	policy, recording := writeWorld(t)
	var l library
	n, err := l.open(settings{path: policy, recording: recording, recorded: true, strength: 1, reload: time.Millisecond})
	require.NoError(t, err)
	defer l.close(n)
	require.NoError(t, os.WriteFile(policy, []byte("rules: ["), 0o644))
	assert.Eventually(t, func() bool { return l.get(n).failed.Load() != nil }, 10*time.Second, time.Millisecond)
	assert.Error(t, l.get(n).reload())
	assert.True(t, l.get(n).decide(client.Token(), "").Allow(), "the policy before is in force")
	require.NoError(t, os.WriteFile(policy, []byte(testworld.Policy+"# again\n"), 0o644))
	assert.Eventually(t, func() bool { return l.get(n).failed.Load() == nil }, 10*time.Second, time.Millisecond)
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "abc", cut("abc", 3))
	assert.Equal(t, "ab", cut("abé", 3))
	assert.Equal(t, "", cut("é", 1))
	assert.Equal(t, "", cut("abc", 0))
}
