package policytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// Options say how a suite runs. Paths that are handed to Load and Facts are as the
// suite writes them.
type Options struct {
	// Load verifies a real program; nil: peers with file: are broken.
	Load func(ctx context.Context, path string, now time.Time) (*code.Subject, error)
	// Facts reads a facts file; nil: peers with facts: are broken.
	Facts func(path string) (*code.Subject, error)
	// Select reports whether a case runs, by its name; nil: all. The matrix is the
	// case "matrix", the attackers are "mutations".
	Select func(name string) bool
	// Clock measures how long checks take; nil: it is not measured.
	Clock func() time.Time
	// Threshold is the least coverage of rules, conditions and floor in percent
	// where the suite names none; nil: none.
	Threshold *float64
	// PolicyName is how results call the policy; "" is its source's name.
	PolicyName string
}

func (o *Options) selected(name string) bool { return o.Select == nil || o.Select(name) }

func (o *Options) clock() time.Time {
	if o.Clock == nil {
		return time.Time{}
	}
	return o.Clock()
}

// Profile is the profile of the policy that the suite is about; "" is none.
func (s *Suite) Profile() string { return s.profile }

// Run asks every question of the suite. The policy must have been loaded with the
// suite's profile.
func (s *Suite) Run(ctx context.Context, p *policy.Policy, o Options) *Result {
	started := o.clock()
	u := &run{ctx: ctx, suite: s, policy: p, o: &o, subjects: map[subjectKey]loaded{}, seen: newCoverage(p),
		result: &Result{Suite: s.name, Policy: o.PolicyName, Findings: p.Findings()}}
	if u.result.Policy == "" {
		u.result.Policy = p.Source().Name()
	}
	for _, c := range s.cases {
		u.part(c.name, func() { u.testCase(c) })
	}
	if s.matrix != nil {
		u.part(matrixCase, func() { u.matrix(s.matrix) })
	}
	if o.selected(mutationsCase) {
		u.mutate()
	}
	u.result.Coverage = u.seen.coverage()
	if o.Select == nil { // a part of a suite cannot come to all of a policy
		u.result.Problems = u.result.Coverage.below(s.coverage, o.Threshold)
	}
	u.result.Duration = o.clock().Sub(started)
	return u.result
}

// part runs a part of the suite. One that is not selected leaves no results; it runs
// when attackers begin at those whom it lets in.
func (u *run) part(name string, ask func()) {
	kept, covered := *u.result, u.seen
	switch {
	case u.o.selected(name):
		ask()
	case u.o.selected(mutationsCase):
		u.seen = newCoverage(u.policy)
		ask()
		*u.result, u.seen = kept, covered
	}
}

// run is one suite over one policy.
type run struct {
	ctx      context.Context
	suite    *Suite
	policy   *policy.Policy
	o        *Options
	subjects map[subjectKey]loaded
	seen     *coverage
	result   *Result
	allowed  []allowedPeer
}

type subjectKey struct {
	peer *peer
	now  time.Time
}

type loaded struct {
	subject *code.Subject
	err     error
}

// allowedPeer is a peer that the policy let in, as the suite expects: attackers
// begin there.
type allowedPeer struct {
	peer      *peer
	operation string
	now       time.Time
	subject   *code.Subject
}

func (u *run) subject(p *peer, now time.Time) (*code.Subject, error) {
	k := subjectKey{p, now}
	if p.base().path == "" || p.base().isFacts {
		k.now = time.Time{}
	}
	l, ok := u.subjects[k]
	if !ok {
		l.subject, l.err = p.facts(u.ctx, u.o, now)
		u.subjects[k] = l
	}
	return l.subject, l.err
}

func (u *run) decide(s *code.Subject, operation string, now time.Time) policy.Decision {
	d := u.policy.Decide(u.ctx, policy.Request{Subject: s, Operation: operation, Now: now})
	d.Visit(u.ctx, u.seen.see)
	return d
}

func (u *run) testCase(c *testCase) {
	for _, p := range c.peers {
		for _, op := range c.operations {
			k := Check{Case: c.name, Peer: p.name, Operation: op}
			k.Want = wanted(c.expect, p.name)
			if c.skip != "" {
				k.Outcome, k.Problem = Skipped, c.skip
				u.result.Checks = append(u.result.Checks, k)
				continue
			}
			because, _ := c.because.find(p.name)
			u.check(&k, p, c.now, because, c.todo == "")
			switch {
			case c.todo == "" || k.Outcome == Broken:
			case k.Outcome == Passed:
				k.Outcome, k.Problem = Fixed, c.todo
			default:
				k.Outcome, k.Problem = Todo, c.todo
			}
			u.result.Checks = append(u.result.Checks, k)
		}
	}
}

// wanted is what a case expects for a peer; nobody who is not listed comes in.
func wanted(b byPeer, peer string) policy.Outcome {
	switch word, _ := b.find(peer); word {
	case "allow":
		return policy.OutcomeAllow
	case "unknown":
		return policy.OutcomeUnknown
	}
	return policy.OutcomeDeny
}

// check asks one question and compares the answer.
func (u *run) check(k *Check, p *peer, now time.Time, because string, attack bool) {
	started := u.o.clock()
	s, err := u.subject(p, now)
	if err != nil {
		k.Outcome, k.Problem = Broken, err.Error()
		return
	}
	k.Decision = u.decide(s, k.Operation, now)
	k.Got, k.Reason, k.Outcome = k.Decision.Outcome(), reasonOf(k.Decision), Passed
	k.Duration = u.o.clock().Sub(started)
	switch {
	case k.Got != k.Want:
		k.Outcome, k.Problem = Failed, fmt.Sprintf("want %s, got %s: %s", k.Want, k.Got, k.Decision.Message())
	case because != "" && !becauseOf(k.Decision, because):
		k.Outcome, k.Problem = Failed, fmt.Sprintf("%s as expected, but not because of %s: %s", k.Got, quote(because), k.Reason)
	case because != "" && k.Decision.Rule() == "" && !strings.HasPrefix(k.Reason, "floor:") && because != k.Reason:
		k.Reason += ": " + because
	}
	if attack && k.Got == k.Want && k.Got == policy.OutcomeAllow { // for another reason too
		u.allow(allowedPeer{p, k.Operation, now, s})
	}
}

// allow remembers who came in, once for each question.
func (u *run) allow(a allowedPeer) {
	for _, b := range u.allowed {
		if b.peer == a.peer && b.operation == a.operation && b.now.Equal(a.now) {
			return
		}
	}
	u.allowed = append(u.allowed, a)
}

// becauseOf reports whether a word of because: names what decided: the rule, the
// reason, the floor item, an unknown fact, or a clause that is not satisfied or not
// known.
func becauseOf(d policy.Decision, word string) bool {
	if word == d.Rule() || word == d.Reason() || "floor:"+word == d.Reason() || slices.Contains(d.Facts(), word) {
		return true
	}
	if d.Allow() || strings.HasPrefix(d.Reason(), "floor:") {
		return false
	}
	found := false
	d.Visit(context.Background(), func(i policy.Item, v diag.Verdict) {
		found = found || v != diag.Yes && !i.Deny && i.Kind != policy.ItemRule && (strings.HasPrefix(i.Label, word) || i.ID == word)
	})
	return found
}

// matrix asks every peer about every operation.
func (u *run) matrix(m *matrix) {
	u.result.Operations = m.operations
	for _, p := range u.suite.peers {
		u.result.Rows = append(u.result.Rows, p.name)
		for _, op := range m.operations {
			k := Check{Case: matrixCase, Peer: p.name, Operation: op}
			if m.allows(p.name, op) {
				k.Want = policy.OutcomeAllow
			}
			u.check(&k, p, u.suite.now, "", true)
			if k.Outcome == Failed && k.Want == policy.OutcomeDeny && k.Got == policy.OutcomeUnknown {
				k.Outcome, k.Problem = Passed, "" // the table says who may, and an undecided peer may not
			}
			u.result.Checks = append(u.result.Checks, k)
		}
	}
}
