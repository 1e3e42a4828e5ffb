package draft

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/policytest"
)

// Profile is the profile under which development builds come in.
const Profile = "development"

// Draft is a policy with what belongs to it.
type Draft struct {
	Policy      string // a document of package policy
	Requirement string // what the builds of all release peers satisfy, in Apple's language
	// Suite is a document of package policytest that names the builds by their
	// paths. DevelopmentSuite is one for Profile; "" without development builds.
	Suite            string
	DevelopmentSuite string
	// Notes say what whoever uses the draft should decide.
	Notes []string
	// Problems say what the draft does not do that it should; empty for a good one.
	Problems []string
}

// drafter is a draft in the making.
type drafter struct {
	name         string
	groups       []*group
	requirements map[*group]string
	relax        []string // floor items that release builds need relaxed
	relaxDevelop []string
	notes        []string
	now          time.Time
}

// Options say how a draft is tried. The zero value is a fixed time.
type Options struct {
	// Now is the time of the decisions with which the draft is tried; zero is
	// policytest.DefaultNow, and its suites say so.
	Now time.Time
}

// New drafts a policy of a name for verified builds. The error says which of them
// cannot stand in a policy, and why.
func New(ctx context.Context, name string, builds []Build, o Options) (*Draft, error) {
	if len(builds) == 0 {
		return nil, fmt.Errorf("there are no builds to draft a policy for")
	}
	w := &drafter{name: name, requirements: map[*group]string{}, now: o.Now}
	if w.now.IsZero() {
		w.now = policytest.DefaultNow
	}
	var err error
	if w.groups, err = groups(builds); err != nil {
		return nil, err
	}
	for _, g := range w.groups {
		if w.requirements[g], err = g.requirementOf(); err != nil {
			return nil, fmt.Errorf("%s: %w", g.builds[0].Path, err)
		}
	}
	d := &Draft{}
	if d.Requirement, err = w.requirement(); err != nil {
		return nil, err
	}
	w.fit(ctx)
	w.note()
	d.Policy, d.Notes = w.policy(), w.notes
	d.Suite = w.suite(false)
	if w.has(develop) {
		d.DevelopmentSuite = w.suite(true)
	}
	d.Problems = w.try(ctx, d, builds)
	return d, nil
}

func (w *drafter) has(k kind) bool {
	return slices.ContainsFunc(w.groups, func(g *group) bool { return g.kind == k })
}

// requirement joins those of the peers that come in without a profile.
func (w *drafter) requirement() (string, error) {
	var texts []string
	for _, g := range w.groups {
		if g.kind != develop {
			texts = append(texts, w.requirements[g])
		}
	}
	if len(texts) == 0 {
		return "", nil
	}
	return join(texts)
}

// fit relaxes the items of the floor that the given builds do not meet, each with
// a note, because every caller gains by it.
func (w *drafter) fit(ctx context.Context) {
	for range policyItems {
		changed := false
		for _, g := range w.groups {
			profile, list := "", &w.relax
			if g.kind == develop {
				profile, list = Profile, &w.relaxDevelop
			}
			p, err := load(w.policy(), profile)
			if err != nil {
				return
			}
			for _, b := range g.builds {
				d := p.Decide(ctx, policy.Request{Subject: b.Subject, Now: w.now})
				item, ok := strings.CutPrefix(d.Reason(), "floor:")
				if ok && slices.Contains(relaxable, item) && !slices.Contains(*list, item) {
					*list = append(*list, item)
					where := "the floor"
					if profile != "" {
						where = "the floor of profile " + profile
					}
					w.notes = append(w.notes, fmt.Sprintf("%s does not meet item %q of the floor (%s): %s is relaxed for everybody; better ship a build that meets it", b.Path, item, d.Message(), where))
					changed = true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// relaxable are the items of the floor that belong to builds, and that a policy may
// relax. policyItems bounds how often that is tried.
var relaxable = []string{"debuggable", "library-validation", "dyld-environment", "executable-page-protection", "hardened-runtime", "interpreter", "plugin-host"}

const policyItems = 8

func load(text, profile string) (*policy.Policy, error) {
	return policy.Load(nil, "policy.yaml", policy.Options{Text: []byte(text), Profile: profile})
}

// note says what the builds cannot tell.
func (w *drafter) note() {
	for _, g := range w.groups {
		path := g.builds[0].Path
		switch {
		case g.kind == unsigned:
			w.notes = append(w.notes, path+" has no certificate: the draft names its exact build by its hash, and the next build needs a new entry")
		case g.kind == private:
			w.notes = append(w.notes, path+" is signed below a private root: whoever holds its key can sign as anybody the policy names")
		case g.version == "" && g.kind != apple:
			w.notes = append(w.notes, path+" has no version that can be compared: older builds of the same program come in too")
		}
		if g.kind == develop {
			w.notes = append(w.notes, path+" is a development build: it comes in under the profile "+Profile+" alone")
		}
	}
}

// inherent are findings that belong to a kind of signer, by their rules: a private
// root has no other name than its hash, and a build without a certificate neither.
var inherent = map[kind]string{private: "RQ114 ", unsigned: "RQ307 "}

// findings returns what loading warns of, lint included. That a given build is a host
// of other people's code is among the notes already.
func (w *drafter) findings(p *policy.Policy) []string {
	var problems []string
	for _, f := range p.Findings() {
		expected := f.Severity == diag.Info ||
			strings.HasPrefix(f.Rule, "RQ4") && (slices.Contains(w.relax, "interpreter") || slices.Contains(w.relax, "plugin-host"))
		for k, rule := range inherent {
			expected = expected || w.has(k) && strings.HasPrefix(f.Rule, rule)
		}
		if !expected {
			problems = append(problems, "loading the draft warns: "+f.Error())
		}
	}
	return problems
}

// try loads the draft and runs its suites. What it returns is wrong with the draft.
func (w *drafter) try(ctx context.Context, d *Draft, builds []Build) []string {
	var problems []string
	for _, s := range []struct{ text, profile string }{{d.Suite, ""}, {d.DevelopmentSuite, Profile}} {
		if s.text == "" {
			continue
		}
		p, err := load(d.Policy, s.profile)
		if err != nil {
			return append(problems, "the draft does not load: "+err.Error())
		}
		problems = append(problems, w.findings(p)...)
		suite, err := policytest.Parse("policy_test.yaml", []byte(s.text))
		if err != nil {
			return append(problems, "the suite does not load: "+err.Error())
		}
		given := func(path string) (*code.Subject, error) {
			for _, b := range builds {
				if b.Path == path {
					return b.Subject, nil
				}
			}
			return nil, fmt.Errorf("there is no build %q", path)
		}
		r := suite.Run(ctx, p, policytest.Options{Facts: given, Load: func(_ context.Context, path string, _ time.Time) (*code.Subject, error) {
			return given(path)
		}})
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Outcome != policytest.Passed {
				problems = append(problems, c.Peer+": "+c.Problem)
			}
		}
		for i := range r.Mutations {
			if m := &r.Mutations[i]; m.Outcome == policytest.Admitted {
				problems = append(problems, "an attacker like "+m.Peer+" comes in ("+m.Name+"): "+m.What)
			}
		}
	}
	return problems
}
