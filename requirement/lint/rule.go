package lint

import (
	"slices"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Group is the part of the catalogue that a rule belongs to.
type Group string

// The groups.
const (
	GroupSyntax   Group = "syntax"   // RQ0nn: does the text compile, and to what it says
	GroupIdentity Group = "identity" // RQ1nn: who signed
	GroupLogic    Group = "logic"    // RQ2nn: what and, or and comparisons amount to
	GroupLifetime Group = "lifetime" // RQ3nn: versions, hashes, what changes with time
	GroupHosts    Group = "hosts"    // RQ4nn: programs that run other people's code
	GroupPractice Group = "practice" // RQ5nn: how requirements are used
)

// Rule is one entry of the catalogue. Rules are shared: nobody changes them.
type Rule struct {
	ID   string // as in "RQ103"
	Slug string // as in "generic-without-team"
	// Severity holds where no Level does.
	Severity diag.Severity
	// Levels change the severity for some targets and releases; the first that
	// applies counts.
	Levels []Level
	What   string // what it finds, in one sentence
	Why    string // what that costs
	Fix    string // what to write instead
	// Bad is a text that it finds, Good one that it does not, both judged with the
	// first target and release for which the rule is on.
	Bad, Good string

	check func(*pass)
}

// Level is the severity of a rule for some uses.
type Level struct {
	Targets  []Target  // nil for all
	Releases []Release // nil for all
	Severity diag.Severity
	Off      bool
}

// Name returns number and slug, as in "RQ103 generic-without-team".
func (r *Rule) Name() string { return r.ID + " " + r.Slug }

// Group returns the part of the catalogue, which the number tells.
func (r *Rule) Group() Group {
	groups := [...]Group{GroupSyntax, GroupIdentity, GroupLogic, GroupLifetime, GroupHosts, GroupPractice}
	if len(r.ID) > 2 {
		if i := int(r.ID[2] - '0'); i < len(groups) {
			return groups[i]
		}
	}
	return GroupSyntax
}

// Level returns how severe a finding is; false where the rule is off.
func (r *Rule) Level(c Config) (diag.Severity, bool) {
	for i := range r.Levels {
		l := &r.Levels[i]
		if (l.Targets == nil || slices.Contains(l.Targets, c.Target)) &&
			(l.Releases == nil || slices.Contains(l.Releases, c.Release)) {
			return l.Severity, !l.Off
		}
	}
	return r.Severity, true
}

// Rules returns the catalogue, by number.
func Rules() []*Rule { return slices.Clone(catalogue) }

// Find returns the rule with a number, as in "RQ103", or with a slug; nil when
// there is none.
func Find(name string) *Rule {
	for _, r := range catalogue {
		if r.ID == name || r.Slug == name || r.Name() == name {
			return r
		}
	}
	return nil
}
