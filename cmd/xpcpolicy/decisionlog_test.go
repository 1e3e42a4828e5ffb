package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
)

const exampleLog = "examples/helper/decisions.jsonl"

// exampleEntries are what examples/helper/policy.yaml said before it had a version
// floor.
func exampleEntries(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("examples/helper/policy.yaml")
	require.NoError(t, err)
	before := strings.Replace(string(text), "    min_version: \"2.0\" # 1.x could be made to load any library\n", "", 1)
	require.NotEqual(t, string(text), before)
	p, err := policy.Parse("policy.yaml", []byte(before))
	require.NoError(t, err)
	var b bytes.Buffer
	sink := decisionlog.JSONLines(&b, nil)
	for i, name := range []string{"client", "client-old", "client-adhoc", "client-other-team", "client"} {
		r := policy.Request{Operation: "install", Now: fixtures.Clock.Add(time.Duration(i) * time.Minute)}
		r.Subject, err = xpcpolicy.Verify(context.Background(), "examples/helper/"+name, xpcpolicy.Options{Now: r.Now})
		require.NoError(t, err)
		d := xpcpolicy.CheckPolicy(context.Background(), p, r.Subject, xpcpolicy.Request{Operation: r.Operation, Now: r.Now})
		m := decisionlog.Meta{ID: "example-" + strconv.Itoa(i+1), Labels: map[string]string{"server": "helper"}, Facts: i < 4}
		require.NoError(t, sink.Log(context.Background(), decisionlog.NewEntry(d, r, m)))
	}
	return b.Bytes()
}

// TestExampleLogIsWhatTheseProgramsGive keeps the example's facts those of today's
// verification; -update rewrites them.
func TestExampleLogIsWhatTheseProgramsGive(t *testing.T) {
	t.Chdir(filepath.Join(testDir, "..", ".."))
	want := exampleEntries(t)
	if *update {
		require.NoError(t, os.WriteFile(exampleLog, want, 0o644))
	}
	got, err := os.ReadFile(exampleLog)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run go test -update")

	s := readSchema(t, "decision-log-1.schema.json")
	for _, line := range bytes.Split(bytes.TrimSpace(got), []byte("\n")) {
		s.checkJSON(t, line, exampleLog)
	}
	full, err := json.Marshal(decisionlog.Entry{Schema: 1, ID: "x", Result: "unknown", Unknown: []string{"a"}, Warnings: []string{"w"},
		Peer: decisionlog.Peer{Process: &decisionlog.Process{Flags: []string{"valid"}}}, Metrics: &decisionlog.Metrics{Verify: 1, Decide: 1, Total: 2},
		Dropped: &decisionlog.Dropped{Allows: 1, Denials: 2}, Masked: []string{"/facts"}, TraceID: "t", SpanID: "s", Cached: true})
	require.NoError(t, err)
	s.checkJSON(t, full, "an entry that says everything")
}
