package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// printAnswer prints one answer for people: the verdict in one line that can be
// searched for, and, unless it is a plain allow, why.
func (c *checker) printAnswer(target string, s *code.Subject, d answer) {
	w := c.stdout
	long := !d.Allow() || c.explain
	if c.shown > 0 && long {
		fmt.Fprintln(w)
	}
	c.shown++
	fmt.Fprintf(w, "%s %s", c.paintOutcome(d.Outcome()), shown(target))
	if d.Allow() {
		fmt.Fprintf(w, "  (%s)", c.because(d))
	}
	fmt.Fprintln(w)
	if !d.Allow() {
		c.row("reason", c.reason(d))
		if d.Slice() != "" {
			c.row("slice", shown(d.Slice()))
		}
		c.row("status", statusWords(d))
	}
	for _, warning := range d.Warnings() {
		c.row("warning", shown(oneLine(warning)))
	}
	if !long {
		return
	}
	if s != nil {
		tree := d.Explain()
		if !c.explain {
			tree = condense(tree, d.Message())
		}
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(diag.Tree(tree, diag.TreeOptions{Notes: c.explain}), "\n"))
		if m := c.nearest(d); m != nil {
			fmt.Fprintf(w, "\n%s\n", shown(oneLine(m.String())))
		}
		fmt.Fprintf(w, "\n%s\n", wrap("evidence: ", evidence(s, d.Slice())))
	}
}

func (c *checker) row(name, text string) { fmt.Fprintf(c.stdout, "  %-8s %s\n", name, text) }

// statusWords names the status. What it means is said only where it is the status
// of the code, and not a stand-in for "nobody knows".
func statusWords(d answer) string {
	s := d.Status()
	if d.Outcome() == policy.OutcomeUnknown && s == code.StatusSignatureNotVerifiable {
		return s.String()
	}
	return fmt.Sprintf("%s: %s", s, s.Info().Meaning)
}

// because says in a few words what allowed.
func (c *checker) because(d answer) string {
	if d.Rule() == "" {
		return "the requirement is satisfied"
	}
	text := "rule " + quoted(d.Rule())
	if c.policy != nil {
		text += " of policy " + quoted(c.policy.Name())
	}
	return text
}

// reason joins the stable code of a denial with its sentence.
func (c *checker) reason(d answer) string {
	text := d.Reason()
	if d.Rule() != "" {
		text += " " + quoted(d.Rule())
	}
	if m := d.Message(); m != "" {
		text += ": " + shown(oneLine(m))
	}
	return text
}

// maxWidth is where lists are broken into lines; texts are not broken.
const maxWidth = 96

// wrap joins parts with commas, in lines that begin below the first part.
func wrap(head string, parts []string) string {
	text, column := head, len(head)
	for i, p := range parts {
		if i < len(parts)-1 {
			p += ","
		}
		width := utf8.RuneCountInString(p)
		switch {
		case i == 0:
		case column+1+width > maxWidth:
			text += "\n" + strings.Repeat(" ", len(head))
			column = len(head)
		default:
			text += " "
			column++
		}
		text += p
		column += width
	}
	return text
}

// evidence lists what was looked at: the slice that decided, or the best one.
func evidence(s *code.Subject, arch string) []string {
	v := s
	for _, view := range s.PerSlice() {
		if arch != "" && view.Arch == arch {
			v = view
		}
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case len(s.Slices) > 1 && arch == "":
		add("%d slices, of %s", len(s.Slices), shown(v.Arch))
	case v.Arch != "":
		add("slice %s", shown(v.Arch))
	}
	if !v.Signed {
		add("not signed")
	}
	if h, ok, _ := v.CDHash().Get(); ok {
		add("cdhash %s", h)
	}
	if sig := v.Signature; sig != nil && len(sig.Directories) > 0 {
		d := bestDirectory(&v.Slice)
		add("CodeDirectory %s v%x", d.HashType, d.Version)
	}
	if f, ok, _ := v.Flags.Get(); ok {
		add("flags %s", f)
	}
	parts = append(parts, chainEvidence(&v.Slice)...)
	if t, ok, _ := v.SignedAt.Get(); ok {
		add("timestamp %s", t.UTC().Format(time.RFC3339))
	} else if t, ok, _ := v.SigningTime.Get(); ok {
		add("claimed time %s", t.UTC().Format(time.RFC3339))
	}
	if ents, ok, _ := v.Entitlements.Get(); ok {
		add("%s", plural(ents.Len(), "entitlement"))
	}
	return append(parts, checksEvidence(s))
}

func chainEvidence(v *code.Slice) []string {
	certs, ok, err := v.Certs.Get()
	switch {
	case err != nil:
		return []string{"certificates unknown"}
	case !ok || len(certs) == 0:
		return []string{"no certificate chain"}
	}
	return []string{fmt.Sprintf("%s up to %q", plural(len(certs), "certificate"), shown(certs[len(certs)-1].CommonName()))}
}

// checksEvidence counts the checks of verification by their outcome.
func checksEvidence(s *code.Subject) string {
	count := map[code.Outcome]int{}
	for _, c := range s.Validity.Checks {
		count[c.Outcome]++
	}
	text := fmt.Sprintf("%s passed", plural(count[code.Passed], "check"))
	if n := count[code.Failed]; n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	if n := count[code.NotRun]; n > 0 {
		text += fmt.Sprintf(", %d not run", n)
	}
	if s.Origin == code.OriginReplay {
		text += " when the facts were recorded"
	}
	return text
}

// bestDirectory is the CodeDirectory whose cdhash the kernel uses.
func bestDirectory(v *code.Slice) *code.CodeDirectory {
	h, ok, _ := v.CDHash().Get()
	for i := range v.Signature.Directories {
		d := &v.Signature.Directories[i]
		if ok && d.HashType == h.Type {
			return d
		}
	}
	return &v.Signature.Directories[0]
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
