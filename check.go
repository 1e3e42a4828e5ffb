package xpcpolicy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// CheckRequirement answers whether verified code satisfies a requirement, as
// `codesign --verify --strict -R` does. Code that is not verified is denied with
// the status of what failed, before the requirement is looked at. Then the
// requirement is evaluated for each slice, and the worst answer counts.
//
// No policy stands below it: ad-hoc code and chains of any root may pass. When the
// requirement pins neither an anchor, a certificate nor a cdhash, a warning says
// what that is worth.
func CheckRequirement(e *requirement.Expr, s *code.Subject) Result {
	r := Result{expr: e, subject: s}
	switch {
	case e == nil:
		r.reason, r.message, r.status = ReasonError, "there is no requirement", code.StatusObjectRequired
		return r
	case s == nil:
		r.reason, r.message, r.status = ReasonError, "nobody said who asks", code.StatusObjectRequired
		return r
	}
	r.warnings = warnings(s)
	if err := s.Verified(); err != nil {
		return r.unverified(err)
	}
	for i, view := range s.PerSlice() {
		answer := requirement.Eval(e, view, requirement.Options{})
		o := outcomeOf(answer)
		if i > 0 && o >= r.outcome { // deny, unknown, allow: the worst counts
			continue
		}
		r.outcome, r.slice = o, ""
		if len(s.Slices) > 0 {
			r.slice = view.Arch
		}
		r.reason, r.message, r.status = words(answer)
	}
	if r.outcome == policy.OutcomeAllow {
		r.slice = "" // all of them
		if !pins(e) {
			r.warnings = append(r.warnings, unpinned(s)...)
		}
	}
	return r
}

// NotJudged is the Result when there is no Subject: the target is missing or
// cannot be read. It is unknown, with the status of the error.
func NotJudged(err error) Result {
	r := Result{outcome: policy.OutcomeUnknown, reason: ReasonNotJudged, message: "nothing was judged", status: code.StatusOf(err)}
	var e *code.Error
	if errors.As(err, &e) {
		r.message = e.Part
		if e.Err != nil {
			r.message = e.Err.Error()
		}
	} else if err != nil {
		r.message = err.Error()
	}
	return r
}

// unverified is the answer about code whose signature does not hold. A check that
// did not run leaves the question open; one that failed answers it.
func (r Result) unverified(err error) Result {
	r.reason, r.message, r.status = ReasonVerification, err.Error(), code.StatusOf(err)
	var e *code.Error
	if errors.As(err, &e) {
		r.slice = e.Arch
	}
	if r.status == code.StatusSignatureNotVerifiable {
		r.outcome = policy.OutcomeUnknown
	}
	return r
}

// outcomeOf turns the answer about one slice into an outcome. It is the only
// place where a requirement becomes an allow.
func outcomeOf(r requirement.Result) policy.Outcome {
	switch {
	case r.Outcome == requirement.True && r.Err == nil && r.Status == code.StatusSuccess:
		return policy.OutcomeAllow
	case r.Outcome == requirement.False:
		return policy.OutcomeDeny
	}
	return policy.OutcomeUnknown
}

func words(r requirement.Result) (reason, message string, status code.Status) {
	switch {
	case outcomeOf(r) == policy.OutcomeAllow:
		return ReasonRequirement, "the code satisfies the requirement", code.StatusSuccess
	case r.Err != nil:
		return ReasonError, "the requirement could not be evaluated: " + r.Err.Error(), r.Status
	case r.Outcome == requirement.False:
		return ReasonRequirement, "the code does not satisfy the requirement", code.StatusReqFailed
	}
	message = "nobody knows a fact that the requirement needs"
	if len(r.Missing) > 0 {
		message += ": " + strings.Join(r.Missing, ", ")
	}
	return ReasonUnknownFact, message, code.StatusSignatureNotVerifiable
}

// ReplayWarning stands in every answer about a facts file.
const ReplayWarning = "origin: replay, signature not verified here"

// warnings are those that verification gave, and that of replayed facts.
func warnings(s *code.Subject) []string {
	var out []string
	if s.Origin == code.OriginReplay {
		out = append(out, ReplayWarning)
	}
	for _, w := range s.Validity.Warnings {
		text := w.Message
		if w.Arch != "" {
			text = w.Arch + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// unpinned says what a requirement without a pin is worth for this code.
func unpinned(s *code.Subject) []string {
	const pin = ", and the requirement pins neither an anchor, a certificate nor a cdhash: anybody can make code that satisfies it"
	for _, v := range s.PerSlice() {
		if adhoc, ok, err := v.AdHoc().Get(); err != nil || !ok || adhoc {
			return []string{"the code is signed ad hoc" + pin}
		}
		root, ok, err := v.AnchorCert().Get()
		if err != nil || !ok {
			return []string{"the code has no certificate chain" + pin}
		}
		if !root.AppleRoot {
			return []string{fmt.Sprintf("the chain ends in %q, which is not one of Apple's roots", diag.Printable(root.CommonName())) + pin}
		}
	}
	return nil
}

// pins reports whether code can satisfy e only with a certain anchor, certificate
// or cdhash. A requirement that evaluation answered is at most 999 levels deep,
// so the recursion is bounded.
func pins(e *requirement.Expr) bool {
	switch e.Op {
	case requirement.OpAppleAnchor, requirement.OpAppleGeneric, requirement.OpNamedAnchor,
		requirement.OpAnchorHash, requirement.OpCDHash, requirement.OpFalse:
		return true
	case requirement.OpAnd:
		return pins(e.X) || pins(e.Y)
	case requirement.OpOr:
		return pins(e.X) && pins(e.Y)
	}
	return false
}
