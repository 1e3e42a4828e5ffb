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
	return v.start(ctx, o, true).open(path)
}

// Inspect is the function [Inspect].
func (v *Verifier) Inspect(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return v.start(ctx, o, false).open(path)
}

// VerifyReader is the function [VerifyReader].
func (v *Verifier) VerifyReader(ctx context.Context, r io.ReaderAt, size int64, o Options) *code.Subject {
	return v.start(ctx, o, true).reader(r, size)
}

// start begins one verification. What the zero Verifier learns lasts as long as it
// does: slices and nested code have their authorities in common.
func (v *Verifier) start(ctx context.Context, o Options, pages bool) *verification {
	known := v.known
	if known == nil {
		known = newAuthorities(maxAuthorities)
	}
	return &verification{ctx: ctx, opts: o, pages: pages, known: known}
}
