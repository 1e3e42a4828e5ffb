package xpcpolicy

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// ListenerOptions are the choices of a [Listener].
type ListenerOptions struct {
	// Operation is what whoever connects asks for, in the policy's words; "" is none.
	Operation string
	// Timeout is how long judging one peer may take; 0: 5 seconds.
	Timeout time.Duration
	// Pending is how many connections are judged, or wait to be accepted, at a time; 0:
	// 64. All others wait in the system's queue.
	Pending int
	// Refused is told of each connection that was closed because of its decision; nil:
	// nobody. It runs beside others of its kind.
	Refused func(policy.Decision)
}

// Listener yields only connections whose peers a [Guard] allows. All others are closed.
// Peers are judged beside each other, so that one who takes long holds up nobody else.
type Listener struct {
	inner  net.Listener
	guard  *Guard
	o      ListenerOptions
	ctx    context.Context
	cancel context.CancelFunc
	places chan struct{}
	ready  chan accepted
	work   sync.WaitGroup
	once   sync.Once
	closed error
}

type accepted struct {
	conn net.Conn
	err  error
}

// NewListener judges the peers of a listener for Unix sockets. It closes that listener
// when it is closed itself, and when the context ends.
func NewListener(ctx context.Context, l net.Listener, g *Guard, o ListenerOptions) *Listener {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Pending <= 0 {
		o.Pending = 64
	}
	w := &Listener{inner: l, guard: g, o: o, places: make(chan struct{}, o.Pending), ready: make(chan accepted)}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.work.Add(1)
	go w.accept()
	context.AfterFunc(w.ctx, func() { _ = w.Close() })
	return w
}

// Accept returns the next connection whose peer is allowed: a [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	default:
	}
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close closes the listener below and every connection that nobody accepted.
func (l *Listener) Close() error {
	l.once.Do(func() {
		l.cancel()
		l.closed = l.inner.Close()
		l.work.Wait()
	})
	return l.closed
}

// Addr is the address of the listener below.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// accept takes connections for as long as there are places.
func (l *Listener) accept() {
	defer l.work.Done()
	for {
		select {
		case l.places <- struct{}{}:
		case <-l.ctx.Done():
			return
		}
		c, err := l.inner.Accept()
		if err != nil {
			<-l.places
			if !l.give(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // whoever accepts waits as long as it takes to be better
		}
		l.work.Add(1)
		go l.judge(c)
	}
}

// judge asks the guard about one connection.
func (l *Listener) judge(c net.Conn) {
	defer l.work.Done()
	defer func() { <-l.places }()
	ctx, cancel := context.WithTimeout(l.ctx, l.o.Timeout)
	conn, d := l.guard.Admit(ctx, c, l.o.Operation)
	cancel()
	if conn == nil {
		_ = c.Close()
		if l.o.Refused != nil {
			l.o.Refused(d)
		}
		return
	}
	if !l.give(accepted{conn: conn}) {
		_ = c.Close()
	}
}

// give hands something to Accept; false: the listener was closed first.
func (l *Listener) give(a accepted) bool {
	select {
	case <-l.ctx.Done():
		return false
	default:
	}
	select {
	case l.ready <- a:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// Conn is a connection whose peer was allowed when it connected.
type Conn struct {
	net.Conn
	guard    *Guard
	token    token.AuditToken
	decision policy.Decision
}

// Decision is the one that let the peer connect.
func (c *Conn) Decision() policy.Decision { return c.decision }

// Allow decides whether the peer may do an operation now, as [Guard.AllowConn] does, and
// denies whoever is not the process that connected. Ask behind each request that was
// read.
func (c *Conn) Allow(ctx context.Context, operation string) policy.Decision {
	d, _ := c.guard.allowConn(ctx, c.Conn, operation, &c.token)
	return d
}
