package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// maxArgument bounds policies, requirements and facts files that are read whole.
const maxArgument = 64 << 20

// read reads a file that an argument names; "-" is standard input.
func (a *app) read(path string) ([]byte, error) {
	if path == "-" {
		return limited(a.stdin, "standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return limited(f, path)
}

func limited(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxArgument+1))
	if err == nil && len(b) > maxArgument {
		err = errors.New(shown(name) + " is longer than 64 MiB")
	}
	return b, err
}

// source is how a file is called in diagnostics.
func source(path string) string {
	if path == "-" {
		return "<stdin>"
	}
	return shown(path)
}

// loadPolicy reads and compiles the policy at path. What is wrong with it is a
// usageError: nothing was judged.
func (a *app) loadPolicy(cmd *cobra.Command, path string) (*policy.Policy, error) {
	return a.loadProfile(cmd, path, "")
}

// refused turns diagnostics about an argument into a usageError.
func refused(cmd *cobra.Command, message string, err error) *usageError {
	e := usage(cmd, "%s", message)
	if !errors.As(err, &e.list) {
		e.message = strings.TrimPrefix(message+": ", ": ") + plain(err)
	}
	return e
}

// requirementFlags are the two ways to give a requirement.
type requirementFlags struct {
	text string
	file string
}

func (f *requirementFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.text, "requirement", "r", "", "the `TEXT` of a requirement; a leading = is ignored, as in codesign -R=TEXT")
	cmd.Flags().StringVarP(&f.file, "requirement-file", "R", "", "a `FILE` with a requirement, as text or compiled; - is standard input")
}

// load parses the requirement that one of the flags gives.
func (f *requirementFlags) load(a *app, cmd *cobra.Command) (*requirement.Expr, error) {
	if cmd.Flags().Changed("requirement-file") {
		b, err := a.read(f.file)
		if err != nil {
			return nil, usage(cmd, "the requirement cannot be read: %s", plain(err))
		}
		return parseRequirement(cmd, source(f.file), b)
	}
	e, err := parseRequirement(cmd, "<requirement>", []byte(trimEquals(f.text)))
	var u *usageError
	if errors.As(err, &u) {
		if _, serr := os.Stat(f.text); serr == nil {
			u.hint = "-r takes the text itself; to read the file " + shown(f.text) + ", write -R " + shown(f.text)
		}
	}
	return e, err
}

func trimEquals(s string) string {
	if len(s) > 0 && s[0] == '=' {
		return s[1:]
	}
	return s
}

// magics of compiled requirements.
var (
	magicRequirement = []byte{0xfa, 0xde, 0x0c, 0x00}
	magicSet         = []byte{0xfa, 0xde, 0x0c, 0x01}
)

// parseRequirement reads one requirement, text or compiled. Of a set it takes the
// designated one, because files that codesign wrote hold sets.
func parseRequirement(cmd *cobra.Command, name string, b []byte) (*requirement.Expr, error) {
	any, err := parseAny(name, b)
	if err != nil {
		return nil, refused(cmd, "the requirement does not parse, so nothing was judged", err)
	}
	if !bytes.HasPrefix(b, magicRequirement) && !bytes.HasPrefix(b, magicSet) && bytes.IndexByte(b, 0) >= 0 {
		e := usage(cmd, "the requirement holds a NUL byte, and Apple's compiler reads nothing behind it, so nothing was judged")
		e.hint = "remove the NUL byte; what follows it would not count"
		return nil, e
	}
	if any.Expr != nil {
		return any.Expr, nil
	}
	if e := any.Set.Find(requirement.TypeDesignated); e != nil && len(any.Set.Entries) == 1 {
		return e, nil
	}
	e := usage(cmd, "this is a requirement set, which holds several requirements; one is needed")
	e.hint = "write the text behind the =>, without the label"
	return nil, e
}

// isCompiled tells a binary from a text by its first bytes.
func isCompiled(b []byte) bool {
	return bytes.HasPrefix(b, magicRequirement) || bytes.HasPrefix(b, magicSet)
}

func parseAny(name string, b []byte) (requirement.Any, error) {
	if isCompiled(b) {
		any, err := requirement.DecodeAny(b)
		if err != nil {
			err = errors.New(name + ": " + diag.Printable(err.Error()))
		}
		return any, err
	}
	return requirement.ParseAny(name, string(b))
}

// loadFacts reads a facts file, which is a replay whatever it says.
func (a *app) loadFacts(path string) (*code.Subject, error) {
	b, err := a.read(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	s, err := code.ReadFacts(b)
	if err != nil {
		return nil, &code.Error{Status: code.StatusSignatureNotVerifiable, Part: "facts", Off: -1, Err: errors.New(source(path) + ": " + jsonProblem(err))}
	}
	return s, nil
}

func unreadable(path string, err error) error {
	status := code.StatusSignatureNotVerifiable
	if errors.Is(err, os.ErrNotExist) {
		status = code.StatusStaticCodeNotFound
	}
	return &code.Error{Status: status, Part: "file", Off: -1, Path: path, Err: errors.New(errnoText(err))}
}
