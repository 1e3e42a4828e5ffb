package policytest

import (
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// Outcome is how a suite, or one check of it, ended. The zero value is no outcome,
// and not a pass.
type Outcome string

// The outcomes. Worse ones count more, in the order Failed, Broken, Passed.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"  // the policy does something else than expected
	Broken  Outcome = "broken"  // could not tell: a program or facts file cannot be read
	Skipped Outcome = "skipped" // by the suite, with a reason
	Todo    Outcome = "todo"    // failed, as the suite says it may
	Fixed   Outcome = "fixed"   // passed, though the suite says that it may fail
)

// Result is what a suite over one policy came to. The zero value did not pass.
type Result struct {
	Suite  string
	Policy string // its path, as the suite or the caller names it
	Checks []Check
	// Operations are the columns of the table, and Rows its rows; empty without a
	// matrix. Its cells are among Checks too, with the case "matrix".
	Operations []string
	Rows       []string
	Mutations  []Mutation
	Coverage   Coverage
	// Findings are what loading the policy warned of. They fail nothing.
	Findings diag.List
	// Problems say why the suite failed beyond its checks: a coverage below the
	// threshold, for example.
	Problems []string
	Duration time.Duration // zero without a clock
}

// What Select calls the parts of a suite that are not cases.
const (
	matrixCase    = "matrix"
	mutationsCase = "mutations"
)

// Check is one question of a suite, with the answer.
type Check struct {
	Case, Peer, Operation string
	Outcome               Outcome
	Want, Got             policy.Outcome
	// Reason is what decided: the rule, the floor item or the reason.
	Reason string
	// Problem says what is wrong; empty for a check that passed. For a skipped one,
	// and one to do, it is the suite's reason.
	Problem  string
	Decision policy.Decision
	Duration time.Duration
}

// Mutation is one invented attacker.
type Mutation struct {
	Peer, Operation string // the peer that is allowed
	Kind, Name      string
	What            string
	Outcome         MutationOutcome
	// Why says why it is not applicable, or which reason the suite gives for
	// skipping it.
	Why      string
	Got      policy.Outcome
	Decision policy.Decision
}

// MutationOutcome says what became of an attacker.
type MutationOutcome string

// The outcomes of attackers. One that cannot be made is never counted as denied.
const (
	Denied        MutationOutcome = "denied" // or undecided, which lets nobody in
	Admitted      MutationOutcome = "admitted"
	NotApplicable MutationOutcome = "not-applicable"
	Accepted      MutationOutcome = "skipped" // by the suite, with a reason
)

// Outcome is the worst of the checks and attackers. A suite in which nothing ran
// is Broken: it proves nothing.
func (r *Result) Outcome() Outcome {
	worst := Passed
	for i := range r.Checks {
		switch c := &r.Checks[i]; c.Outcome {
		case Failed:
			worst = Failed
		case Broken:
			if worst == Passed {
				worst = Broken
			}
		}
	}
	for i := range r.Mutations {
		if r.Mutations[i].Outcome == Admitted {
			worst = Failed
		}
	}
	if len(r.Problems) > 0 {
		worst = Failed
	}
	if r.Ran() == 0 && worst == Passed {
		return Broken
	}
	return worst
}

// Err returns nil when the suite passed, else an error that names the first thing
// that did not: for whoever puts a policy into force only when its tests pass.
func (r *Result) Err() error {
	if r.Outcome() == Passed {
		return nil
	}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Outcome == Failed || c.Outcome == Broken {
			return fmt.Errorf("suite %s: %s: %s: %s", quote(r.Suite), c.Case, asks(c), c.Problem)
		}
	}
	for i := range r.Mutations {
		if m := &r.Mutations[i]; m.Outcome == Admitted {
			return fmt.Errorf("suite %s: an attacker like %s comes in: %s", quote(r.Suite), m.Peer, m.Name)
		}
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("suite %s: %s", quote(r.Suite), r.Problems[0])
	}
	return errors.New("suite " + quote(r.Suite) + ": no test ran")
}

// Ran is the number of questions that were asked: checks that were not skipped, and
// attackers.
func (r *Result) Ran() int {
	n := r.count()[Denied] + r.count()[Admitted]
	for i := range r.Checks {
		if r.Checks[i].Outcome != Skipped {
			n++
		}
	}
	return n
}

// count returns how many attackers ended in each way.
func (r *Result) count() map[MutationOutcome]int {
	n := map[MutationOutcome]int{}
	for i := range r.Mutations {
		n[r.Mutations[i].Outcome]++
	}
	return n
}

// reasonOf names what decided, in the words that because: compares.
func reasonOf(d policy.Decision) string {
	if d.Rule() != "" {
		if d.Reason() == policy.ReasonRule {
			return "rule " + quote(d.Rule())
		}
		return d.Reason() + " in rule " + quote(d.Rule())
	}
	return d.Reason()
}
