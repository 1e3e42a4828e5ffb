package xpcpolicy_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
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

// opening is a world whose files somebody else gets in between.
type opening struct {
	*world
	open func(path string) (token.Image, error)
}

func (o opening) Open(path string) (token.Image, error) { return o.open(path) }

// image is a file whose reads and states somebody else gets in between.
type image struct {
	token.Image
	read func(b []byte, off int64) (int, error) // nil: the file's
	stat func() (token.FileID, error)           // nil: the file's
}

func (i image) ReadAt(b []byte, off int64) (int, error) {
	if i.read != nil {
		return i.read(b, off)
	}
	return i.Image.ReadAt(b, off)
}

func (i image) Stat() (token.FileID, error) {
	if i.stat != nil {
		return i.stat()
	}
	return i.Image.Stat()
}

// What one caller met must not become the answer to another.
func TestFailureIsNobodyElses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(m token.Image, cancel func()) image{
		"a read fails": func(m token.Image, _ func()) image {
			return image{Image: m, read: func([]byte, int64) (int, error) { return 0, errors.New("input/output error") }}
		},
		"the context ends while the file is read": func(m token.Image, cancel func()) image {
			return image{Image: m, read: func(b []byte, off int64) (int, error) {
				cancel()
				return m.ReadAt(b, off)
			}}
		},
		"the file changes while it is read": func(m token.Image, _ func()) image {
			calls := 0
			return image{Image: m, stat: func() (token.FileID, error) {
				id, err := m.Stat()
				if calls++; calls > 1 {
					id.Inode++
				}
				return id, err
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spoiled, cancel := context.WithCancel(ctx)
			defer cancel()
			first := true
			g := guardOver(t, opening{w, func(path string) (token.Image, error) {
				m, err := token.OpenImage(path)
				if err == nil && first {
					first = false
					return spoil(m, cancel), nil
				}
				return m, err
			}}, nil)
			tok := w.exec(t, 7, programs()[0])
			assert.False(t, g.Allow(spoiled, tok).Allow())
			assert.False(t, first)
			d := g.Allow(ctx, tok)
			assert.True(t, d.Allow(), d.Message())
			other := w.exec(t, 8, programs()[0])
			assert.True(t, g.Allow(ctx, other).Allow())
		})
	}
}

// statuses calls after behind each answer about a process's flags.
type statuses struct {
	*world
	after func(n int64)
	n     atomic.Int64
}

func (s *statuses) Status(t token.AuditToken) (code.KernelFlags, error) {
	f, err := s.world.Status(t)
	s.after(s.n.Add(1))
	return f, err
}

func TestWhoWaitsForAnAnswerAsksTheKernelAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := &statuses{world: w}
	reached, release := make(chan struct{}), make(chan struct{})
	k.after = func(n int64) {
		if n == 2 { // the first caller has all it asked for
			close(reached)
			<-release
		}
	}
	g := guardOver(t, k, nil)
	tok := w.exec(t, 7, programs()[0])
	var wg sync.WaitGroup
	wg.Go(func() { assert.True(t, g.Allow(ctx, tok).Allow(), "it asked while the process was well") })
	<-reached
	w.set(7, func(p *process) { p.flags &^= code.CSValid })
	wg.Go(func() {
		d := g.Allow(ctx, tok)
		assert.False(t, d.Allow(), "it asked after the process had become invalid")
		assert.Equal(t, code.StatusGuestInvalid, d.Status())
	})
	time.Sleep(20 * time.Millisecond) // long enough to wait for the first one's answer
	close(release)
	wg.Wait()
}

// A caller can serve the file system that its program lies on, and never answer.
func TestFileThatIsNeverReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	var hung atomic.Int64
	g := guardOver(t, opening{w, func(path string) (token.Image, error) {
		if strings.HasSuffix(path, "evil") {
			hung.Add(1)
			<-release
		}
		return token.OpenImage(path)
	}}, nil)
	evil := makeProgram("evil", true, fixtures.Good())
	honest := w.exec(t, 7, programs()[0])
	var wg sync.WaitGroup
	start := time.Now()
	for i := range 300 {
		tok := w.exec(t, uint32(1000+i), evil)
		wg.Go(func() {
			soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			d := g.Allow(soon, tok)
			assert.False(t, d.Allow())
			assert.Contains(t, d.Message(), "deadline exceeded")
		})
	}
	wg.Wait()
	assert.Less(t, time.Since(start), 20*time.Second)
	assert.LessOrEqual(t, hung.Load(), int64(128), "each holds a thread")
	close(release)
	assert.Eventually(t, func() bool { return g.Allow(ctx, honest).Allow() }, 10*time.Second, time.Millisecond)
}

// The last step of docs/audit-tokens.md is the Guard's.
func TestDocumentedLastStep(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/audit-tokens.md")
	require.NoError(t, err)
	w := newWorld(t)
	k := &statuses{world: w}
	k.after = func(n int64) {
		if n == 1 {
			w.set(7, func(p *process) { p.flags |= code.CSGetTaskAllow })
		}
	}
	w.exec(t, 7, programs()[0])
	p, err := policy.Parse("p.yaml", []byte(worldPolicy))
	require.NoError(t, err)
	_, s := xpcpolicy.CheckPeer(ctx, p, k, xpcpolicy.Peer{Token: tokenOf(t, 7, 1), Strength: code.StrengthMessage, Now: fixtures.Clock})
	last := s.Validity.Checks[len(s.Validity.Checks)-1]
	assert.Equal(t, code.Failed, last.Outcome)
	assert.Contains(t, string(doc), "| "+last.ID+" | "+last.Name+" | ")
}

func TestTimeoutEndsAQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	defer close(release)
	g := guardOver(t, opening{w, func(path string) (token.Image, error) { <-release; return token.OpenImage(path) }},
		func(o *xpcpolicy.GuardOptions) { o.Timeout = 10 * time.Millisecond })
	d := g.Allow(ctx, w.exec(t, 7, programs()[0]))
	assert.False(t, d.Allow())
	assert.Contains(t, d.Message(), "deadline exceeded")
}

func TestDefectsDeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.exec(t, 7, programs()[0])
	defect := false
	g := guardOver(t, w, func(o *xpcpolicy.GuardOptions) {
		o.Clock = func() time.Time {
			if defect {
				panic("no clock")
			}
			return fixtures.Clock
		}
	})
	//lint:ignore SA1012 a server may hand over none, and that must not end it
	assert.True(t, g.Allow(nil, tok).Allow(), "no context is one without an end")
	defect = true
	d := g.AllowOperation(ctx, tok, "erase")
	assert.False(t, d.Allow())
	assert.Equal(t, code.StatusReqFailed, d.Status(), "not even the refusal could be made: the zero Decision")
}

// Code that says that its certificates must not have expired has a verdict that can
// change while the process stays what it is.
func TestCodeThatExpiresIsJudgedEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	o := fixtures.Good()
	o.Timestamp = false
	o.Flags |= uint32(code.FlagForceExpiration)
	tok := w.exec(t, 7, makeProgram("expires", true, o))
	for range 2 {
		before := w.asked
		d := g.Allow(ctx, tok)
		require.True(t, d.Allow(), d.Message())
		assert.Greater(t, w.asked-before, 2)
	}
}

// spoofed is a world in which processes have the parents that somebody chose.
type spoofed struct {
	*world
	parent uint32
}

func (s spoofed) Advise(token.AuditToken) token.Advice {
	return token.Advice{ParentPID: code.Known(s.parent), ResponsiblePID: code.Known(s.parent), Machine: code.Known("x86_64")}
}

func TestParentsProveNothing(t *testing.T) { // F20
	t.Parallel()
	w := newWorld(t)
	trusted := w.exec(t, 7, programs()[0])
	for i, p := range programs() {
		tok := w.exec(t, uint32(100+i), p)
		for _, parent := range []uint32{1, trusted.PID(), 100_000} {
			g := guardOver(t, spoofed{w, parent}, nil)
			d := g.Allow(ctx, tok)
			assert.Equal(t, p.allowed, d.Allow(), "%s started by %d: %s", p.name, parent, d.Message())
		}
	}
	for _, fact := range []string{"process.parent_pid", "process.responsible_pid", "process.parent", "process.path"} {
		_, err := policy.Parse("p.yaml", []byte("apiVersion: xpcpolicy/v1\nname: p\nrules:\n  - name: r\n    allow: "+fact+" == 1\n"))
		assert.Error(t, err, "no policy can read %s", fact)
	}
}

func TestLongOperationIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	tok := w.exec(t, 7, programs()[0])
	asked := func(operation string) int {
		require.True(t, g.AllowOperation(ctx, tok, operation).Allow())
		before := w.asked
		require.True(t, g.AllowOperation(ctx, tok, operation).Allow())
		return w.asked - before
	}
	assert.Equal(t, 1, asked(strings.Repeat("a", 256)))
	assert.Greater(t, asked(strings.Repeat("a", 257)), 1)
}
