package xpcpolicy

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type heavy int64

func (h heavy) weight() int64 { return int64(h) }

// kept counts what is kept, and what it weighs.
func (g *generations[K, V]) kept() (entries, bytes int64) {
	for _, gen := range []*generation{g.young.Load(), g.old.Load()} {
		gen.entries.Range(func(_, v any) bool {
			entries++
			bytes += v.(V).weight()
			return true
		})
	}
	return entries, bytes
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	g := newGenerations[int, heavy](100, 1000)
	for i := range 10_000 {
		g.put(i, 1)
		g.put(i, 2) // again, with another weight
	}
	entries, _ := g.kept()
	assert.LessOrEqual(t, entries, int64(200))
	_, ok := g.get(9_999)
	assert.True(t, ok)
	for i := range 10_000 {
		g.put(i, 100)
	}
	entries, bytes := g.kept()
	assert.LessOrEqual(t, bytes, int64(2000), "what is heavy leaves earlier")
	assert.Positive(t, entries)
	g.put(-1, 126)
	_, ok = g.get(-1)
	assert.False(t, ok, "one entry does not take an eighth of the room")
	for i := range 10_000 { // who comes and goes leaves nothing behind
		g.put(i, 1)
		g.drop(i)
	}
	_, ok = g.get(5)
	assert.False(t, ok)
	assert.Zero(t, g.young.Load().bytes.Load())
	assert.Zero(t, g.young.Load().size.Load())
}

func TestCacheIsBoundedForManyWriters(t *testing.T) {
	t.Parallel()
	g := newGenerations[int, heavy](64, 1000)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				g.put(i*8+n, 3)
				g.get(i*8 + n - 8)
				if i%3 == 0 {
					g.drop(i*8 + n)
				}
			}
		})
	}
	wg.Wait()
	entries, _ := g.kept()
	assert.LessOrEqual(t, entries, int64(2*64+8))
}

func TestOnceKeepsOnlyWhatIsGood(t *testing.T) {
	t.Parallel()
	g := newGenerations[string, heavy](10, 1000)
	var made atomic.Int64
	make := func(good bool) func() (heavy, bool) {
		return func() (heavy, bool) { return heavy(made.Add(1)), good }
	}
	v, err := g.once(context.Background(), "k", make(false))
	require.NoError(t, err)
	assert.Equal(t, heavy(1), v)
	v, _ = g.once(context.Background(), "k", make(true))
	assert.Equal(t, heavy(2), v)
	v, _ = g.once(context.Background(), "k", make(true))
	assert.Equal(t, heavy(2), v)
}

func TestFlightsEndWithTheContextAndSurviveDefects(t *testing.T) {
	t.Parallel()
	f := flights[string, heavy]{apart: true}
	ended, cancel := context.WithCancel(context.Background())
	release, began := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _, err := f.do(ended, "k", func() (heavy, bool) { close(began); <-release; return 1, false })
		assert.ErrorIs(t, err, context.Canceled)
	})
	<-began
	cancel()
	wg.Wait()
	wg.Go(func() {
		v, mine, err := f.do(context.Background(), "k", func() (heavy, bool) { return 2, true })
		assert.NoError(t, err)
		assert.True(t, mine, "the answer before was not for others")
		assert.Equal(t, heavy(2), v)
	})
	close(release)
	wg.Wait()
	for _, apart := range []bool{true, false} {
		f := flights[string, heavy]{apart: apart}
		_, _, err := f.do(context.Background(), "k", func() (heavy, bool) { panic("a defect") })
		assert.ErrorContains(t, err, "a defect")
		v, _, err := f.do(context.Background(), "k", func() (heavy, bool) { return 3, true })
		assert.NoError(t, err)
		assert.Equal(t, heavy(3), v)
	}
}
