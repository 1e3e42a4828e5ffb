package macho

import (
	"fmt"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// problem is one violated rule: our status, and what Apple's validation says of
// the same violation.
type problem struct {
	err   code.Error
	apple code.Fact[code.Status] // success: Apple accepts it
}

// rejected is a violation that Apple rejects with the same status.
func rejected(status code.Status, part string, off int64, format string, args ...any) problem {
	return problem{
		err:   code.Error{Status: status, Part: part, Off: off, Err: fmt.Errorf(format, args...)},
		apple: code.Known(status),
	}
}

// stricter is a violation of one of our own rules that Apple accepts, so that
// verification goes on to find what Apple would say of the rest.
func stricter(status code.Status, part string, off int64, format string, args ...any) problem {
	p := rejected(status, part, off, format, args...)
	p.apple = code.Known(code.StatusSuccess)
	return p
}

// unjudged is a violation for which Apple's answer is not known.
func unjudged(status code.Status, part string, off int64, format string, args ...any) problem {
	p := rejected(status, part, off, format, args...)
	p.apple = code.Unknown[code.Status](fmt.Errorf("%s: Apple's answer is not known", part))
	return p
}

// appleSays replaces Apple's answer.
func (p problem) appleSays(s code.Status) problem {
	p.apple = code.Known(s)
	return p
}

// goesOn reports whether Apple's validation continues after this violation.
func (p problem) goesOn() bool {
	s, ok, _ := p.apple.Get()
	return ok && s == code.StatusSuccess
}

// check is the record of one step while verification runs.
type check struct {
	id, name, arch string
	outcome        code.Outcome
	reason         string
	problems       []problem
	// total counts the problems when not all of them were kept; else 0.
	total int
	// unsure says why Apple's answer is not known although the check passed here.
	unsure string
}

func passed() check                     { return check{outcome: code.Passed} }
func notApplicable(reason string) check { return check{outcome: code.NotApplicable, reason: reason} }
func notRun(reason string) check        { return check{outcome: code.NotRun, reason: reason} }
func failed(ps ...problem) check        { return check{outcome: code.Failed, problems: ps} }
func verdictOf(ps []problem) check {
	if len(ps) == 0 {
		return passed()
	}
	return failed(ps...)
}

// fatal reports whether Apple's validation would have stopped here, or nobody
// knows, so that the following steps have nothing sound to work on.
func (c *check) fatal() bool {
	for _, p := range c.problems {
		if !p.goesOn() {
			return true
		}
	}
	return false
}

// report collects the checks of one verification in the order in which they count.
type report struct {
	checks   []check
	warnings []code.Warning
}

func (r *report) warn(id, arch, format string, args ...any) {
	r.warnings = append(r.warnings, code.Warning{ID: id, Arch: arch, Message: fmt.Sprintf(format, args...)})
}

// byPrecedence sorts the checks by the order in which their errors count; slices
// stay in file order within one step.
func (r *report) byPrecedence() {
	order := checkOrder()
	sort.SliceStable(r.checks, func(i, j int) bool { return order[r.checks[i].id] < order[r.checks[j].id] })
}

// checkOrder gives each check its place: the container, the slices' steps with the
// comparison of slices after that of directories, the seal, the strict checks, and
// last whether the file is still what it was.
func checkOrder() map[string]int {
	order := map[string]int{}
	next := func(id string) {
		if _, known := order[id]; !known {
			order[id] = len(order)
		}
	}
	next("F1")
	for _, s := range sliceSteps {
		if s.id == "T6" {
			break
		}
		next(s.id)
		if s.id == "X1" {
			next("X4")
		}
	}
	for _, st := range sealSteps() {
		next(st.id)
	}
	for _, st := range strictSteps() {
		next(st.id)
	}
	for _, id := range []string{"T6", "T7", "T8", "F3"} {
		next(id)
	}
	return order
}

// validity turns the record into facts. Our verdict is the first problem in order.
func (r *report) validity() code.Validity {
	v := code.Validity{Apple: r.apple(), Warnings: r.warnings}
	for _, c := range r.checks {
		out := code.Check{ID: c.id, Name: c.name, Arch: c.arch, Outcome: c.outcome, Reason: c.reason}
		if len(c.problems) > 0 {
			p := c.problems[0]
			out.Status, out.Reason, out.Stricter = p.err.Status, reasonOf(p), p.goesOn()
			if v.Status == code.StatusSuccess {
				v.Status = p.err.Status
			}
		}
		if total := max(c.total, len(c.problems)); total > 1 {
			out.Total = total
			out.Reason += fmt.Sprintf(" (and %d more)", total-1)
		}
		for _, p := range c.problems {
			if p.err.Path != "" && len(out.Paths) < maxItemFaults {
				out.Paths = append(out.Paths, p.err.Path)
			}
		}
		v.Checks = append(v.Checks, out)
	}
	return v
}

// apple is the first problem that Apple does not accept: for each slice and for
// the file as a whole, and known only if they all say the same, because Apple
// finishes one slice before it looks at the next. What comes after all slices
// counts only when the slices are fine.
func (r *report) apple() code.Fact[code.Status] {
	doubt := func(format string, args ...any) code.Fact[code.Status] {
		return code.Unknown[code.Status](fmt.Errorf(format, args...))
	}
	decided := map[string]code.Fact[code.Status]{} // by architecture
	unsure := map[string]string{}
	anyDoubt := ""
	var order []string
	ok := code.Known(code.StatusSuccess)
	late := ok
	for _, c := range r.checks {
		if _, done := decided[c.arch]; done {
			continue
		}
		if c.unsure != "" {
			unsure[c.arch], anyDoubt = c.unsure, c.unsure
		} else if c.outcome == code.NotRun {
			unsure[c.arch] = fmt.Sprintf("check %s (%s) did not run", c.id, c.name)
			anyDoubt = unsure[c.arch]
		}
		for _, p := range c.problems {
			if p.goesOn() {
				continue
			}
			answer := p.apple
			for _, arch := range []string{c.arch, ""} {
				if why := unsure[arch]; why != "" {
					answer = doubt("%s", why)
				}
			}
			if lateSteps[c.id] {
				if anyDoubt != "" {
					answer = doubt("%s", anyDoubt)
				}
				if late == ok {
					late = answer
				}
				break
			}
			decided[c.arch] = answer
			order = append(order, c.arch)
			break
		}
	}
	switch {
	case len(order) == 0 && late == ok && anyDoubt != "":
		return doubt("%s", anyDoubt)
	case len(order) == 0:
		return late
	}
	first := decided[order[0]]
	for _, arch := range order[1:] {
		a, _, errA := first.Get()
		b, _, errB := decided[arch].Get()
		if errA != nil || errB != nil || a != b {
			return doubt("slices fail differently, and Apple begins with the one of the machine")
		}
	}
	return first
}

// lateSteps are the checks that Apple runs after all slices.
var lateSteps = map[string]bool{
	"R1": true, "R2": true, "R3": true, "R4": true, "R5": true, "R6": true, "R7": true, "R8": true, "R9": true, "R10": true,
	"T1": true, "T2": true, "T3": true, "T4": true, "T5": true, "T6": true, "T7": true, "T8": true, "F3": true,
}

func reasonOf(p problem) string {
	s := p.err.Part
	if p.err.Path != "" {
		s = p.err.Path
		if p.err.Part != "file" {
			s += ": " + p.err.Part
		}
	}
	if p.err.Off >= 0 {
		s += fmt.Sprintf(" at 0x%x", p.err.Off)
	}
	if p.err.Err != nil {
		s += ": " + p.err.Err.Error()
	}
	return s
}
