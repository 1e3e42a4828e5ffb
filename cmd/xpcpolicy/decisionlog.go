package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
)

// logFlags are the flags of a command that records decisions.
type logFlags struct {
	path  string
	facts bool
	file  *os.File
	sink  decisionlog.Sink
}

func (l *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.path, "log", "", "append a line of JSON for each decision of a policy to `FILE`")
	cmd.Flags().BoolVar(&l.facts, "log-facts", false, "let the lines of --log hold all facts, so that xpcpolicy replay can ask again")
}

// open opens the log when there is one.
func (l *logFlags) open(cmd *cobra.Command, byPolicy bool) error {
	switch {
	case l.path == "" && l.facts:
		return usage(cmd, "--log-facts says what --log writes: name a file with --log")
	case l.path == "":
		return nil
	case !byPolicy:
		return usage(cmd, "--log records decisions of a policy: name one with -p")
	}
	var err error
	if l.file, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return usage(cmd, "the log cannot be written: %s", plain(err))
	}
	l.sink = decisionlog.JSONLines(l.file, nil)
	return nil
}

// record writes one decision.
func (l *logFlags) record(ctx context.Context, d policy.Decision, s *code.Subject, operation string, now time.Time) error {
	if l.sink == nil {
		return nil
	}
	return l.sink.Log(ctx, decisionlog.NewEntry(d, policy.Request{Subject: s, Operation: operation, Now: now}, decisionlog.Meta{Facts: l.facts}))
}

func (l *logFlags) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
