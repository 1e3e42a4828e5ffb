package xpcpolicy_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
	"github.com/xpcpolicy/xpcpolicy/token"
)

var ctx = context.Background()

func guardOver(t testing.TB, w token.Kernel, change func(*xpcpolicy.GuardOptions)) *xpcpolicy.Guard {
	t.Helper()
	o := xpcpolicy.GuardOptions{Strength: code.StrengthMessage, Kernel: w, Clock: func() time.Time { return fixtures.Clock }}
	if change != nil {
		change(&o)
	}
	g, err := xpcpolicy.Open(writePolicy(t, "world.yaml", worldPolicy), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.Close()) })
	return g
}

func TestGuardJudgesEveryProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	for i, p := range programs() {
		tok := w.exec(t, uint32(100+i), p)
		for range 3 { // asked for the first time, and kept
			d := g.Allow(ctx, tok)
			assert.Equal(t, p.allowed, d.Allow(), "%s: %s %s", p.name, d.Reason(), d.Message())
		}
	}
}

// The rows of the attack catalogue's section F that a decision has to answer; those
// that identification alone answers are in package token.
func TestGuardDeniesAttacks(t *testing.T) {
	t.Parallel()
	honest := programs()[0]
	for name, c := range map[string]struct {
		attack func(t *testing.T, w *world, tok token.AuditToken) token.AuditToken
		status code.Status
		reason string
	}{
		"F01 the process is gone and its identifier is another's": {status: code.StatusNoSuchCode, reason: "floor:signature",
			attack: func(t *testing.T, w *world, tok token.AuditToken) token.AuditToken {
				w.exit(7)
				w.exec(t, 7, honest)
				return tok
			}},
		"F02 it replaced itself with the honest program": {status: code.StatusNoSuchCode, reason: "floor:signature",
			attack: func(t *testing.T, w *world, tok token.AuditToken) token.AuditToken {
				evil := w.exec(t, 8, programs()[4])
				w.exec(t, 8, honest)
				return evil
			}},
		"F05 a debugger was admitted": {status: code.StatusGuestInvalid, reason: "floor:debuggable",
			attack: func(_ *testing.T, w *world, tok token.AuditToken) token.AuditToken {
				w.set(7, func(p *process) { p.flags = p.flags&^(code.CSHard|code.CSKill) | code.CSDebugged })
				return tok
			}},
		"F06 a page was changed": {status: code.StatusGuestInvalid, reason: "floor:signature",
			attack: func(_ *testing.T, w *world, tok token.AuditToken) token.AuditToken {
				w.set(7, func(p *process) { p.flags &^= code.CSValid })
				return tok
			}},
		"F08 an interpreter": {reason: "floor:interpreter", status: code.StatusReqFailed,
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				o := fixtures.Good()
				o.Identifier = "org.python.python"
				return w.exec(t, 9, makeProgram("python", false, o))
			}},
		"F09 a host of plug-ins": {reason: "floor:plugin-host", status: code.StatusReqFailed,
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				o := fixtures.Good()
				o.Identifier = "com.apple.authorizationhost"
				return w.exec(t, 9, makeProgram("host", false, o))
			}},
		"F10 not hardened": {reason: "floor:hardened-runtime", status: code.StatusReqFailed,
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				return w.exec(t, 9, programs()[6])
			}},
		"F11 library validation is off": {reason: "floor:library-validation", status: code.StatusReqFailed,
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				o := fixtures.Good()
				o.Entitlements = map[string]any{"com.apple.security.cs.disable-library-validation": true}
				return w.exec(t, 9, makeProgram("open", false, o))
			}},
		"F18 it becomes invalid while it is judged": {status: code.StatusGuestInvalid, reason: "floor:signature",
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				tok := w.exec(t, 9, honest)
				var once sync.Once
				w.before = func(what string) {
					if what == "path" { // after the flags were read the first time
						once.Do(func() { w.set(9, func(p *process) { p.flags &^= code.CSValid }) })
					}
				}
				return tok
			}},
		"F18 it ends while it is judged": {status: code.StatusNoSuchCode, reason: "floor:signature",
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				tok := w.exec(t, 9, honest)
				asked := 0
				w.before = func(what string) {
					if what == "status" {
						if asked++; asked == 2 {
							w.exit(9)
						}
					}
				}
				return tok
			}},
		"F19 ad hoc with an identifier of Apple's": {status: code.StatusSignatureUntrusted, reason: "floor:certificate",
			attack: func(t *testing.T, w *world, _ token.AuditToken) token.AuditToken {
				o := fixtures.Good()
				o.AdHoc, o.Timestamp, o.Identifier = true, false, "com.apple.Terminal"
				return w.exec(t, 9, makeProgram("terminal", false, o))
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			g := guardOver(t, w, nil)
			tok := w.exec(t, 7, honest)
			d := g.Allow(ctx, tok)
			require.True(t, d.Allow(), "%s %s", d.Reason(), d.Message())
			tok = c.attack(t, w, tok)
			d = g.Allow(ctx, tok)
			assert.False(t, d.Allow())
			assert.Equal(t, c.status, d.Status(), d.Message())
			assert.Equal(t, c.reason, d.Reason(), d.Message())
		})
	}
}

func TestTokenStrengthIsDemanded(t *testing.T) { // F03, F16
	t.Parallel()
	for strength, allowed := range map[code.TokenStrength]bool{
		code.StrengthMessage: true, code.StrengthConnection: true, code.StrengthWeak: false, "": false, "strong": false,
	} {
		w := newWorld(t)
		g := guardOver(t, w, func(o *xpcpolicy.GuardOptions) { o.Strength = strength })
		d := g.Allow(ctx, w.exec(t, 7, programs()[0]))
		assert.Equal(t, allowed, d.Allow(), "%q: %s", strength, d.Message())
		if !allowed {
			assert.Equal(t, "floor:token-strength", d.Reason(), strength)
		}
	}
}

func TestKeptAnswerAsksTheKernelOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	tok := w.exec(t, 7, programs()[0])
	require.True(t, g.Allow(ctx, tok).Allow())
	before := w.asked
	require.True(t, g.Allow(ctx, tok).Allow())
	assert.Equal(t, 1, w.asked-before, "the flags, and nothing else")
	require.True(t, g.AllowOperation(ctx, tok, "other").Allow())
	assert.Greater(t, w.asked-before, 2, "another operation is another question")
}

func TestPolicyThatReadsTheTimeKeepsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := fixtures.Clock
	text := strings.Replace(worldPolicy, `matches("client")`, `matches("client") && now < timestamp("2026-06-02T00:00:00Z")`, 1)
	g, err := xpcpolicy.Open(writePolicy(t, "p.yaml", text), xpcpolicy.GuardOptions{
		Strength: code.StrengthMessage, Kernel: w, Clock: func() time.Time { return now }})
	require.NoError(t, err)
	defer g.Close()
	tok := w.exec(t, 7, programs()[0])
	require.True(t, g.Allow(ctx, tok).Allow())
	now = now.AddDate(0, 0, 7)
	assert.False(t, g.Allow(ctx, tok).Allow())
}

func TestWhatGoesWrongDenies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tok := w.exec(t, 7, programs()[0])
	var zero xpcpolicy.Guard
	assert.False(t, zero.Allow(ctx, tok).Allow())
	assert.False(t, (*xpcpolicy.Guard)(nil).Allow(ctx, tok).Allow())

	g := guardOver(t, w, nil)
	require.True(t, g.Allow(ctx, tok).Allow())
	ended, cancel := context.WithCancel(ctx)
	cancel()
	d := g.Allow(ended, tok)
	assert.False(t, d.Allow(), "also with a kept answer")
	assert.False(t, g.Allow(ctx, token.AuditToken{}).Allow())
	assert.Equal(t, code.StatusInvalidAttributeValues, g.Allow(ctx, token.AuditToken{}).Status(), "F17")
	require.True(t, g.Allow(ctx, tok).Allow())

	w.before = func(string) { panic("a defect") }
	d = g.Allow(ctx, tok)
	assert.False(t, d.Allow())
	assert.Equal(t, code.StatusInternalError, d.Status())
	assert.Contains(t, d.Message(), "a defect")
	w.before = nil

	require.NoError(t, g.Close())
	require.NoError(t, g.Close(), "twice is once")
	d = g.Allow(ctx, tok)
	assert.False(t, d.Allow())
	assert.Contains(t, d.Message(), "the guard is closed")
}

func TestStampedeIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	tok := w.exec(t, 7, programs()[0])
	var paths atomic.Int64
	release := make(chan struct{})
	w.before = func(what string) {
		if what == "path" {
			paths.Add(1)
			<-release
		}
	}
	var wg sync.WaitGroup
	var allowed atomic.Int64
	for range 50 {
		wg.Go(func() {
			if g.Allow(ctx, tok).Allow() {
				allowed.Add(1)
			}
		})
	}
	impatient, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	assert.Eventually(t, func() bool { return paths.Load() == 1 }, 10*time.Second, time.Millisecond)
	assert.False(t, g.Allow(impatient, tok).Allow(), "who does not wait is denied")
	close(release)
	wg.Wait()
	assert.EqualValues(t, 50, allowed.Load())
	assert.EqualValues(t, 1, paths.Load())
}

func TestReloadKeepsTheLastGoodPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := writePolicy(t, "world.yaml", worldPolicy, "world_test.yaml", `apiVersion: xpcpolicy/v1
suite: world
policy: world.yaml
peers:
  stranger: {like: $adhoc}
cases:
  - name: strangers stay outside
    peers: stranger
    expect: deny
`)
	g, err := xpcpolicy.Open(path, xpcpolicy.GuardOptions{Strength: code.StrengthMessage, Kernel: w, Clock: func() time.Time { return fixtures.Clock }})
	require.NoError(t, err)
	defer g.Close()
	tok := w.exec(t, 7, programs()[0])
	require.True(t, g.Allow(ctx, tok).Allow())
	first := g.Policy().Revision()

	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o644))
	}
	write("world.yaml", "apiVersion: xpcpolicy/v1\nrules: [")
	assert.Error(t, g.Reload(ctx), "it does not load")
	assert.True(t, g.Allow(ctx, tok).Allow())

	write("world.yaml", strings.Replace(worldPolicy, `min_version: "2.0"`, `min_version: "3.0"`, 1))
	require.NoError(t, g.Reload(ctx))
	assert.NotEqual(t, first, g.Policy().Revision())
	assert.False(t, g.Allow(ctx, tok).Allow(), "no answer outlives its policy")

	suite, err := os.ReadFile(filepath.Join(filepath.Dir(path), "world_test.yaml"))
	require.NoError(t, err)
	write("world.yaml", worldPolicy)
	write("world_test.yaml", strings.Replace(string(suite), "expect: deny", "expect: allow", 1))
	assert.ErrorContains(t, g.Reload(ctx), "does not pass its own tests")
	assert.False(t, g.Allow(ctx, tok).Allow(), "the one before is in force")
	_, err = xpcpolicy.Open(path, xpcpolicy.GuardOptions{Kernel: w})
	assert.Error(t, err)
}

func TestGuardReloadsByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := writePolicy(t, "world.yaml", worldPolicy)
	told := make(chan error, 10)
	g, err := xpcpolicy.Open(path, xpcpolicy.GuardOptions{Strength: code.StrengthMessage, Kernel: w,
		Reload: 5 * time.Millisecond, Reloaded: func(_ string, err error) { told <- err }})
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, os.WriteFile(path, []byte("broken"), 0o644))
	assert.Error(t, <-told)
	require.NoError(t, os.WriteFile(path+"x", []byte(worldPolicy+"# changed\n"), 0o644))
	require.NoError(t, os.Rename(path+"x", path))
	assert.NoError(t, <-told)
}

// sink keeps entries, and can be told to fail.
type sink struct {
	mu      sync.Mutex
	entries []decisionlog.Entry
	err     error
}

func (s *sink) Log(_ context.Context, e decisionlog.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
	if s.err != nil {
		panic(s.err)
	}
	return nil
}

func TestEveryDecisionIsRecorded(t *testing.T) {
	t.Parallel()
	w, log := newWorld(t), &sink{}
	g := guardOver(t, w, func(o *xpcpolicy.GuardOptions) { o.Sink, o.Facts = log, true })
	tok := w.exec(t, 7, programs()[0])
	g.Allow(ctx, tok)
	g.AllowOperation(ctx, tok, "")
	w.exit(7)
	g.AllowOperation(ctx, tok, "erase")
	log.err = errors.New("the disk is full")
	assert.False(t, g.Allow(ctx, tok).Allow(), "a sink with a defect changes nothing")
	require.Len(t, log.entries, 4)
	var results []string
	for _, e := range log.entries {
		results = append(results, e.Result)
		assert.Equal(t, uint32(7), e.Peer.Process.PID)
	}
	assert.Equal(t, []string{"allow", "allow", "deny", "deny"}, results)
	assert.False(t, log.entries[0].Cached)
	assert.True(t, log.entries[1].Cached)
	assert.Equal(t, "erase", log.entries[2].Operation)
	assert.NotEmpty(t, log.entries[0].Facts)
}

// The model: which program a token's image ran never changes, so whatever happens
// meanwhile, an allow is wrong unless the policy allows that program; and when
// nothing happens meanwhile, the answer is exactly what the model says.
func TestModelOfProcesses(t *testing.T) {
	t.Parallel()
	seeds := 40
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		w := newWorld(t)
		g := guardOver(t, w, nil)
		kinds := programs()
		var tokens []token.AuditToken
		allows := 0
		for range 150 {
			pid := 100 + r.Uint32N(4)
			switch r.IntN(9) {
			case 0, 1:
				tokens = append(tokens, w.exec(t, pid, kinds[r.IntN(len(kinds))]))
			case 2:
				w.exit(pid)
			case 3:
				w.set(pid, func(p *process) { p.flags |= code.CSDebugged })
			case 4:
				if r.IntN(3) == 0 {
					w.set(pid, func(p *process) { p.flags &^= code.CSValid })
				}
			case 5:
				if r.IntN(3) == 0 {
					w.set(pid, func(p *process) { w.replace(t, p.path, kinds[r.IntN(len(kinds))]) })
				}
			default:
				if len(tokens) == 0 {
					continue
				}
				tok := tokens[r.IntN(len(tokens))]
				want := false
				if p := w.pids[tok.PID()]; p != nil && p.version == tok.PIDVersion() {
					want = p.program.allowed && p.flags == p.program.flags
					if now, err := os.ReadFile(p.path); err != nil || string(now) != string(p.program.file) {
						// Who was judged before the file changed keeps the answer: it still
						// runs the same code. Nobody else is let in.
						if got := g.Allow(ctx, tok).Allow(); got && !want {
							t.Fatalf("seed %d: %s was allowed", seed, p.program.name)
						}
						continue
					}
				}
				d := g.Allow(ctx, tok)
				require.Equal(t, want, d.Allow(), "seed %d: %s %s", seed, d.Reason(), d.Message())
				if want {
					allows++
				}
			}
		}
		if seed == 0 {
			assert.Positive(t, allows, "the model also lets somebody in")
		}
	}
}

func TestModelWhileEverythingMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := guardOver(t, w, nil)
	kinds := programs()
	var mu sync.Mutex
	tokens := []token.AuditToken{w.exec(t, 100, kinds[0])}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var allowed atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				tok := tokens[r.IntN(len(tokens))]
				mu.Unlock()
				if g.Allow(ctx, tok).Allow() {
					allowed.Add(1)
					w.mu.Lock()
					p := w.images[[2]uint32{tok.PID(), tok.PIDVersion()}]
					w.mu.Unlock()
					if !p.allowed {
						t.Errorf("%s was allowed", p.name)
						return
					}
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 3))
	for i := 0; i < 400 || allowed.Load() == 0 && i < 20000; i++ {
		time.Sleep(100 * time.Microsecond) // so that somebody gets an answer in between
		pid := 100 + r.Uint32N(3)
		switch r.IntN(6) {
		case 0, 1, 2:
			tok := w.exec(t, pid, kinds[r.IntN(len(kinds))])
			mu.Lock()
			tokens = append(tokens, tok)
			tokens = tokens[max(0, len(tokens)-20):]
			mu.Unlock()
		case 3:
			w.exit(pid)
		case 4:
			w.set(pid, func(p *process) { p.flags |= code.CSDebugged })
		case 5:
			if r.IntN(20) == 0 {
				assert.NoError(t, g.Reload(ctx))
			}
		}
	}
	close(stop)
	wg.Wait()
	assert.Positive(t, allowed.Load())
}
