package main

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// verdictJSON is the answer of verify for machines. docs/schema/verify-1.schema.json
// describes it.
type verdictJSON struct {
	Target     string             `json:"target"`
	Verdict    string             `json:"verdict"`
	Status     code.Status        `json:"status"`
	StatusName string             `json:"status_name"`
	Judge      string             `json:"judge"`
	Message    string             `json:"message,omitempty"`
	Limits     []string           `json:"limits,omitempty"`
	Format     string             `json:"format,omitempty"`
	Designated *designatedVerdict `json:"designated,omitempty"`
	Apple      *code.Status       `json:"apple,omitempty"`
	AppleName  string             `json:"apple_name,omitempty"`
	Checks     []verdictCheckJSON `json:"checks,omitempty"`
	Warnings   []code.Warning     `json:"warnings,omitempty"`
}

type verdictCheckJSON struct {
	code.Check
	Outcome string `json:"outcome"`
}

// designatedVerdict is whether the code satisfies what it says of itself.
type designatedVerdict struct {
	Satisfied  string                   `json:"satisfied"` // "yes", "no" or "unknown"
	Status     code.Status              `json:"status"`
	StatusName string                   `json:"status_name"`
	Message    string                   `json:"message,omitempty"`
	Slices     []designatedVerdictOfOne `json:"requirements"`
}

type designatedVerdictOfOne struct {
	Arch        string `json:"arch,omitempty"`
	Requirement string `json:"requirement,omitempty"`
	Implied     bool   `json:"implied"`
	Error       string `json:"error,omitempty"`
}

func (r *verdict) json() verdictJSON {
	v := verdictJSON{
		Target: r.target, Verdict: r.word(), Status: r.status, StatusName: r.status.Name(), Judge: "xpcpolicy",
		Message: r.message, Limits: r.limits, Designated: r.ownJSON(),
	}
	if r.apple {
		v.Judge = "apple"
	}
	s := r.subject
	if s == nil {
		return v
	}
	v.Format, v.Warnings = s.Format, s.Validity.Warnings
	if apple, ok, _ := s.Validity.Apple.Get(); ok {
		v.Apple, v.AppleName = &apple, apple.Name()
	}
	for _, c := range s.Validity.Checks {
		outcome := string(c.Outcome)
		if outcome == "" {
			outcome = "not-run"
		}
		v.Checks = append(v.Checks, verdictCheckJSON{c, outcome})
	}
	return v
}

func (r *verdict) ownJSON() *designatedVerdict {
	if r.own == nil {
		return nil
	}
	d := r.own.Answer
	v := &designatedVerdict{Satisfied: yesNoUnknown(d.Outcome()), Status: d.Status(), StatusName: d.Status().Name(), Message: d.Message()}
	for i := range r.own.Slices {
		part := &r.own.Slices[i]
		one := designatedVerdictOfOne{Arch: part.Arch, Implied: part.Implied}
		if part.Err != nil {
			one.Error = part.Err.Error()
		} else {
			one.Requirement = requirement.Format(part.Expr)
		}
		v.Slices = append(v.Slices, one)
	}
	return v
}

func yesNoUnknown(o policy.Outcome) string {
	switch o {
	case policy.OutcomeAllow:
		return "yes"
	case policy.OutcomeUnknown:
		return "unknown"
	}
	return "no"
}
