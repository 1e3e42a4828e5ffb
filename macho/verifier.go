package macho

import (
	"context"
	"io"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Verifier verifies as the functions of this package do, and remembers between
// calls what it learned about certificate authorities: their parsed certificates,
// and which of them signed which. Nearly all programs share a handful of those.
// Nothing else is remembered: no program, no signer's certificate, no verdict, and
// nothing that depends on the time, so a Verifier answers exactly as the functions
// do, only sooner.
//
// What it remembers is bounded, whoever chooses the programs. A Verifier may be
// used by many goroutines. The zero Verifier remembers nothing.
type Verifier struct {
	known *authorities
}

// NewVerifier returns a Verifier that remembers authorities.
func NewVerifier() *Verifier { return &Verifier{newAuthorities(maxAuthorities)} }

// Verify is the function [Verify].
func (v *Verifier) Verify(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return v.start(ctx, o, true).guarded(path)
}

// Inspect is the function [Inspect].
func (v *Verifier) Inspect(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return v.start(ctx, o, false).guarded(path)
}

// VerifyReader is the function [VerifyReader].
func (v *Verifier) VerifyReader(ctx context.Context, r io.ReaderAt, size int64, o Options) (s *code.Subject) {
	run := v.start(ctx, o, true)
	defer run.deny(&s)
	return run.reader(r, size)
}

func (v *verification) guarded(path string) (s *code.Subject, err error) {
	defer v.deny(&s)
	return v.open(path)
}

// deny turns a panic outside of the checks, which guard themselves, into a subject
// of which nothing is known.
func (v *verification) deny(s **code.Subject) {
	r := recover()
	if r == nil {
		return
	}
	v.report = report{checks: []check{{id: "F1", name: "container", outcome: code.Failed, problems: []problem{internalError(r)}}}}
	*s = &code.Subject{Origin: code.OriginDisk, Validity: v.report.validity()}
}

// start begins one verification. What the zero Verifier learns lasts as long as it
// does: slices and nested code have their authorities in common.
func (v *Verifier) start(ctx context.Context, o Options, pages bool) *verification {
	known := v.known
	if known == nil {
		known = newAuthorities(maxAuthorities)
	}
	return &verification{
		ctx: ctx, opts: o, pages: pages, known: known,
		resources: pages && !o.NoResources, shared: &shared{opts: o},
	}
}
