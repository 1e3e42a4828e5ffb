package requirement

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Outcome is the answer of an evaluation. The zero Outcome is Unknown.
type Outcome uint8

// The outcomes.
const (
	// Unknown means that nobody supplied a fact that decides, or that the
	// evaluation was aborted. It never allows, and its negation is Unknown too.
	Unknown Outcome = iota
	False
	True
)

// String returns "unknown", "false" or "true".
func (o Outcome) String() string {
	switch o {
	case False:
		return "false"
	case True:
		return "true"
	}
	return "unknown"
}

// Options changes what an evaluation knows. The zero value is the strictest.
type Options struct {
	// Anchors and Codes hold the requirements that `anchor apple NAME` and
	// `(NAME)` stand for, which on a Mac are files of Security.framework. A name
	// that is not in them is false. They are evaluated with depth limits of their
	// own, at most 8 inside each other.
	Anchors, Codes map[string]*Expr
	// Constraint evaluates a requirement of kind 2, whose program is a length and
	// DER. Nil makes such requirements Unknown.
	Constraint func(program []byte, s *code.Subject) Outcome
}

// Result is the answer of an evaluation. The zero Result is Unknown.
type Result struct {
	Outcome Outcome
	// Status is what Apple's evaluation returns: success for True, -67050 for
	// False, the status of Err when that is set. For an Outcome that is Unknown
	// because of missing facts it is -67050: nothing but True may allow.
	Status code.Status
	// Missing names the facts that would decide, as in "notarized" or
	// "certificates[0].trust_setting"; empty unless they do.
	Missing []string
	// Err is why the evaluation was aborted: a malformed requirement (-67052), an
	// opcode that nobody knows (-67072), nesting of 1000 levels (-67052). The
	// Outcome is Unknown then.
	Err error
}

// maxEval is the level at which Apple's interpreter gives up (-67052).
const maxEval = 1000

// maxFragments is how many named requirements may be under evaluation at once.
//
// Apple: has no limit.
const maxFragments = 8

// Eval evaluates a requirement against the top-level slice of s. It does not
// verify anything, and looks at no other slice: see [code.Subject.PerSlice].
//
// Both sides of `and` and `or` are always evaluated, as by Apple, so an abort on
// either side aborts. With unknown facts, `and` is False when one side is and
// `or` is True when one side is; otherwise they are Unknown.
func Eval(e *Expr, s *code.Subject, o Options) Result {
	v := newEvaluator(s, o, 0)
	out := v.eval(e, 1)
	switch {
	case v.abort != abortNone:
		err := v.abort.err()
		return Result{Outcome: Unknown, Status: code.StatusOf(err), Err: err}
	case out == True:
		return Result{Outcome: True, Status: code.StatusSuccess}
	case out == False:
		return Result{Outcome: False, Status: code.StatusReqFailed}
	}
	r := Result{Outcome: Unknown, Status: code.StatusReqFailed}
	_, r.Missing = v.collect(e, nil, 1)
	return r
}

// abort is why an evaluation cannot have an answer.
type abort uint8

const (
	abortNone abort = iota
	abortDepth
	abortOpcode
	abortHash
	abortText
	abortOperand
	abortFragments
	abortSubject
)

func (a abort) err() error {
	e := &code.Error{Status: code.StatusReqInvalid, Part: "requirement", Off: -1}
	switch a {
	case abortDepth:
		e.Err = fmt.Errorf("nesting reaches %d levels", maxEval)
	case abortOpcode:
		e.Status, e.Err = code.StatusUnimplemented, errors.New("an opcode is not known and cannot be skipped")
	case abortHash:
		e.Err = errors.New("the hash of a certificate is not 20 bytes")
	case abortText:
		e.Err = errors.New("a key or value is not UTF-8")
	case abortOperand:
		e.Err = errors.New("an operand is missing")
	case abortFragments:
		e.Err = fmt.Errorf("more than %d named requirements inside each other", maxFragments)
	case abortSubject:
		e.Status, e.Err = code.StatusObjectRequired, errors.New("there is no subject")
	}
	return e
}

// evaluator is one evaluation. After an abort its answers mean nothing.
type evaluator struct {
	s         *code.Subject
	o         Options            // a copy, so that nothing escapes
	certs     []code.Certificate // of s: most terms ask for them
	noChain   bool               // nobody knows the certificates
	fragments int                // named requirements that are under evaluation
	abort     abort
}

func newEvaluator(s *code.Subject, o Options, fragments int) evaluator {
	v := evaluator{s: s, o: o, fragments: fragments}
	if s != nil {
		certs, ok, err := s.Certs.Get()
		if v.noChain = err != nil; ok {
			v.certs = certs
		}
	}
	return v
}

func (v *evaluator) stop(a abort) Outcome {
	if v.abort == abortNone {
		v.abort = a
	}
	return Unknown
}

func (v *evaluator) eval(e *Expr, depth int) Outcome {
	switch {
	case depth >= maxEval:
		return v.stop(abortDepth)
	case e == nil:
		return v.stop(abortOperand)
	}
	switch e.Op {
	case OpAnd, OpOr:
		x := v.eval(e.X, depth+1)
		if v.abort != abortNone {
			return Unknown
		}
		y := v.eval(e.Y, depth+1)
		if e.Op == OpAnd {
			return and(x, y)
		}
		return or(x, y)
	case OpNot:
		return not(v.eval(e.X, depth+1))
	case OpUnknown:
		switch {
		case e.Flags&FlagFalse != 0:
			return False
		case e.Flags&FlagSkip != 0:
			return v.eval(e.X, depth+1)
		}
		return v.stop(abortOpcode)
	case OpCertField, OpCertGeneric: // most terms; this spares a call
		if v.s != nil {
			return v.certificates(e)
		}
	}
	return v.term(e)
}

func and(x, y Outcome) Outcome {
	switch {
	case x == False || y == False:
		return False
	case x == True && y == True:
		return True
	}
	return Unknown
}

func or(x, y Outcome) Outcome {
	switch {
	case x == True || y == True:
		return True
	case x == False && y == False:
		return False
	}
	return Unknown
}

func not(x Outcome) Outcome {
	switch x {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

func outcome(b bool) Outcome {
	if b {
		return True
	}
	return False
}

// known turns a fact that is true or false into an answer; an absent one is false.
func known(f code.Fact[bool]) Outcome {
	b, ok, err := f.Get()
	if err != nil {
		return Unknown
	}
	return outcome(ok && b)
}

// maxMissing is how many missing facts a Result names.
const maxMissing = 16

// collect evaluates e once more and names in missing the facts that keep it from
// having an answer. It is only called after an evaluation without abort.
func (v *evaluator) collect(e *Expr, missing []string, depth int) (Outcome, []string) {
	if e == nil || depth >= maxEval {
		return Unknown, missing
	}
	known := len(missing)
	var out Outcome
	switch {
	case e.Op == OpAnd || e.Op == OpOr:
		var x, y Outcome
		x, missing = v.collect(e.X, missing, depth+1)
		y, missing = v.collect(e.Y, missing, depth+1)
		if out = or(x, y); e.Op == OpAnd {
			out = and(x, y)
		}
	case e.operands() == 1:
		out, missing = v.collect(e.X, missing, depth+1)
		if e.Op == OpNot {
			out = not(out)
		}
	default:
		if out = v.eval(e, depth); out == Unknown {
			for _, m := range v.missing(e) {
				if len(missing) < maxMissing && !slices.Contains(missing, m) {
					missing = append(missing, m)
				}
			}
		}
	}
	if out != Unknown { // what is missing below does not matter
		missing = missing[:known]
	}
	return out, missing
}
