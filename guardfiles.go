package xpcpolicy

import (
	"context"
	"errors"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// verifiedFile is what a [Guard] keeps of the file of a running program: what its
// signature says, verified. Failures are not kept.
type verifiedFile struct{ subject *code.Subject }

func (f *verifiedFile) weight() int64 { return subjectWeight(f.subject) }

func (a *answer) weight() int64 {
	return int64(len(a.request.Operation)) + subjectWeight(a.request.Subject)
}

// remember has the form that token.Options.Remember takes. What it keeps is about
// bytes that the kernel's cdhash names, so that a file which changed since is no
// danger to it. A failure is not kept: it may be that of one read, or of a context
// that ended, and must not become everybody's.
func (g *Guard) remember(ctx context.Context, key token.StaticKey, verify func() *code.Subject) *code.Subject {
	f, err := g.files.once(ctx, key, func() (*verifiedFile, bool) {
		s := verify()
		return &verifiedFile{s}, ctx.Err() == nil && held(s) && lasts(s)
	})
	var defect *defectError
	if errors.As(err, &defect) {
		panic(defect.value)
	}
	if err != nil {
		return nil
	}
	return f.subject
}

// held reports whether all checks of a file ran, as far as they apply, and passed.
func held(s *code.Subject) bool {
	if s.Validity.Status != code.StatusSuccess || len(s.Validity.Checks) == 0 {
		return false
	}
	for i := range s.Validity.Checks {
		if o := s.Validity.Checks[i].Outcome; o != code.Passed && o != code.NotApplicable {
			return false
		}
	}
	return true
}

// lasts reports whether the verdict about a signature stays what it is while time
// passes: code that says that its certificates must not have expired is judged anew.
func lasts(s *code.Subject) bool {
	f, ok, err := s.Flags.Get()
	return err == nil && ok && f&code.FlagForceExpiration == 0
}

// subjectWeight estimates the memory of facts, in bytes, by the sizes that whoever
// wrote the program chose.
func subjectWeight(s *code.Subject) int64 {
	w := int64(8 << 10) // the checks, and what has a fixed size
	if s == nil {
		return w
	}
	if info, ok, _ := s.Info.Get(); ok {
		w += valueWeight(info)
	}
	if ents, ok, _ := s.Entitlements.Get(); ok {
		w += valueWeight(ents)
	}
	if certs, ok, _ := s.Certs.Get(); ok {
		for i := range certs {
			w += 2*int64(len(certs[i].DER)) + 1024
		}
	}
	if set, ok, _ := s.Requirements.Get(); ok {
		w += int64(len(set))
	}
	for _, c := range s.Constraints {
		w += int64(len(c.DER))
	}
	return w
}

// valueWeight is that of a property list, which its reader bounded in depth.
func valueWeight(v code.Value) int64 {
	w := int64(96)
	if text, ok := v.Str(); ok {
		return w + int64(len(text))
	}
	if data, ok := v.Bytes(); ok {
		return w + int64(len(data))
	}
	for item := range v.Items() {
		w += valueWeight(item)
	}
	for key, item := range v.All() {
		w += int64(len(key)) + valueWeight(item)
	}
	return w
}
