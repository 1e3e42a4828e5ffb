package xpcpolicy

import (
	"context"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// DecisionSchema is the version of the JSON form of decisions: of [Result] and of
// policy.Decision. docs/schema/decision-1.schema.json describes it.
const DecisionSchema = 1

// Options are the choices of one verification. The zero value is the strictest.
type Options struct {
	// Arch narrows a universal file to one slice, as in "arm64". The other slices
	// are neither verified nor judged: whoever can choose which slice runs can
	// then run one that nobody looked at.
	Arch string
	// Now is the time against which certificates are judged when the signature
	// holds no time of its own; zero means the system's clock.
	Now time.Time
	// Shallow verifies nested code without its pages and resources, and
	// NoResources leaves the files of a bundle alone: what they weaken says
	// [macho.Options]. The code does not count as verified then.
	Shallow, NoResources bool
	// Detached is a detached signature for the file, CRLs are certificate revocation
	// lists that the caller read: [macho.Options] says what they do.
	Detached []byte
	CRLs     [][]byte
	// Progress is told how far the files of a bundle are hashed; nil: nobody.
	Progress func(macho.Progress)
	// Remember keeps the certificate authorities that were verified, for whoever
	// verifies many programs; nil remembers nothing. The answers are the same.
	Remember *macho.Verifier
}

func (o Options) macho() macho.Options {
	return macho.Options{
		Arch: o.Arch, Now: clock(o.Now), Shallow: o.Shallow, NoResources: o.NoResources,
		Progress: o.Progress, Requirement: satisfies, Detached: o.Detached, CRLs: o.CRLs,
	}
}

// satisfies judges the requirement that a bundle's seal has for nested code. It is
// the only place where package macho meets the requirement language.
func satisfies(text string, s *code.Subject) code.Status {
	e, err := requirement.Parse("sealed requirement", text)
	if err != nil {
		return code.StatusReqInvalid
	}
	switch r := requirement.Eval(e, s, requirement.Options{}); {
	case r.Outcome == requirement.True && r.Err == nil && r.Status == code.StatusSuccess:
		return code.StatusSuccess
	case r.Outcome == requirement.False:
		return code.StatusReqFailed
	case r.Err != nil && r.Status != code.StatusSuccess:
		return r.Status
	}
	return code.StatusSignatureNotVerifiable
}

// clock returns t, or the time now. It is the only place below the commands that
// reads the clock.
func clock(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

// Verify reads and verifies all of the code at path: a Mach-O or universal file
// with every slice, or a bundle. Code that is unsigned or broken is a Subject
// whose [code.Subject.Verified] says what failed. The error is not nil only when
// nothing could be judged: a [*code.Error] with errSecCSStaticCodeNotFound (there
// is nothing at path) or errSecCSSignatureNotVerifiable (it cannot be read).
func Verify(ctx context.Context, path string, o Options) (*code.Subject, error) {
	if o.Remember != nil {
		return o.Remember.Verify(ctx, path, o.macho())
	}
	return macho.Verify(ctx, path, o.macho())
}

// Inspect reads the headers and the signature only, which is quick for a large
// file. The result says who the code CLAIMS to be; it never counts as verified,
// and [CheckRequirement] and [CheckPolicy] do not allow it.
func Inspect(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return macho.Inspect(ctx, path, o.macho())
}

// Request is what the code asks for.
type Request struct {
	// Operation is what the code wants to do, in the policy's words; "" is none.
	Operation string
	// Now is the time of the decision; zero means the system's clock.
	Now time.Time
}

// CheckPolicy decides whether the code may do what it asks for. Verification
// comes first, as item "signature" of the policy's floor; then each slice of the
// code is judged by itself, and the worst answer counts. A nil policy and a nil
// Subject are denied.
func CheckPolicy(ctx context.Context, p *policy.Policy, s *code.Subject, r Request) policy.Decision {
	return p.Decide(ctx, policy.Request{Subject: s, Operation: r.Operation, Now: clock(r.Now)})
}
