package code

import (
	"errors"
	"fmt"
	"strings"
)

// Error is the rejection of an input: what Apple's validation would return, the
// part at fault and where it lies.
type Error struct {
	Status Status // the errSecCS number
	Part   string // the structure at fault, as in "CodeDirectory"
	Off    int64  // its file offset in bytes; -1 when it has none
	Arch   string // the slice, as in "arm64"; empty for thin files
	Path   string // the file, relative to the target; empty for the target itself
	Err    error  // the cause; nil when Part and Status say it all
}

// Error prints "arm64: CodeDirectory at 0x4020: cause (errSecCSSignatureFailed)".
func (e *Error) Error() string {
	var b strings.Builder
	for _, s := range []string{e.Path, e.Arch} {
		if s != "" {
			b.WriteString(s + ": ")
		}
	}
	b.WriteString(e.Part)
	if e.Off >= 0 {
		fmt.Fprintf(&b, " at 0x%x", e.Off)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	b.WriteString(" (" + e.Status.Name() + ")")
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusOf returns the status of the first [Error] in err's chain,
// [StatusSuccess] for nil and [StatusInternalError] for any other error.
func StatusOf(err error) Status {
	if err == nil {
		return StatusSuccess
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return StatusInternalError
}
