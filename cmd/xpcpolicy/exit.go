package main

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// exit is an exit code of the command.
type exit int

// The exit codes, one table for the whole program.
const (
	exitYes     exit = 0 // allow, clean, yes
	exitNo      exit = 1 // deny, unsigned or invalid code, refused, no
	exitUsage   exit = 2 // nothing was judged: command line, policy, requirement
	exitUnknown exit = 3 // could not tell: unreadable or missing target, unknown fact
)

// rank orders the codes of several targets: the higher one is the answer.
var rank = [...]int{exitYes: 0, exitUnknown: 1, exitNo: 2, exitUsage: 3}

// add joins the code of one more target.
func (a *app) add(c exit) {
	if rank[c] > rank[a.code] {
		a.code = c
	}
}

// shown makes a path or other untrusted text safe to print.
func shown(s string) string { return diag.Printable(s) }

// quoted is shown between quotes.
func quoted(s string) string { return strconv.Quote(shown(s)) }

// plain says what the system refused, without the chain of calls that led there.
func plain(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return shown(pe.Path) + ": " + errnoText(pe.Err)
	}
	return errnoText(err)
}

func errnoText(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.Is(err, syscall.EISDIR):
		return "it is a directory"
	case errors.Is(err, syscall.EPIPE), errors.Is(err, os.ErrClosed):
		return "the reader went away"
	}
	return shown(strings.TrimSpace(err.Error()))
}
