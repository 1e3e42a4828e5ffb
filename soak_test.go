package xpcpolicy_test

import (
	"math/rand/v2"
	"os"
	"runtime"
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
	"github.com/xpcpolicy/xpcpolicy/token"
)

// TestSoak asks from eight goroutines while processes come and go and the policy
// changes ten times a second: no wrong answer, and nothing left behind. It runs for 5
// seconds, or as long as XPCPOLICY_SOAK says (`make soak`).
func TestSoak(t *testing.T) {
	duration := 5 * time.Second
	if testing.Short() {
		duration = time.Second
	}
	if s := os.Getenv("XPCPOLICY_SOAK"); s != "" {
		var err error
		duration, err = time.ParseDuration(s)
		require.NoError(t, err)
	}
	goroutines := runtime.NumGoroutine()
	w, kinds := newWorld(t), programs()
	strict := strings.Replace(worldPolicy, `min_version: "2.0"`, `min_version: "3.0"`, 1)
	path := writePolicy(t, "world.yaml", worldPolicy)
	var reloads atomic.Int64
	g, err := xpcpolicy.Open(path, xpcpolicy.GuardOptions{
		Strength: code.StrengthMessage, Kernel: w, Clock: func() time.Time { return fixtures.Clock },
		Reload: 100 * time.Millisecond, Timeout: 5 * time.Second,
		Reloaded: func(_ string, err error) { assert.NoError(t, err); reloads.Add(1) },
	})
	require.NoError(t, err)
	lenient := g.Policy().Revision() // only under this one is anybody allowed

	var mu sync.Mutex
	tokens := []token.AuditToken{w.exec(t, 100, kinds[0])}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var allowed, denied atomic.Int64
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				tok := tokens[r.IntN(len(tokens))]
				mu.Unlock()
				d := g.Allow(ctx, tok)
				if !d.Allow() {
					denied.Add(1)
					continue
				}
				allowed.Add(1)
				w.mu.Lock()
				p := w.images[[2]uint32{tok.PID(), tok.PIDVersion()}]
				w.mu.Unlock()
				if p != nil && !p.allowed || d.Policy().Revision() != lenient {
					t.Errorf("wrongly allowed: %+v under %s", p, d.Policy().Revision())
					return
				}
			}
		})
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	r := rand.New(rand.NewPCG(1, 6))
	begin := time.Now()
	half, texts := uint64(0), []string{strict, worldPolicy}
	for n := 0; time.Since(begin) < duration; n++ {
		time.Sleep(5 * time.Millisecond)
		pid := 100 + r.Uint32N(8)
		switch r.IntN(6) {
		case 0, 1, 2:
			tok := w.exec(t, pid, kinds[r.IntN(len(kinds))])
			mu.Lock()
			tokens = append(tokens, tok)
			for ; len(tokens) > 40; tokens = tokens[1:] {
				w.mu.Lock()
				delete(w.images, [2]uint32{tokens[0].PID(), tokens[0].PIDVersion()})
				w.mu.Unlock()
			}
			mu.Unlock()
		case 3:
			w.exit(pid)
		case 4:
			w.set(pid, func(p *process) { p.flags |= code.CSDebugged })
		}
		if n%20 == 0 {
			require.NoError(t, os.WriteFile(path+".new", []byte(texts[n/20%2]), 0o644))
			require.NoError(t, os.Rename(path+".new", path))
		}
		if half == 0 && time.Since(begin) > duration/2 {
			half = heap()
		}
	}
	close(stop)
	wg.Wait()
	end := heap()
	require.NoError(t, g.Close())
	t.Logf("%d allowed, %d denied, %d reloads; heap %.1f MB at half time, %.1f MB at the end",
		allowed.Load(), denied.Load(), reloads.Load(), float64(half)/1e6, float64(end)/1e6)
	assert.Positive(t, allowed.Load())
	assert.Positive(t, denied.Load())
	assert.Positive(t, reloads.Load())
	assert.Less(t, end, half+half/4+8<<20, "memory grows")
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+1 }, 10*time.Second, 10*time.Millisecond, "goroutines are left")
}
