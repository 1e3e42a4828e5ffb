package policytest

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// mutate invents the attackers of every peer that was allowed, and asks about each.
func (u *run) mutate() {
	words := policyWords(u.policy)
	o := invent.AttackOptions{
		Oldest: u.suite.mutations.oldest, Versions: mentionsVersions(words),
		Named: func(text string) bool { return strings.Contains(words, text) },
	}
	for _, p := range u.suite.peers {
		o.Versions = o.Versions || p.versions
	}
	for _, a := range u.allowed {
		for _, attack := range invent.Attacks(a.subject, o) {
			u.attack(a, attack)
		}
	}
}

func (u *run) attack(a allowedPeer, attack invent.Attack) {
	m := Mutation{Peer: a.peer.name, Operation: a.operation, Kind: attack.Kind, Name: attack.Name, What: attack.What}
	switch {
	case attack.Subject == nil:
		m.Outcome, m.Why = NotApplicable, attack.NotApplicable
	case u.suite.mutations.skips(attack.Kind, attack.Name):
		m.Outcome, m.Why = Accepted, u.suite.mutations.because
	case attack.Baseline != nil && !u.policy.Decide(u.ctx, policy.Request{Subject: attack.Baseline, Operation: a.operation, Now: a.now}).Allow():
		m.Outcome, m.Why = NotApplicable, "a running process with these facts is not allowed even without the attack"
	case attack.Contrast != nil && u.policy.Decide(u.ctx, policy.Request{Subject: attack.Contrast, Operation: a.operation, Now: a.now}).Allow():
		m.Outcome, m.Why = NotApplicable, "the decision does not need the fact"
	default:
		m.Decision = u.decide(attack.Subject, a.operation, a.now)
		m.Got, m.Outcome = m.Decision.Outcome(), Denied
		if m.Decision.Allow() {
			m.Outcome = Admitted
		}
	}
	u.result.Mutations = append(u.result.Mutations, m)
}

// policyWords is all text of a policy: its document and those it includes.
func policyWords(p *policy.Policy) string {
	words := ""
	for _, f := range p.Files() {
		words += f.Text() + "\n"
	}
	return words
}

// mentionsVersions reports whether a policy speaks of versions, so that an old one
// is an attack.
func mentionsVersions(words string) bool {
	for _, w := range []string{"subject.version", "subject.build", "min_version", "min_build", "CFBundleShortVersionString", "CFBundleVersion"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}
