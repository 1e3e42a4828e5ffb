package xpcpolicy_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/token"
)

var weakPolicy = strings.Replace(worldPolicy, "peers:", "floor: {relax: token-strength}\npeers:", 1)

// weakGuard judges sockets over a world; whose says which token each has.
func weakGuard(t testing.TB, k token.Kernel, text string, whose func(net.Conn) (token.AuditToken, error)) *xpcpolicy.Guard {
	t.Helper()
	g, err := xpcpolicy.Open(writePolicy(t, "weak.yaml", text), xpcpolicy.GuardOptions{Strength: code.StrengthMessage, Kernel: k, Clock: func() time.Time { return fixtures.Clock }})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	g.TokensFrom(whose)
	return g
}

func TestSocketsPeerIsWeak(t *testing.T) { // F16
	t.Parallel()
	w := newWorld(t)
	tok := w.exec(t, 7, programs()[0])
	whose := func(net.Conn) (token.AuditToken, error) { return tok, nil }
	g := weakGuard(t, w, worldPolicy, whose)
	require.True(t, g.Allow(ctx, tok).Allow(), "as a message's token it would do")
	d := g.AllowConn(ctx, nil, "")
	assert.False(t, d.Allow())
	assert.Equal(t, "floor:token-strength", d.Reason())

	g = weakGuard(t, w, weakPolicy, whose)
	assert.True(t, g.AllowConn(ctx, nil, "").Allow())
	assert.Contains(t, strings.Join(g.AllowConn(ctx, nil, "").Warnings(), "\n"), "token-strength")
}

func TestSocketMustStayWithOneProcess(t *testing.T) {
	t.Parallel()
	honest := programs()[0]
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world, asked int, tok *token.AuditToken)
		status code.Status
	}{
		"another process holds it after the decision": {func(t *testing.T, w *world, asked int, tok *token.AuditToken) {
			if asked == 2 {
				*tok = w.exec(t, 8, honest)
			}
		}, code.StatusGuestInvalid},
		"it replaced itself": {func(t *testing.T, w *world, asked int, tok *token.AuditToken) {
			if asked == 2 {
				w.exec(t, 7, honest)
			}
		}, code.StatusNoSuchCode},
		"it was debugged": {func(t *testing.T, w *world, asked int, tok *token.AuditToken) {
			if asked == 2 {
				w.set(7, func(p *process) { p.flags |= code.CSDebugged })
			}
		}, code.StatusGuestInvalid},
	} {
		for _, warm := range []bool{false, true} {
			w := newWorld(t)
			tok := w.exec(t, 7, honest)
			asked := -10
			g := weakGuard(t, w, weakPolicy, func(net.Conn) (token.AuditToken, error) {
				asked++
				c.change(t, w, asked, &tok)
				return tok, nil
			})
			if warm {
				require.True(t, g.AllowConn(ctx, nil, "").Allow())
			}
			asked = 0
			d := g.AllowConn(ctx, nil, "")
			assert.False(t, d.Allow(), "%s, warm %v", name, warm)
			assert.Equal(t, c.status, d.Status(), "%s, warm %v: %s", name, warm, d.Message())
		}
	}
}

func TestSocketWithoutATokenIsDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := weakGuard(t, w, weakPolicy, func(net.Conn) (token.AuditToken, error) { return token.AuditToken{}, errors.New("not connected") })
	d := g.AllowConn(ctx, nil, "")
	assert.False(t, d.Allow())
	assert.Contains(t, d.Message(), "not connected")
	g.TokensFrom(func(net.Conn) (token.AuditToken, error) { panic("a defect") })
	assert.False(t, g.AllowConn(ctx, nil, "").Allow())
	var zero xpcpolicy.Guard
	assert.False(t, zero.AllowConn(ctx, nil, "").Allow())
	assert.False(t, (*xpcpolicy.Guard)(nil).AllowConn(ctx, nil, "").Allow())
}

// served is a listener over a world.
type served struct {
	*xpcpolicy.Listener
	path    string
	refused atomic.Int64
}

func serve(t *testing.T, k token.Kernel, o xpcpolicy.ListenerOptions, whose func(net.Conn) (token.AuditToken, error)) *served {
	t.Helper()
	s := &served{path: filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", s.path)
	require.NoError(t, err)
	o.Refused = func(policy.Decision) { s.refused.Add(1) }
	s.Listener = xpcpolicy.NewListener(ctx, l, weakGuard(t, k, weakPolicy, whose), o)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *served) dial(t *testing.T) net.Conn {
	c, err := net.Dial("unix", s.path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestListenerYieldsOnlyAllowedPeers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := w.exec(t, 7, programs()[0]), w.exec(t, 8, programs()[4])
	var n atomic.Int64
	s := serve(t, w, xpcpolicy.ListenerOptions{}, func(c net.Conn) (token.AuditToken, error) {
		if n.Add(1) == 1 {
			return bad, nil
		}
		return good, nil
	})
	refused := s.dial(t)
	_, err := refused.Read(make([]byte, 1))
	assert.Error(t, err, "it was closed")
	assert.EqualValues(t, 1, s.refused.Load())
	s.dial(t)
	c, err := s.Accept()
	require.NoError(t, err)
	conn := c.(*xpcpolicy.Conn)
	assert.True(t, conn.Decision().Allow())
	assert.True(t, conn.Allow(ctx, "read").Allow())
	good = w.exec(t, 9, programs()[0]) // the same program, in another process
	d := conn.Allow(ctx, "read")
	assert.False(t, d.Allow())
	assert.Contains(t, d.Message(), "another process holds the socket now")
}

func TestListenerIsNotHeldUpByOnePeer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	slow, fast := w.exec(t, 7, makeProgram("slow", true, fixtures.Good())), w.exec(t, 8, programs()[0])
	var first atomic.Bool
	s := serve(t, opening{w, func(path string) (token.Image, error) {
		if strings.HasSuffix(path, "slow") {
			<-release
		}
		return token.OpenImage(path)
	}}, xpcpolicy.ListenerOptions{Timeout: 50 * time.Millisecond, Pending: 2}, func(net.Conn) (token.AuditToken, error) {
		if first.CompareAndSwap(false, true) {
			return slow, nil
		}
		return fast, nil
	})
	defer close(release)
	s.dial(t)
	assert.Eventually(t, first.Load, 10*time.Second, time.Millisecond)
	s.dial(t)
	c, err := s.Accept()
	require.NoError(t, err)
	defer c.Close()
	assert.Eventually(t, func() bool { return s.refused.Load() == 1 }, 10*time.Second, time.Millisecond, "and the other is refused in time")
}

func TestListenerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.exec(t, 7, programs()[0])
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	g := weakGuard(t, w, weakPolicy, func(net.Conn) (token.AuditToken, error) { return tok, nil })
	ended, cancel := context.WithCancel(ctx)
	s := xpcpolicy.NewListener(ended, l, g, xpcpolicy.ListenerOptions{})
	c, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	time.Sleep(10 * time.Millisecond) // it is judged, and nobody accepts it
	cancel()
	_, err = s.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = c.Read(make([]byte, 1))
	assert.Error(t, err, "what nobody accepted is closed")
	assert.NoError(t, s.Close())
	assert.NoError(t, s.Close())
	_, err = net.Dial("unix", l.Addr().String())
	assert.Error(t, err)
}

// brokenListener fails as a process does that has no descriptors left.
type brokenListener struct {
	net.Listener
	left atomic.Int64
}

func (b *brokenListener) Accept() (net.Conn, error) {
	if b.left.Add(-1) >= 0 {
		return nil, errors.New("too many open files")
	}
	return b.Listener.Accept()
}

func TestListenerGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.exec(t, 7, programs()[0])
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	b := &brokenListener{Listener: l}
	b.left.Store(2)
	s := xpcpolicy.NewListener(ctx, b, weakGuard(t, w, weakPolicy, func(net.Conn) (token.AuditToken, error) { return tok, nil }), xpcpolicy.ListenerOptions{})
	defer s.Close()
	for range 2 {
		_, err := s.Accept()
		assert.ErrorContains(t, err, "too many open files")
	}
	c, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	in, err := s.Accept()
	require.NoError(t, err)
	assert.NoError(t, in.Close())
}
