package policytest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// TextOptions choose what Text shows. The zero value is for a terminal without
// colour.
type TextOptions struct {
	// Verbose lists every attacker, and everything that coverage misses.
	Verbose bool
	// Paint colours a word by what it means: "good", "bad" or "note"; nil: plain.
	Paint func(meaning, word string) string
}

// Text writes results for people. What failed is explained below its line.
func Text(o TextOptions, results ...*Result) string {
	w := &textWriter{o: o}
	for _, r := range results {
		w.result(r)
	}
	return w.b.String()
}

// Summary is the last line: what ran, and how it ended.
func Summary(results ...*Result) string {
	n, mutations := map[Outcome]int{}, 0
	for _, r := range results {
		for i := range r.Checks {
			n[r.Checks[i].Outcome]++
		}
		c := r.count()
		mutations += c[Denied] + c[Admitted]
	}
	ran := n[Passed] + n[Failed] + n[Broken] + n[Todo] + n[Fixed]
	s := fmt.Sprintf("%s, %s", plural(ran, "check"), plural(mutations, "mutation"))
	for _, o := range []Outcome{Failed, Broken, Skipped, Todo, Fixed} {
		if n[o] > 0 {
			s += fmt.Sprintf(", %d %s", n[o], o)
		}
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type textWriter struct {
	b strings.Builder
	o TextOptions
}

func (w *textWriter) line(format string, args ...any) {
	w.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (w *textWriter) paint(meaning, word string) string {
	if w.o.Paint == nil {
		return word
	}
	return w.o.Paint(meaning, word)
}

func (w *textWriter) result(r *Result) {
	w.line("%s  (%s)", diag.Printable(r.Suite), diag.Printable(r.Policy))
	for _, f := range r.Findings {
		w.line("  %s  %s", w.paint("note", f.Severity.String()), diag.Printable(f.Error()))
	}
	last := ""
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Case == matrixCase && len(r.Operations) > 0 {
			continue
		}
		if c.Case != last || i == 0 {
			last = c.Case
			w.line("  %s", diag.Printable(c.Case))
		}
		w.check(r, c)
	}
	w.table(r)
	w.mutations(r)
	w.coverage(r)
	for _, p := range r.Problems {
		w.line("  %s %s", w.paint("bad", "FAIL"), p)
	}
}

// check writes one line: who, for what, the answer, whether that was expected.
func (w *textWriter) check(r *Result, c *Check) {
	width := 0
	for i := range r.Checks {
		if r.Checks[i].Case == c.Case {
			width = max(width, utf8.RuneCountInString(asks(&r.Checks[i])))
		}
	}
	who := pad(asks(c), width)
	switch c.Outcome {
	case Passed:
		w.line("    %s  %-7s %s    %s", who, c.Got, w.paint("good", "ok"), diag.Printable(c.Reason))
	case Fixed:
		w.line("    %s  %-7s %s    passes now, remove todo: %s", who, c.Got, w.paint("note", "ok"), diag.Printable(c.Problem))
	case Skipped:
		w.line("    %s  %-7s %s  %s", who, "-", w.paint("note", "skip"), diag.Printable(c.Problem))
	case Todo:
		w.line("    %s  %-7s %s  %s", who, c.Got, w.paint("note", "todo"), diag.Printable(c.Problem))
	case Broken:
		w.line("    %s  %-7s %s  %s", who, "-", w.paint("bad", "FAIL"), diag.Printable(c.Problem))
	default:
		w.line("    %s  %-7s %s  %s", who, c.Got, w.paint("bad", "FAIL"), diag.Printable(c.Problem))
		w.indent(diag.Tree(c.Decision.Explain(), diag.TreeOptions{Notes: c.Decision.Allow()}), "      ")
	}
}

// asks is who asks for what.
func asks(c *Check) string {
	if c.Operation == "" {
		return diag.Printable(c.Peer)
	}
	return diag.Printable(c.Peer + ": " + c.Operation)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func (w *textWriter) indent(text, by string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		w.line("%s%s", by, l)
	}
}

// table writes peers by operations. A cell that is not as expected has a mark, and
// is explained below.
func (w *textWriter) table(r *Result) {
	if len(r.Operations) == 0 {
		return
	}
	cells := map[[2]string]*Check{}
	var failed []*Check
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Case == matrixCase {
			cells[[2]string{c.Peer, c.Operation}] = c
			if c.Outcome != Passed {
				failed = append(failed, c)
			}
		}
	}
	width := len("peers x operations") - 2
	for _, p := range r.Rows {
		width = max(width, utf8.RuneCountInString(diag.Printable(p)))
	}
	head := "  " + pad("peers x operations", width+2)
	for _, op := range r.Operations {
		head += "  " + pad(diag.Printable(op), len("unknown!"))
	}
	w.line("%s", head)
	for _, p := range r.Rows {
		row := "    " + pad(diag.Printable(p), width)
		for _, op := range r.Operations {
			text, meaning := "-", "note"
			if c := cells[[2]string{p, op}]; c != nil && c.Outcome != Broken {
				if text, meaning = c.Got.String(), "good"; c.Outcome != Passed {
					text, meaning = text+"!", "bad"
				}
			}
			column := max(len("unknown!"), utf8.RuneCountInString(diag.Printable(op)))
			row += "  " + w.paint(meaning, text) + strings.Repeat(" ", max(0, column-len(text)))
		}
		w.line("%s", row)
	}
	for _, c := range failed {
		w.check(r, c)
	}
}

// mutations writes how many attackers were denied, and each that was not.
func (w *textWriter) mutations(r *Result) {
	n := r.count()
	tried := n[Denied] + n[Admitted]
	if len(r.Mutations) == 0 {
		return
	}
	notes := ""
	if n[Accepted] > 0 {
		notes += fmt.Sprintf(", %d skipped", n[Accepted])
	}
	if n[NotApplicable] > 0 {
		notes += fmt.Sprintf(", %d not applicable", n[NotApplicable])
	}
	meaning := "good"
	if n[Admitted] > 0 {
		meaning = "bad"
	}
	w.line("  mutations  %s denied%s", w.paint(meaning, fmt.Sprintf("%d/%d", n[Denied], tried)), notes)
	reason := ""
	for i := range r.Mutations {
		m := &r.Mutations[i]
		who := diag.Printable(m.Peer)
		if m.Operation != "" {
			who += ": " + diag.Printable(m.Operation)
		}
		switch {
		case m.Outcome == Admitted:
			w.line("    %s  like %s: %s", w.paint("bad", "FAIL"), who, m.Name)
			w.line("      %s, and it is let in by %s", m.What, diag.Printable(reasonOf(m.Decision)))
		case w.o.Verbose && m.Outcome == Denied:
			w.line("    %s    like %s: %s: %s", w.paint("good", "ok"), who, m.Name, diag.Printable(reasonOf(m.Decision)))
		case w.o.Verbose && m.Outcome == NotApplicable:
			w.line("    %s   like %s: %s: %s", w.paint("note", "n/a"), who, m.Name, m.Why)
		case m.Outcome == Accepted && m.Why != reason:
			reason = m.Why
			w.line("    %s  %s: %s", w.paint("note", "skip"), m.Kind, diag.Printable(m.Why))
		}
	}
}

func (w *textWriter) coverage(r *Result) {
	c := r.Coverage
	w.line("  coverage  rules %.1f%%  conditions %.1f%%  floor %.1f%%", c.Rules.Percent(), c.Conditions.Percent(), c.Floor.Percent())
	const most = 8
	missing := append(append([]string(nil), c.Rules.Missing...), c.Conditions.Missing...)
	if w.o.Verbose {
		missing = append(missing, c.Floor.Missing...)
	}
	for i, m := range missing {
		if i == most && !w.o.Verbose {
			w.line("    and %d more", len(missing)-most)
			break
		}
		w.line("    %s", diag.Printable(m))
	}
}
