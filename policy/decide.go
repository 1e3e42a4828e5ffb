package policy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Request is one question: may this code do this, now?
type Request struct {
	// Subject is the code that asks; nil is denied.
	Subject *code.Subject
	// Operation is what it asks for, in the policy's words. Rules with an
	// operation speak only about it; "" is no operation.
	Operation string
	// Now is the time of the decision. When it is zero, nobody knows what time it
	// is, and a rule that reads `now` allows nothing.
	Now time.Time
}

// rule is one compiled rule.
type rule struct {
	name       string
	deny       bool
	message    string
	operations []string // empty: all
	when       *expression
}

func (r *rule) about(operation string) bool {
	return len(r.operations) == 0 || slices.Contains(r.operations, operation)
}

const replayWarning = "origin: replay, signature not verified here"

// Decide answers a request. Every slice of the code is judged by itself, and the
// worst answer counts: deny, then unknown, then allow. An error, a panic, a
// cancelled context and a limit are answers that do not allow.
func (p *Policy) Decide(ctx context.Context, r Request) (d Decision) {
	defer func() {
		if v := recover(); v != nil {
			d = Decision{policy: p, request: r, finding: finding{reason: ReasonError, detail: fmt.Sprint("internal error: ", v), status: code.StatusInternalError}}
		}
	}()
	d = Decision{policy: p, request: r}
	switch {
	case p == nil:
		d.finding = finding{reason: ReasonError, detail: "there is no policy", status: code.StatusInternalError}
		return d
	case r.Subject == nil:
		d.warnings, d.finding = p.warnings, noSubject()
		return d
	}
	d.warnings = p.warnings
	if r.Subject.Origin == code.OriginReplay {
		d.warnings = p.replayWarnings
	}
	if ctx == nil {
		ctx = context.Background()
	}
	d.verified = unverified(r.Subject)
	d.finding = p.worst(ctx, r, d.verified)
	if ended := ctx.Err(); ended != nil && d.finding.outcome == OutcomeAllow {
		d.finding.outcome, d.finding.reason, d.finding.message = OutcomeUnknown, ReasonError, ""
		d.finding.detail, d.finding.status = ended.Error(), code.StatusSignatureNotVerifiable
	}
	if d.finding.outcome == OutcomeAllow {
		d.allow = true
	}
	d.warn()
	return d
}

// warn adds the warnings that depend on who asks: what verification warned of,
// and what an allow lets in because the floor is relaxed.
func (d *Decision) warn() {
	warnings := d.warnings[:len(d.warnings):len(d.warnings)] // the policy's own stay as they are
	for _, w := range d.request.Subject.Validity.Warnings {
		text := w.Message
		if w.Arch != "" {
			text = w.Arch + ": " + text
		}
		warnings = append(warnings, text)
	}
	if d.allow && socket(d.request.Subject) {
		warnings = append(warnings, "allowed for its user, whatever program it is: "+errSocket.Err.Error())
	} else if d.allow && d.policy.floor.relaxed != [floorCount]bool{} {
		for _, f := range d.perSlice() {
			for i := range floorItems {
				if !d.policy.floor.relaxed[i] {
					continue
				}
				if a, found := floorItems[i].check(&f); a != yes {
					text := "allowed, although floor item " + floorItems[i].name + " would not: " + found
					if len(f.whole.Slices) > 0 {
						text = f.s.Arch + ": " + text
					}
					warnings = append(warnings, text)
				}
			}
		}
	}
	d.warnings = warnings
}

func noSubject() finding {
	return finding{reason: reasonFloor + "subject", detail: "nobody said who asks", status: code.StatusObjectRequired}
}

// worst judges all slices.
func (p *Policy) worst(ctx context.Context, r Request, verified error) finding {
	f := facts{p: p, s: r.Subject, whole: r.Subject, operation: r.Operation, now: r.Now, verified: verified}
	if len(r.Subject.Slices) == 0 {
		return p.judge(ctx, f)
	}
	result := finding{outcome: OutcomeAllow}
	for i, view := range r.Subject.PerSlice() {
		f.s = view
		one := p.judge(ctx, f)
		one.slice = view.Arch
		if i == 0 || worse(one.outcome, result.outcome) {
			result = one
		}
	}
	return result
}

func worse(a, b Outcome) bool { return a < b } // deny, unknown, allow

// judge asks the floor and then the rules about one slice.
func (p *Policy) judge(ctx context.Context, f facts) finding {
	if low, ok := p.judgeFloor(&f); !ok {
		return low
	}
	b := newBinding(ctx, f)
	undecided := finding{reason: ReasonDefaultDeny, detail: "no rule allows this", status: code.StatusReqFailed}
	rules := b.candidates()
	for i, ok := rules.next(); ok; i, ok = rules.next() {
		r := &p.rules[i]
		if !r.about(f.operation) {
			continue
		}
		a, why := b.ask(r.when)
		switch {
		case a == no:
		case a == yes && r.deny:
			return finding{reason: ReasonRule, rule: r.name, message: r.message, detail: "a rule denies this", status: code.StatusReqFailed}
		case a == yes:
			return finding{outcome: OutcomeAllow, reason: ReasonRule, rule: r.name, message: r.message, detail: "a rule allows this"}
		case r.deny: // what cannot be ruled out is denied
			return troubled(r, why, OutcomeDeny)
		case undecided.outcome == OutcomeDeny: // the first one is named; a later rule may still decide
			undecided = troubled(r, why, OutcomeUnknown)
		}
	}
	return undecided
}

func troubled(r *rule, why *trouble, o Outcome) finding {
	f := finding{outcome: o, reason: ReasonError, rule: r.name, detail: why.reason, limit: why.limit, status: code.StatusSignatureNotVerifiable}
	if len(why.facts) > 0 {
		f.reason, f.facts = ReasonUnknownFact, why.facts
	}
	return f
}

// judgeFloor is true when every item that is not relaxed says yes. An item that
// says no counts more than one that does not know.
func (p *Policy) judgeFloor(f *facts) (finding, bool) {
	low := finding{outcome: OutcomeAllow}
	for i := range floorItems {
		item := &floorItems[i]
		if f.waived(i) {
			continue
		}
		switch a, found := item.check(f); a {
		case yes:
		case no:
			status := item.status
			switch {
			case i == 0:
				status = statusOf(f.verified, status)
			case item.name == "debuggable" && f.tampered():
				status = code.StatusGuestInvalid
			}
			return finding{reason: reasonFloor + item.name, detail: found, status: status}, false
		default:
			if low.outcome == OutcomeAllow {
				low = finding{outcome: OutcomeUnknown, reason: reasonFloor + item.name, detail: found, status: code.StatusSignatureNotVerifiable}
			}
		}
	}
	return low, low.outcome == OutcomeAllow
}
