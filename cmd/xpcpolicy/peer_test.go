package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/testworld"
)

// peers are the processes that scripts have recordings of. The token of each goes into a
// variable of the script.
var peers = map[string]testworld.Process{
	"CLIENT":   {PID: 7, Version: 21, Program: fixtures.Good(), Arch: fixtures.ARM64},
	"STRANGER": {PID: 8, Version: 22, Program: adHocProgram(), Arch: fixtures.ARM64, Path: "/usr/local/bin/stranger"},
	"GONE":     {PID: 9, Version: 23, Gone: true},
	"DEBUGGED": {PID: 10, Version: 24, Program: fixtures.Good(), Arch: fixtures.ARM64, Path: "/usr/local/bin/debugged",
		Status: []code.KernelFlags{testworld.Healthy | code.CSDebugged}},
	"ENDING": {PID: 11, Version: 25, Program: fixtures.Good(), Arch: fixtures.ARM64, Path: "/usr/local/bin/ending",
		Status: []code.KernelFlags{testworld.Healthy, testworld.Healthy &^ code.CSValid}},
}

func adHocProgram() fixtures.Options {
	o := fixtures.Good()
	o.AdHoc, o.Timestamp = true, false
	return o
}

// TestExampleRecording keeps examples/embed/case.json what a kernel would say of the
// honest client.
func TestExampleRecording(t *testing.T) {
	t.Parallel()
	p := peers["CLIENT"]
	p.Arch = fixtures.X8664
	var b bytes.Buffer
	require.NoError(t, encodeRecording(&b, testworld.Record(p)))
	const path = "../../examples/embed/case.json"
	if *update {
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, b.String(), string(have), "run go test -update and read the difference")
	assert.Equal(t, exampleToken, p.Token().String())
}

// cmdRecording is `recording FILE`: it writes a recording of all peers, and the policy
// world.yaml beside it.
func cmdRecording(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: recording FILE")
	}
	var all []testworld.Process
	for name, p := range peers {
		all = append(all, p)
		ts.Setenv(name, p.Token().String())
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(encodeRecording(f, testworld.Record(all...)))
	ts.Check(f.Close())
	ts.Check(os.WriteFile(ts.MkAbs("world.yaml"), []byte(testworld.Policy), 0o644))
}
