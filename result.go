package xpcpolicy

import (
	"encoding/json"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// The reasons of a [Result]. They are stable codes, as those of policy.Decision.
const (
	ReasonRequirement  = "requirement"  // the requirement answered
	ReasonVerification = "verification" // the signature is missing or broken, or was not verified
	ReasonUnknownFact  = "unknown-fact" // a fact that the requirement needs is not known
	ReasonError        = "error"        // the requirement could not be evaluated
	ReasonNotJudged    = "not-judged"   // there was nothing to judge: missing or unreadable
)

// Result is the answer to "does this code satisfy this requirement?". The zero
// value denies. It has the methods and the JSON form of a policy.Decision.
type Result struct {
	outcome  policy.Outcome
	reason   string
	message  string
	status   code.Status
	slice    string // the slice that decided; "" for thin code and for an allow
	warnings []string

	expr    *requirement.Expr
	subject *code.Subject // all of it, not the slice's view
}

// Allow reports whether the code is verified and satisfies the requirement, in
// every slice.
func (r Result) Allow() bool { return r.outcome == policy.OutcomeAllow }

// Outcome tells a denial from a question that could not be answered.
func (r Result) Outcome() policy.Outcome { return r.outcome }

// Rule is always "": requirements have no rules.
func (r Result) Rule() string { return "" }

// Reason is one of the Reason constants.
func (r Result) Reason() string {
	if r.reason == "" {
		return ReasonError
	}
	return r.reason
}

// Message says in a sentence why. It may quote facts, which are untrusted text.
func (r Result) Message() string {
	if r.reason == "" {
		return "no requirement was evaluated"
	}
	return r.message
}

// Status is success for an allow; else the status of the failed verification,
// errSecCSReqFailed for a requirement that is not satisfied, and
// errSecCSSignatureNotVerifiable for one that cannot be answered.
func (r Result) Status() code.Status {
	if r.outcome != policy.OutcomeAllow && r.status == code.StatusSuccess {
		return code.StatusReqFailed
	}
	return r.status
}

// Slice is the architecture of the slice that did not pass; "" when all did, and
// when the code is thin.
func (r Result) Slice() string { return r.slice }

// Warnings lists what whoever reads the answer must know whatever it says.
func (r Result) Warnings() []string { return append([]string(nil), r.warnings...) }

// Explain returns the way to the answer: verification, then the requirement
// clause by clause with what was expected and what was found. It is made when it
// is asked for.
func (r Result) Explain() *diag.Node {
	root := &diag.Node{Label: "requirement", Verdict: verdict(r.outcome)}
	if r.expr == nil || r.subject == nil {
		root.Note = r.Message()
		return root
	}
	signature := &diag.Node{Label: "the signature is verified", Verdict: diag.Yes}
	root.Add(signature)
	if r.reason == ReasonVerification {
		signature.Verdict, signature.Note = verdict(r.outcome), r.message
		return root.Add(&diag.Node{Label: "the requirement", Verdict: diag.Skipped})
	}
	views := r.subject.PerSlice()
	if len(views) == 1 {
		_, tree := requirement.Explain(r.expr, views[0], requirement.Options{})
		return root.Add(tree)
	}
	for i, v := range views {
		slice := &diag.Node{Label: "slice " + v.Arch}
		answer, tree := requirement.Explain(r.expr, v, requirement.Options{})
		slice.Verdict = verdict(outcomeOf(answer))
		if v.Arch == r.slice || r.slice == "" && i == 0 {
			slice.Add(tree)
		}
		root.Add(slice)
	}
	return root
}

func verdict(o policy.Outcome) diag.Verdict {
	switch o {
	case policy.OutcomeAllow:
		return diag.Yes
	case policy.OutcomeUnknown:
		return diag.VerdictUnknown
	}
	return diag.No
}

// resultJSON has the keys of a policy.Decision; docs/schema/decision-1.schema.json
// describes both, and a test compares them.
type resultJSON struct {
	Outcome     policy.Outcome `json:"outcome"`
	Allow       bool           `json:"allow"`
	Reason      string         `json:"reason"`
	Message     string         `json:"message,omitempty"`
	Status      code.Status    `json:"status"`
	StatusName  string         `json:"status_name"`
	Slice       string         `json:"slice,omitempty"`
	Requirement string         `json:"requirement,omitempty"`
	Subject     *subjectJSON   `json:"subject,omitempty"`
	Warnings    []string       `json:"warnings,omitempty"`
}

type subjectJSON struct {
	Origin        code.Origin `json:"origin,omitempty"`
	Identifier    string      `json:"identifier,omitempty"`
	TeamID        string      `json:"team_id,omitempty"`
	ClaimedTeamID string      `json:"claimed_team_id,omitempty"`
	CDHash        string      `json:"cdhash,omitempty"`
}

// MarshalJSON writes the answer for logs, without the explanation.
func (r Result) MarshalJSON() ([]byte, error) {
	v := resultJSON{
		Outcome: r.outcome, Allow: r.Allow(), Reason: r.Reason(), Message: r.Message(), Status: r.Status(),
		StatusName: r.Status().Name(), Slice: r.slice, Warnings: r.warnings,
	}
	if r.expr != nil {
		v.Requirement = requirement.Format(r.expr)
	}
	if s := r.subject; s != nil {
		v.Subject = &subjectJSON{
			Origin: s.Origin, Identifier: s.Identifier.Or(""), TeamID: s.VerifiedTeam(nil).Or(""),
			ClaimedTeamID: s.ClaimedTeamID.Or(""),
		}
		if h, ok, _ := s.CDHash().Get(); ok {
			v.Subject.CDHash = h.String()
		}
	}
	return json.Marshal(v)
}
