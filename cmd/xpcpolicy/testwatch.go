package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// watchEvery is how often --watch looks at the files.
const watchEvery = 300 * time.Millisecond

// watchSuites runs the suites, and again whenever a file that they read changes,
// until the user interrupts it.
func (t *tester) watchSuites(ctx context.Context, targets []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	t.watchLoop(ctx, tick.C, func() error { return t.all(ctx, targets) })
	return nil
}

// watchLoop runs, and runs again at the first tick at which a file has changed. The
// exit code is that of the last run.
func (t *tester) watchLoop(ctx context.Context, tick <-chan time.Time, run func() error) {
	for {
		t.code = exitYes
		before := stamps(t.files)
		if err := run(); err != nil {
			var e *usageError
			if errors.As(err, &e) {
				t.print(e)
			} else {
				fmt.Fprintln(t.stderr, "xpcpolicy: "+plain(err))
			}
			t.add(exitUsage)
		}
		if len(before) != len(t.files) { // what changed while they were read counts too
			before = stamps(t.files)
		}
		fmt.Fprintf(t.stdout, "watching %d files\n", len(t.files))
		if t.stdout.Flush() != nil {
			return
		}
		for changed := false; !changed; {
			select {
			case <-ctx.Done():
				return
			case <-tick:
				changed = differ(before, stamps(t.files))
			}
		}
		fmt.Fprintln(t.stdout)
	}
}

// stamp is what tells two states of a file apart; zero for one that is not there.
type stamp struct {
	size int64
	mod  time.Time
}

func stamps(files []string) map[string]stamp {
	out := make(map[string]stamp, len(files))
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			out[f] = stamp{st.Size(), st.ModTime()}
		} else {
			out[f] = stamp{}
		}
	}
	return out
}

func differ(a, b map[string]stamp) bool {
	if len(a) != len(b) {
		return true
	}
	for f, s := range a {
		if t, ok := b[f]; !ok || t.size != s.size || !t.mod.Equal(s.mod) {
			return true
		}
	}
	return false
}
