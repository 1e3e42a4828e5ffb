package xpcpolicy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// tokenOfConn is [token.FromConn] of a connection that has a descriptor.
func tokenOfConn(c net.Conn) (token.AuditToken, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return token.AuditToken{}, fmt.Errorf("a %T has no socket to ask about", c)
	}
	return token.FromConn(sc)
}

// AllowConn decides whether the process at the other end of a Unix socket may do an
// operation now; "" is none. Its token is weak, whatever GuardOptions.Strength says, and
// every policy's floor denies that unless it relaxes token-strength. The token and the
// kernel's flags are read before the decision and after it, and all must be equal. Ask
// behind each request that was read.
//
// On Linux the kernel names the user of a peer, and no program. For development,
// policies that relax linux-uid-only judge by that; every such decision says so.
func (g *Guard) AllowConn(ctx context.Context, c net.Conn, operation string) policy.Decision {
	d, _ := g.allowConn(ctx, c, operation, nil)
	return d
}

// Admit is [Guard.AllowConn], and returns what to ask about each request of a connection
// that was let in; nil for one that was not, which the caller closes.
func (g *Guard) Admit(ctx context.Context, c net.Conn, operation string) (*Conn, policy.Decision) {
	d, t := g.allowConn(ctx, c, operation, nil)
	if !d.Allow() {
		return nil, d
	}
	return &Conn{Conn: c, guard: g, token: t, decision: d}, d
}

// errOtherPeer is why an allow for one process is none for who holds its socket now.
var errOtherPeer = errors.New("another process holds the socket now")

// allowConn is [Guard.AllowConn], and returns the token that was judged. A peer that is
// not the one of before is denied; nil: it may be any.
func (g *Guard) allowConn(ctx context.Context, c net.Conn, operation string, before *token.AuditToken) (d policy.Decision, t token.AuditToken) {
	if g == nil {
		return policy.Decision{}, t
	}
	s := g.state.Load()
	if s == nil {
		return policy.Decision{}, t
	}
	if ctx == nil {
		ctx = context.Background()
	}
	q := question{operation: operation, weak: true}
	defer func() {
		if v := recover(); v != nil {
			d = g.refuse(ctx, s.policy, q, code.StatusInternalError, &defectError{v})
		}
	}()
	t, err := g.fromConn(c)
	if errors.Is(err, token.ENOTSUP) {
		return g.allowUser(ctx, s, c, q), token.AuditToken{}
	}
	if err != nil {
		return g.refuse(ctx, s.policy, q, code.StatusNoSuchCode, err), t
	}
	q.token = t
	if before != nil && t != *before {
		return g.refuse(ctx, s.policy, q, code.StatusGuestInvalid, errOtherPeer), t
	}
	status, err := flags(g.kernel, t)
	if err != nil {
		return g.refuse(ctx, s.policy, q, code.StatusOf(err), errors.Unwrap(err)), t
	}
	return g.allow(ctx, q, func() error {
		switch now, err := g.fromConn(c); {
		case err != nil:
			return &code.Error{Status: code.StatusNoSuchCode, Err: err}
		case now != t:
			return &code.Error{Status: code.StatusGuestInvalid, Err: errOtherPeer}
		}
		return still(g.kernel, t, status)
	}), t
}

// allowUser decides about the peer of a Linux socket. Nothing is kept.
func (g *Guard) allowUser(ctx context.Context, s *guardState, c net.Conn, q question) policy.Decision {
	if s.closed {
		return g.refuse(ctx, s.policy, q, code.StatusInternalError, errClosed)
	}
	var err error = token.ENOTSUP
	var peer *token.SocketPeer
	if sc, ok := c.(syscall.Conn); ok {
		peer, err = token.NewSocketPeer(sc)
	}
	if err != nil {
		return g.refuse(ctx, s.policy, q, code.StatusSignatureNotVerifiable, err)
	}
	defer peer.Close()
	a := g.judge(ctx, s.policy, peer.Subject(), q.operation)
	if a.decision.Allow() {
		if err := peer.Alive(); err != nil {
			return g.refuse(ctx, s.policy, q, code.StatusNoSuchCode, err)
		}
	}
	if g.o.Sink != nil {
		g.record(ctx, a, decisionlog.Meta{})
	}
	return a.decision
}

// noKernel is the kernel of a system that knows no programs: everything is an error.
type noKernel struct{ err error }

func (k noKernel) Status(token.AuditToken) (code.KernelFlags, error) { return 0, k.err }
func (k noKernel) CSOps(token.AuditToken, token.Op, []byte) error    { return k.err }
func (k noKernel) Path(token.AuditToken) (string, error)             { return "", k.err }
func (k noKernel) Open(string) (token.Image, error)                  { return nil, k.err }
