package main

import (
	"context"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// comparison of two builds, as far as each could be read.
type builds struct {
	old, new    *side
	differences []code.Difference
	// own compares the designated requirements; nil when one of them is not known.
	own *requirement.Difference
	// accepts is whether the new build satisfies the designated requirement of the
	// old one, and accepted the other way round; nil when that is not known.
	accepts, accepted *xpcpolicy.Result
	items             []itemChange
}

// itemChange is a question of the policy that the two builds answer differently.
type itemChange struct {
	Kind  policy.ItemKind `json:"kind"`
	ID    string          `json:"id"`
	Label string          `json:"label"`
	Old   string          `json:"old"`
	New   string          `json:"new"`
}

func (c *comparer) compare(old, new *side) *builds {
	r := &builds{old: old, new: new}
	if old.err != nil || new.err != nil {
		return r
	}
	r.differences = downgrades(code.Differences(old.subject, new.subject))
	if old.ownErr == nil && new.ownErr == nil {
		d := requirement.Compare(old.own.Expr, new.own.Expr, requirement.ImpliesOptions{})
		d.Backward = turned(d.Backward)
		r.own = &d
	}
	if old.ownErr == nil {
		a := xpcpolicy.CheckRequirement(old.own.Expr, new.subject)
		r.accepts = &a
	}
	if new.ownErr == nil {
		a := xpcpolicy.CheckRequirement(new.own.Expr, old.subject)
		r.accepted = &a
	}
	r.items = changedItems(old.answer, new.answer)
	return r
}

// downgrades moves versions that fell, or are gone, to what matters: a rule may ask
// for a least one.
func downgrades(all []code.Difference) []code.Difference {
	var front, back []code.Difference
	for _, d := range all {
		if d.Field == code.FieldInfo && (d.Key == "CFBundleShortVersionString" || d.Key == "CFBundleVersion") && d.Old.IsKnown() {
			d.Matters = !d.New.IsKnown() || requirement.CompareVersions(d.New.Or(""), d.Old.Or("")) < 0
		}
		if d.Matters {
			front = append(front, d)
		} else {
			back = append(back, d)
		}
	}
	return append(front, back...)
}

// changedItems lists what the policy asked both and was answered differently.
func changedItems(old, new answer) []itemChange {
	a, ok1 := old.(policy.Decision)
	b, ok2 := new.(policy.Decision)
	if !ok1 || !ok2 {
		return nil
	}
	was := map[string]diag.Verdict{}
	a.Visit(context.Background(), func(i policy.Item, v diag.Verdict) { was[i.ID] = v })
	var out []itemChange
	b.Visit(context.Background(), func(i policy.Item, v diag.Verdict) {
		if before, asked := was[i.ID]; asked && before != v {
			out = append(out, itemChange{i.Kind, i.ID, i.Label, before.String(), v.String()})
		}
	})
	return out
}

// flips reports whether one build is let in and the other is not.
func (r *builds) flips() bool {
	return r.old.answer != nil && r.new.answer != nil && r.old.err == nil && r.new.err == nil &&
		r.old.answer.Allow() != r.new.answer.Allow()
}

func (r *builds) exit() exit {
	switch {
	case r.old.err != nil, r.new.err != nil:
		return exitUnknown
	case r.flips():
		return exitNo
	case r.old.answer == nil:
		return exitYes
	case r.old.answer.Outcome() == policy.OutcomeUnknown, r.new.answer.Outcome() == policy.OutcomeUnknown:
		return exitUnknown
	}
	return exitYes
}

// matters lists the differences that may be why somebody refuses the new build.
func (r *builds) matters() []code.Difference {
	for i := range r.differences {
		if !r.differences[i].Matters {
			return r.differences[:i]
		}
	}
	return r.differences
}

// The conclusions, which JSON has as they stand here.
const (
	concludeFlips    = "the answer flips"
	concludeUnread   = "one of the builds could not be read"
	concludeSame     = "nothing here explains a refused connection"
	concludeDenied   = "both builds are refused: the difference between them is not the cause"
	concludeUnknown  = "nobody knows the answer about one of the builds"
	concludeMay      = "a difference may be why a connection is refused"
	concludeOwn      = "the new build does not satisfy the designated requirement of the old one"
	concludeOwnDoubt = "nobody knows whether the new build satisfies the designated requirement of the old one"
)

// conclusion is what the comparison comes to. Where a rule was asked, its answer
// counts; else what peers and the system commonly ask.
func (r *builds) conclusion() string {
	if r.old.err != nil || r.new.err != nil {
		return concludeUnread
	}
	if a, b := r.old.answer, r.new.answer; a != nil {
		switch {
		case r.flips():
			return concludeFlips
		case a.Allow():
			return concludeSame
		case a.Outcome() == policy.OutcomeUnknown || b.Outcome() == policy.OutcomeUnknown:
			return concludeUnknown
		}
		return concludeDenied
	}
	switch {
	case r.accepts != nil && r.accepts.Outcome() == policy.OutcomeDeny:
		return concludeOwn
	case len(r.matters()) > 0:
		return concludeMay
	case r.accepts == nil || r.accepts.Outcome() == policy.OutcomeUnknown:
		return concludeOwnDoubt
	}
	return concludeSame
}

// hints say why a difference may matter, by field or by field and key.
var hints = map[string]string{
	code.FieldVerified:                "code that does not verify is refused whatever it says",
	code.FieldArchitecture:            "a peer that runs this slice is gone",
	code.FieldIdentifier:              "to every rule that names the identifier this is another program",
	code.FieldTeam:                    "rules that name the team tell the two apart",
	code.FieldClaimedTeam:             "rules that name the team tell the two apart",
	code.FieldChannel:                 "requirements name certificate markers, which differ between Developer ID, the store and development builds",
	code.FieldRoot:                    "a policy trusts roots by name, and Apple's anchors hold for Apple's roots only",
	code.FieldPlatformByte:            "a claim to belong to the operating system",
	code.FieldMinOS:                   "an older system does not start the new build",
	code.FieldPlatform:                "it is made for another system",
	code.FieldConstraint:              "the kernel refuses to start code outside its launch constraints",
	code.FieldEntitlements:            "nobody can tell which entitlements differ",
	code.FieldProfile:                 "restricted entitlements need a profile that covers them, or the kernel ends the program",
	"info CFBundleIdentifier":         "rules may read the bundle identifier",
	"info CFBundleShortVersionString": "the version fell: rules that ask for a least one refuse it",
	"info CFBundleVersion":            "the build fell: rules that ask for a least one refuse it",
	"flag runtime":                    "policies ask for the hardened runtime unless they are told not to",
	"flag library-validation":         "rules may ask for library validation",
	"flag adhoc":                      "ad-hoc code has no certificates: anybody can make it, and no team is known",
	"entitlement com.apple.security.application-groups": "shared containers and Mach services go by the group",
	"entitlement com.apple.security.app-sandbox":        "what a program may look up differs inside the sandbox",
}

// hint says why a difference may matter; "" where there is nothing to say.
func hint(d *code.Difference) string {
	if d.Field == code.FieldEntitlement {
		if means := code.DangerousEntitlementMeaning(d.Key); means != "" {
			return "policies refuse it unless they are told not to: " + means
		}
	}
	if h := hints[d.Field+" "+d.Key]; h != "" {
		return h
	}
	return hints[d.Field]
}
