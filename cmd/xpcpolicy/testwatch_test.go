package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWatchRunsAgainWhenAFileChanges feeds ticks by hand.
func TestWatchRunsAgainWhenAFileChanges(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte("a"), 0o644))
	var out, errs bytes.Buffer
	w := &tester{app: &app{stdout: bufio.NewWriter(&out), stderr: &errs}}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ticks, runs := make(chan time.Time), make(chan int)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n := 0
		w.watchLoop(ctx, ticks, func() error {
			w.files = []string{file, file + ".gone"}
			n++
			runs <- n
			if n == 2 {
				return &usageError{command: "xpcpolicy test", message: "the policy does not load"}
			}
			return nil
		})
	}()
	assert.Equal(t, 1, <-runs)
	ticks <- time.Time{} // nothing changed
	select {
	case n := <-runs:
		t.Fatalf("run %d without a change", n)
	case ticks <- time.Time{}:
	}
	require.NoError(t, os.WriteFile(file, []byte("ab"), 0o644))
	ticks <- time.Time{}
	assert.Equal(t, 2, <-runs)
	require.NoError(t, os.WriteFile(file+".gone", nil, 0o644)) // a file that was missing appears
	ticks <- time.Time{}
	assert.Equal(t, 3, <-runs)
	stop()
	<-done
	assert.Equal(t, exitYes, w.code, "the code is that of the last run")
	assert.Contains(t, errs.String(), "the policy does not load")
	assert.Contains(t, out.String(), "watching 2 files")
}
