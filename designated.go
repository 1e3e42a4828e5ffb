package xpcpolicy

import (
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// DesignatedWarning stands in every answer about a designated requirement.
const DesignatedWarning = "a designated requirement is what code says of itself: satisfying it proves nothing about who signed"

// Designation is what code says of itself, and whether that holds. The zero value
// says nothing and its Answer denies.
type Designation struct {
	// Answer is an allow when the code is verified and each slice satisfies its own
	// designated requirement. It is no reason to let anybody in: see
	// [DesignatedWarning], which is among its warnings.
	Answer Result
	// Slices has one element for each slice; a single one for thin code. They are
	// what the signature claims when the Answer says that it is not verified.
	Slices []DesignatedSlice
}

// DesignatedSlice is what one slice says of itself.
type DesignatedSlice struct {
	Arch string // "" for thin code
	// DesignatedRequirement is zero when Err says why there is none.
	requirement.DesignatedRequirement
	Err error

	view *code.Subject
}

// Designated reads the designated requirement of each slice and answers whether
// verified code satisfies its own. Verification comes first, as in
// [CheckRequirement]; the worst slice counts.
func Designated(s *code.Subject) Designation {
	if s == nil {
		return Designation{Answer: Result{reason: ReasonError, message: "nobody said whose", status: code.StatusObjectRequired}}
	}
	var d Designation
	d.Answer = Result{subject: s, warnings: warnings(s)}
	found, loose := false, false
	for _, view := range s.PerSlice() {
		part := DesignatedSlice{view: view}
		if len(s.Slices) > 0 {
			part.Arch = view.Arch
		}
		part.DesignatedRequirement, part.Err = requirement.Designated(view)
		found = found || part.Err == nil
		// Evaluation bounds the depth of what pins walks through.
		loose = loose || part.Result.Outcome == requirement.True && !pins(part.Expr)
		d.Slices = append(d.Slices, part)
	}
	if found {
		d.Answer.warnings = append(d.Answer.warnings, DesignatedWarning)
	}
	if loose {
		d.Answer.warnings = append(d.Answer.warnings, "the designated requirement pins neither an anchor, a certificate nor a cdhash: anybody can make code that satisfies it")
	}
	if err := s.Verified(); err != nil {
		d.Answer = d.Answer.unverified(err)
		return d
	}
	for i, part := range d.Slices {
		o, reason, message, status := part.answer()
		if i > 0 && o >= d.Answer.outcome { // deny, unknown, allow: the worst counts
			continue
		}
		d.Answer.outcome, d.Answer.slice = o, part.Arch
		d.Answer.reason, d.Answer.message, d.Answer.status = reason, message, status
	}
	if d.Answer.Allow() {
		d.Answer.slice = "" // all of them
	}
	return d
}

// answer is the answer about one verified slice.
func (p *DesignatedSlice) answer() (o policy.Outcome, reason, message string, status code.Status) {
	if p.Err != nil {
		status = code.StatusOf(p.Err)
		if status == code.StatusInternalError { // a fact that nobody knows has no status
			status = code.StatusSignatureNotVerifiable
		}
		return policy.OutcomeUnknown, ReasonUnknownFact, "the designated requirement is not known: " + p.Err.Error(), status
	}
	reason, message, status = words(p.Result)
	return outcomeOf(p.Result), reason, strings.Replace(message, "the requirement", "its designated requirement", 1), status
}

// Uniform reports whether all slices say the same of themselves, with the same
// result: one of them stands for all.
func (d Designation) Uniform() bool {
	for i := range d.Slices {
		if d.Slices[i].key() != d.Slices[0].key() {
			return false
		}
	}
	return true
}

// key is equal for slices that say the same.
func (p *DesignatedSlice) key() string {
	if p.Err != nil {
		return "error " + p.Err.Error()
	}
	parts := []string{p.Result.Outcome.String(), "embedded", string(requirement.Encode(p.Expr)), ""}
	if p.Implied {
		parts[1], parts[2] = "implied", ""
	}
	if p.DefaultError != nil {
		parts[3] = p.DefaultError.Error()
	} else {
		parts[3] = meaning(p.Default)
	}
	return strings.Join(parts, "\x00")
}

// meaning is equal for implied requirements that are. Those of ad-hoc code list
// the cdhashes of all slices, each slice its own first.
func meaning(e *requirement.Expr) string {
	var hashes []string
	for n := range requirement.All(e) {
		switch n.Op {
		case requirement.OpOr:
		case requirement.OpCDHash:
			hashes = append(hashes, n.Value)
		default:
			return string(requirement.Encode(e))
		}
	}
	slices.Sort(hashes)
	return strings.Join(hashes, "")
}

// Explain returns the way to the answer, with the designated requirement of each
// slice, clause by clause. Where all slices say the same it stands there once.
func (d Designation) Explain() *diag.Node {
	root := &diag.Node{Label: "designated requirement", Verdict: verdict(d.Answer.outcome)}
	signature := &diag.Node{Label: "the signature is verified", Verdict: diag.Yes}
	root.Add(signature)
	if d.Answer.subject == nil || d.Answer.reason == ReasonVerification {
		signature.Verdict, signature.Note = verdict(d.Answer.outcome), d.Answer.Message()
		return root.Add(&diag.Node{Label: "the requirement", Verdict: diag.Skipped})
	}
	uniform := d.Uniform()
	for i := range d.Slices {
		p := &d.Slices[i]
		node := &diag.Node{Label: "the requirement", Verdict: diag.VerdictUnknown}
		if p.Err != nil {
			node.Note = p.Err.Error()
		} else {
			_, node = requirement.Explain(p.Expr, p.view, requirement.Options{})
		}
		if uniform {
			return root.Add(node)
		}
		root.Add((&diag.Node{Label: "slice " + p.Arch, Verdict: node.Verdict}).Add(node))
	}
	return root
}
