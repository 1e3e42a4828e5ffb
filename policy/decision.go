package policy

import (
	"encoding/json"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Outcome is what a decision says. The zero value is a denial.
type Outcome uint8

// The outcomes. Only OutcomeAllow lets anybody in.
const (
	OutcomeDeny    Outcome = iota
	OutcomeUnknown         // a fact that a rule needed is not known, or a rule could not be evaluated
	OutcomeAllow
)

// String returns "deny", "unknown" or "allow".
func (o Outcome) String() string {
	switch o {
	case OutcomeAllow:
		return "allow"
	case OutcomeUnknown:
		return "unknown"
	}
	return "deny"
}

// MarshalText writes the word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// The reasons of decisions. A decision of the floor has "floor:" and the name of
// the item, as in "floor:debuggable".
const (
	ReasonRule        = "rule"         // a rule's condition is true
	ReasonDefaultDeny = "default-deny" // no rule's condition is true
	ReasonUnknownFact = "unknown-fact" // a fact that a rule needs is not known
	ReasonError       = "error"        // a rule could not be evaluated, or the request is not complete
	reasonFloor       = "floor:"
)

// Decision is the answer to one request. The zero value denies.
type Decision struct {
	allow    bool
	finding  finding
	warnings []string
	policy   *Policy
	request  Request
	verified error // what Verified said of the subject
}

// finding is what the judgement of one slice came to. The zero value denies.
type finding struct {
	outcome Outcome
	reason  string
	rule    string
	message string // the rule's own words
	detail  string // what was found, in ours
	facts   []string
	status  code.Status
	slice   string
	limit   bool // the rule was cut off by a limit or the context
}

// Allow reports whether the caller may come in. It is true for no other outcome
// than [OutcomeAllow].
func (d Decision) Allow() bool { return d.allow }

// Outcome tells a denial from a question that could not be answered.
func (d Decision) Outcome() Outcome {
	switch {
	case d.allow:
		return OutcomeAllow
	case d.finding.outcome == OutcomeUnknown:
		return OutcomeUnknown
	}
	return OutcomeDeny
}

// Rule is the name of the rule that decided, or that could not be decided; "" when
// no rule did.
func (d Decision) Rule() string { return d.finding.rule }

// Reason is a stable code: one of the Reason constants, or "floor:" with the name
// of the floor item.
func (d Decision) Reason() string {
	if d.finding.reason == "" {
		return ReasonError
	}
	return d.finding.reason
}

// Message says in a sentence why. It holds the rule's own message when the rule
// has one. It may quote facts, which are untrusted text.
func (d Decision) Message() string {
	switch f := &d.finding; {
	case f.message != "":
		return f.message
	case f.detail != "":
		return f.detail
	case f.reason == "":
		return "no decision was made"
	}
	return ""
}

// Status is success for an allow, else the errSecCS number that says most.
func (d Decision) Status() code.Status {
	if d.allow {
		return code.StatusSuccess
	}
	if d.finding.status == code.StatusSuccess {
		return code.StatusReqFailed
	}
	return d.finding.status
}

// Slice is the architecture of the slice that decided, as in "arm64"; "" when
// the code is thin.
func (d Decision) Slice() string { return d.finding.slice }

// Facts lists the facts that nobody knows and that a rule needed; empty unless
// the reason is "unknown-fact".
func (d Decision) Facts() []string { return append([]string(nil), d.finding.facts...) }

// Warnings lists what whoever reads the decision must know whatever it says: that
// the facts are replayed, the profile in force, each relaxed item of the floor,
// what verification warned of, and what was allowed only because the floor is
// relaxed.
func (d Decision) Warnings() []string { return append([]string(nil), d.warnings...) }

// Policy returns the policy that decided; nil for the zero Decision.
func (d Decision) Policy() *Policy { return d.policy }

// decisionJSON is the JSON form of a decision. docs/policy.md describes it;
// fields are added, never changed.
type decisionJSON struct {
	Outcome    Outcome      `json:"outcome"`
	Allow      bool         `json:"allow"`
	Reason     string       `json:"reason"`
	Rule       string       `json:"rule,omitempty"`
	Message    string       `json:"message,omitempty"`
	Detail     string       `json:"detail,omitempty"`
	Facts      []string     `json:"unknown_facts,omitempty"`
	Status     code.Status  `json:"status"`
	StatusName string       `json:"status_name"`
	Slice      string       `json:"slice,omitempty"`
	Operation  string       `json:"operation,omitempty"`
	Policy     string       `json:"policy,omitempty"`
	Revision   string       `json:"revision,omitempty"`
	Profile    string       `json:"profile,omitempty"`
	Subject    *subjectJSON `json:"subject,omitempty"`
	Warnings   []string     `json:"warnings,omitempty"`
}

type subjectJSON struct {
	Origin        code.Origin `json:"origin,omitempty"`
	Identifier    string      `json:"identifier,omitempty"`
	TeamID        string      `json:"team_id,omitempty"`
	ClaimedTeamID string      `json:"claimed_team_id,omitempty"`
	CDHash        string      `json:"cdhash,omitempty"`
	PID           *uint32     `json:"pid,omitempty"`
}

// MarshalJSON writes the decision for logs, without the explanation.
func (d Decision) MarshalJSON() ([]byte, error) {
	v := decisionJSON{
		Outcome: d.Outcome(), Allow: d.allow, Reason: d.Reason(), Rule: d.Rule(), Message: d.Message(),
		Facts: d.finding.facts, Status: d.Status(), StatusName: d.Status().Name(), Slice: d.Slice(),
		Operation: d.request.Operation, Warnings: d.warnings,
	}
	if d.finding.detail != v.Message {
		v.Detail = d.finding.detail
	}
	if p := d.policy; p != nil {
		v.Policy, v.Revision, v.Profile = p.name, p.revision, p.profile
		if s := d.request.Subject; s != nil {
			v.Subject = &subjectJSON{
				Origin: s.Origin, Identifier: s.Identifier.Or(""), ClaimedTeamID: s.ClaimedTeamID.Or(""),
				TeamID: (&facts{p: p, s: s}).team().Or(""),
			}
			if h, ok, _ := s.CDHash().Get(); ok {
				v.Subject.CDHash = h.String()
			}
			if s.Process != nil {
				pid := s.Process.PID()
				v.Subject.PID = &pid
			}
		}
	}
	return json.Marshal(v)
}
