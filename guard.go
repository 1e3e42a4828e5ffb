package xpcpolicy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// DecisionSink takes a record of each decision of a [Guard].
type DecisionSink = decisionlog.Sink

// GuardOptions are the choices of a [Guard]. With the zero value nobody is allowed
// before Strength says where tokens come from.
type GuardOptions struct {
	// Strength says where the tokens come from that Allow is handed:
	// code.StrengthMessage for those of each message's own trailer,
	// code.StrengthConnection for a connection's, code.StrengthWeak for a socket's.
	// The zero value is unknown, and every policy's floor denies that by default.
	Strength code.TokenStrength
	// Profile names the profile of the policy that is in force; "" is none.
	Profile string
	// Kernel answers questions about processes; nil is that of this Mac.
	Kernel token.Kernel
	// Sink takes a record of each decision; nil: there is none. Put a
	// decisionlog.New in front of a slow one.
	Sink DecisionSink
	// Facts adds the facts of the program to each record, so that decisions can be
	// replayed.
	Facts bool
	// Clock is the time of decisions; nil is the system's clock.
	Clock func() time.Time
	// Timeout is how long an answer may take that is not kept from before; 0: as long as
	// the context allows.
	Timeout time.Duration
	// Reload looks at the policy's files in this interval and takes over what
	// changed, if it passes; 0: only [Guard.Reload] does.
	Reload time.Duration
	// Reloaded is told what became of each reload that found something new; nil:
	// nobody. An error means that the policy before is still in force.
	Reloaded func(revision string, err error)
}

// Guard answers for a server whether a program may talk to it. It keeps what it
// found out about programs, but never about process identifiers: each answer is
// for an audit token, and the kernel is asked each time whether the process is
// still what it was.
//
// A Guard may be used by many goroutines. The zero Guard denies.
type Guard struct {
	o        GuardOptions
	kernel   token.Kernel
	fromConn func(net.Conn) (token.AuditToken, error) // tests have sockets of their own
	verifier *macho.Verifier
	files    *generations[token.StaticKey, *verifiedFile]
	places   chan struct{} // one for each identification that runs
	state    atomic.Pointer[guardState]
	source   guardSource
	stop     chan struct{}
	stopped  sync.WaitGroup
	reload   sync.Mutex
}

// guardState is one policy and the answers that it gave. A reload begins a new one,
// so that an answer never outlives its policy.
type guardState struct {
	policy  *policy.Policy
	closed  bool
	answers *generations[question, *answer]
	flights flights[question, *answer]
}

// question is what an answer is kept under, for as long as its policy.
type question struct {
	token     token.AuditToken
	operation string
	weak      bool // the token is a socket's, whatever GuardOptions.Strength says
}

// answer is a decision with what it was about, and the kernel's flags of the
// process when it was made.
type answer struct {
	decision policy.Decision
	request  policy.Request
	status   code.KernelFlags
}

// Bounds of what a Guard keeps and does. Twice as much can be kept while one
// generation takes over from another.
const (
	maxAnswers      = 4096
	maxAnswersBytes = 32 << 20
	maxFiles        = 256
	maxFilesBytes   = 16 << 20
	// maxPlaces is how many programs are identified at a time. Reading a file can
	// take for ever, on a file system that the caller serves.
	maxPlaces = 128
	// maxOperation is how long an operation may be, in bytes, for its answer to be
	// kept: callers may choose the words.
	maxOperation = 256
)

// Open loads the policy at path, with the files that it includes from the same
// folder and below, runs the suites of tests beside it (files that end in
// _test.yaml and name it), and returns a Guard. A policy that does not load, or does
// not pass its own tests, is an error that [diag.Text] shows with positions.
func Open(path string, o GuardOptions) (*Guard, error) {
	g := &Guard{o: o, kernel: o.Kernel, fromConn: tokenOfConn, verifier: macho.NewVerifier(), source: guardSource{path: path, profile: o.Profile},
		files:  newGenerations[token.StaticKey, *verifiedFile](maxFiles, maxFilesBytes),
		places: make(chan struct{}, maxPlaces), stop: make(chan struct{})}
	p, err := g.source.load(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	if g.kernel == nil {
		g.kernel, err = token.System()
		if err != nil && !(errors.Is(err, token.ENOTSUP) && p.RelaxesLinux()) { // else sockets alone are judged
			return nil, fmt.Errorf("no process can be identified here: %w", err)
		}
		if err != nil {
			g.kernel = noKernel{err}
		}
	}
	g.install(p)
	if o.Reload > 0 {
		g.stopped.Add(1)
		go g.watch()
	}
	return g, nil
}

func (g *Guard) install(p *policy.Policy) {
	s := &guardState{policy: p, answers: newGenerations[question, *answer](maxAnswers, maxAnswersBytes)}
	s.flights.apart = true
	g.state.Store(s)
}

// Close ends reloading. Every later question is denied.
func (g *Guard) Close() error {
	if g == nil || g.stop == nil {
		return nil
	}
	g.reload.Lock()
	if s := g.state.Load(); !s.closed {
		g.state.Store(&guardState{policy: s.policy, closed: true})
		close(g.stop)
	}
	g.reload.Unlock() // a reload that waits for it finds the guard closed
	g.stopped.Wait()
	return nil
}

// Policy is the policy in force, or the last one; nil for the zero Guard.
func (g *Guard) Policy() *policy.Policy {
	if s := g.state.Load(); s != nil {
		return s.policy
	}
	return nil
}

// Allow decides whether the process that a token names may talk to this program
// now. Ask for every message, with the message's own token. Everything that goes
// wrong is a denial.
func (g *Guard) Allow(ctx context.Context, t token.AuditToken) policy.Decision {
	return g.AllowOperation(ctx, t, "")
}

// AllowOperation is [Guard.Allow] for one of several things that callers can ask
// for, in the policy's words.
func (g *Guard) AllowOperation(ctx context.Context, t token.AuditToken, operation string) policy.Decision {
	return g.allow(ctx, question{token: t, operation: operation}, nil)
}

// allow answers a question. Before an allow leaves, confirmed is asked why the one who
// asks is not the one who was judged; nil: nothing is asked.
func (g *Guard) allow(ctx context.Context, q question, confirmed func() error) (d policy.Decision) {
	if g == nil {
		return policy.Decision{}
	}
	s := g.state.Load()
	if s == nil {
		return policy.Decision{}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	defer func() {
		if v := recover(); v != nil {
			d = g.refuse(ctx, s.policy, q, code.StatusInternalError, &defectError{v})
		}
	}()
	if s.closed {
		return g.refuse(ctx, s.policy, q, code.StatusInternalError, errClosed)
	}
	if a, ok := s.answers.get(q); ok && ctx.Err() == nil {
		if st, err := g.kernel.Status(q.token); err == nil && st == a.status {
			if confirmed != nil {
				a = g.confirm(ctx, s, q, a, confirmed)
			}
			if g.o.Sink != nil {
				g.record(ctx, a, decisionlog.Meta{Cached: true})
			}
			return a.decision
		}
		s.answers.drop(q) // it is gone, or not what it was
	}
	return g.decide(ctx, s, q, confirmed)
}

// confirm takes an allow back when there is a reason to.
func (g *Guard) confirm(ctx context.Context, s *guardState, q question, a *answer, confirmed func() error) *answer {
	if a.decision.Allow() {
		if err := confirmed(); err != nil {
			return g.judge(ctx, s.policy, withCheck(a.request.Subject, err), q.operation)
		}
	}
	return a
}

var errClosed = errors.New("the guard is closed")

// decide answers a question that no kept answer fits. Equal questions at the same
// time are answered once; who waited for somebody else's answer asks the kernel
// again, because that answer may be older than the question.
func (g *Guard) decide(ctx context.Context, s *guardState, q question, confirmed func() error) policy.Decision {
	start := g.now()
	if g.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, g.o.Timeout)
		defer cancel()
	}
	a, mine, err := s.flights.do(ctx, q, func() (*answer, bool) {
		select {
		case g.places <- struct{}{}:
			defer func() { <-g.places }()
		case <-ctx.Done():
		}
		if a, ok := s.answers.get(q); ok && ctx.Err() == nil && still(g.kernel, q.token, a.status) == nil {
			return a, true // somebody finished between the look at the answers and this one
		}
		a := g.ask(ctx, s, q)
		return a, ctx.Err() == nil
	})
	var defect *defectError
	switch {
	case errors.As(err, &defect):
		return g.refuse(ctx, s.policy, q, code.StatusInternalError, err)
	case err != nil:
		return g.refuse(ctx, s.policy, q, code.StatusSignatureNotVerifiable, err)
	}
	if !mine {
		a = g.confirm(ctx, s, q, a, func() error { return still(g.kernel, q.token, a.status) })
	}
	if confirmed != nil {
		a = g.confirm(ctx, s, q, a, confirmed)
	}
	if g.o.Sink != nil {
		g.record(ctx, a, decisionlog.Meta{Metrics: decisionlog.Metrics{Total: int64(g.now().Sub(start))}})
	}
	return a.decision
}

// ask identifies the process, decides, and asks the kernel again: the answer holds
// for the program that was identified, and is kept if nothing about it can change
// without the kernel's flags.
func (g *Guard) ask(ctx context.Context, s *guardState, q question) *answer {
	subject := token.Identify(ctx, g.kernel, q.token, token.Options{
		Strength: g.strength(q), Now: g.now(), Verifier: g.verifier,
		Remember: func(key token.StaticKey, verify func() *code.Subject) *code.Subject {
			return g.remember(ctx, key, verify)
		},
	})
	a := g.judge(ctx, s.policy, subject, q.operation)
	if subject.Verified() != nil {
		return a
	}
	status, _, _ := subject.Process.Status.Get()
	if err := still(g.kernel, q.token, status); err != nil {
		return g.judge(ctx, s.policy, withCheck(subject, err), q.operation)
	}
	a.status = status
	if ctx.Err() == nil && lasts(subject) && !s.policy.ReadsNow() && a.decision.Reason() != policy.ReasonError && len(q.operation) <= maxOperation {
		s.answers.put(q, a)
	}
	return a
}

// strength says where the token of a question came from.
func (g *Guard) strength(q question) code.TokenStrength {
	if q.weak {
		return code.StrengthWeak
	}
	return g.o.Strength
}

func (g *Guard) judge(ctx context.Context, p *policy.Policy, s *code.Subject, operation string) *answer {
	r := policy.Request{Subject: s, Operation: operation, Now: g.now()}
	return &answer{decision: p.Decide(ctx, r), request: r}
}

// refuse is the denial of a question that could not be put to the policy. It is the
// last resort: when even that panics, the zero Decision denies.
func (g *Guard) refuse(ctx context.Context, p *policy.Policy, q question, status code.Status, err error) (d policy.Decision) {
	defer func() { _ = recover() }()
	process := &code.Process{Token: q.token.Words(), Strength: g.o.Strength}
	if q.weak {
		process.Strength = "" // that it is weak is not why, and would be named in front
	}
	subject := withCheck(&code.Subject{Origin: code.OriginKernel, Process: process}, &code.Error{Status: status, Err: err})
	a := g.judge(context.WithoutCancel(ctx), p, subject, q.operation)
	if g.o.Sink != nil {
		g.record(ctx, a, decisionlog.Meta{})
	}
	return a.decision
}

// record hands a decision to the sink. An entry that is lost changes no answer, and
// a sink with a defect takes nobody down.
func (g *Guard) record(ctx context.Context, a *answer, m decisionlog.Meta) {
	defer func() { _ = recover() }()
	m.Facts = g.o.Facts
	_ = g.o.Sink.Log(context.WithoutCancel(ctx), decisionlog.NewEntry(a.decision, a.request, m))
}

func (g *Guard) now() time.Time {
	if g.o.Clock != nil {
		return g.o.Clock()
	}
	return clock(time.Time{})
}
