package requirement

import (
	"bytes"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Answer is the answer to a question about all programs. The zero Answer is
// CannotTell.
type Answer uint8

// The answers.
const (
	CannotTell Answer = iota
	No
	Yes
)

// String returns "cannot tell", "no" or "yes".
func (a Answer) String() string {
	switch a {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "cannot tell"
}

// MarshalText returns the text of String.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the text of String.
func (a *Answer) UnmarshalText(b []byte) error {
	for _, x := range [...]Answer{CannotTell, No, Yes} {
		if x.String() == string(b) {
			*a = x
			return nil
		}
	}
	return fmt.Errorf("answer is %q, want yes, no or cannot tell", b)
}

// ImpliesOptions bounds a search. The zero value is right for nearly everything.
type ImpliesOptions struct {
	// MaxSteps is how many elementary steps the search may take, each some
	// nanoseconds and some bytes; zero means 8,000,000. When they are used up the
	// answer is CannotTell.
	MaxSteps int
}

const defaultSteps = 8_000_000

func (o ImpliesOptions) steps() int {
	if o.MaxSteps > 0 {
		return o.MaxSteps
	}
	return defaultSteps
}

// Implication is the answer of [Implies]. The zero Implication tells nothing.
type Implication struct {
	Answer Answer `json:"answer"`
	// Reason says why the search could not tell, or why Yes says less than it
	// seems to: because no program satisfies the first requirement, or because
	// every program satisfies the second.
	Reason string `json:"reason,omitempty"`
	// Counterexample is a program that satisfies the first requirement and not
	// the second; nil unless the Answer is No. [Eval] confirmed both. The facts
	// that matter are as they must be, the others are made up; it has no origin,
	// and nothing in it was verified.
	Counterexample *code.Subject `json:"counterexample,omitempty"`
}

// String returns the answer, the reason if there is one, and the facts that
// requirements can see of a counterexample, one to a line.
func (i Implication) String() string {
	s := i.Answer.String()
	if i.Reason != "" {
		s += ": " + i.Reason
	}
	if i.Counterexample != nil {
		s += "\n" + describeFacts(i.Counterexample)
	}
	return s
}

// Implies decides whether every program that satisfies a satisfies b too.
//
// A program satisfies a requirement when [Eval] is True with all facts supplied.
// A requirement whose evaluation always aborts is satisfied by none; whether it
// does depends on its form alone, because Apple evaluates both sides always. So
// where Implies says Yes, Eval is never True for a and False for b, whatever is
// known; with missing facts b may still be Unknown where a is True.
//
// The search knows how the terms depend on each other:
//
//   - An identifier, a cdhash, a platform byte, and in one certificate the hash
//     and each attribute of the subject, have one value: two different ones
//     exclude each other. An attribute with a value exists; beginnings, ends,
//     parts and the order of [CompareVersions] limit it.
//   - A value in Info.plist or in the entitlements may be an array, of which one
//     element is enough, and may be of another type: `info[k] = a` neither
//     excludes `info[k] = b` nor `info[k] < a`, and `! info[k] < a` does not
//     mean `>=`. Boolean false neither exists nor is absent.
//   - Slots are compared for every length of the chain, none included: -1 and 2
//     are one certificate in a chain of three. A missing certificate makes every
//     term about it false, except `[timestamp.…] absent`.
//   - `anchor apple` is true of code in the kernel's trust cache, whatever its
//     certificates, which may be none; so alone it implies neither `anchor apple
//     generic` nor anything about a slot. It is implied by what Apple asks of the
//     chain: its root, the names of the certificate below, and 6.22 in the leaf.
//   - `legacy` needs a leaf without the extension 6.1.33, or with a date before
//     2019-04-08 in it. `anchor trusted` follows from a trusted leaf, and is
//     false when no certificate may be trusted.
//   - Dates of certificates are whole seconds, and stand in an extension of the
//     same identifier, and the SHA-1 of an Apple root is that root's. Where facts
//     that break this are the only counterexample, the answer is CannotTell:
//     evaluation would confirm it, and no program has them.
//   - Named requirements, opcodes that are not known, launch constraints and
//     `email` are opaque: the same bytes have the same answer, nothing more. Facts
//     are independent otherwise: a hash does not tell who issued a certificate.
//
// Yes needs a proof and No a confirmed counterexample; else it is CannotTell. The
// time is bounded by the steps of o.
func Implies(a, b *Expr, o ImpliesOptions) Implication {
	if !fits(a, o) || !fits(b, o) {
		return Implication{Reason: tooLarge}
	}
	nobody := unsigned()
	if err := Eval(a, nobody, Options{}).Err; err != nil {
		return Implication{Answer: Yes, Reason: "no program satisfies the first requirement: " + errorText(err)}
	}
	abort := Eval(b, nobody, Options{}).Err
	if abort != nil {
		b = &Expr{Op: OpFalse}
	} else if a == b || bytes.Equal(Encode(a), Encode(b)) {
		return Implication{Answer: Yes}
	}
	q := newSearch(a, b, o.steps())
	s := q.run()
	switch {
	case q.doubt != "" && s == nil:
		return Implication{Reason: q.doubt}
	case s != nil && abort != nil:
		return Implication{Reason: "the second requirement cannot be evaluated: " + errorText(abort)}
	case s != nil:
		return Implication{Answer: No, Counterexample: s}
	}
	i := Implication{Answer: Yes}
	switch {
	case never(a, q.steps):
		i.Reason = "no program satisfies the first requirement"
	case never(&Expr{Op: OpNot, X: b}, q.steps):
		i.Reason = "every program satisfies the second requirement"
	}
	return i
}

// never reports whether it is certain that no program satisfies e.
func never(e *Expr, steps int) bool {
	no := &Expr{Op: OpFalse}
	if steps <= 0 || e.Op == OpTrue || Eval(e, unsigned(), Options{}).Err != nil {
		return false
	}
	q := newSearch(e, no, steps)
	return q.run() == nil && q.doubt == ""
}

// fits reports whether a tree is small enough to be read once, however often it
// shares its parts.
func fits(e *Expr, o ImpliesOptions) bool {
	n := 0
	for range All(e) {
		if n++; n > o.steps()/8 {
			return false
		}
	}
	return true
}

// unsigned is a program of which everything is known, and nothing there.
func unsigned() *code.Subject {
	s := &code.Subject{Notarized: code.Known(false), InTrustCache: code.Known(false), LegacyListed: code.Known(false)}
	s.Identifier, s.CDHashes = code.Absent[string](), code.Absent[[]code.CDHash]()
	s.PlatformByte, s.SignedAt = code.Absent[uint8](), code.Absent[time.Time]()
	s.Info, s.Entitlements = code.Absent[code.Value](), code.Absent[code.Value]()
	s.Certs = code.Absent[[]code.Certificate]()
	return s
}

// Contradiction decides whether no program satisfies e. When the answer is No,
// the counterexample is a program that does.
func Contradiction(e *Expr, o ImpliesOptions) Implication {
	return Implies(e, &Expr{Op: OpFalse}, o)
}

// Tautology decides whether every program satisfies e. When the answer is No, the
// counterexample is a program that does not.
func Tautology(e *Expr, o ImpliesOptions) Implication {
	return Implies(&Expr{Op: OpTrue}, e, o)
}
