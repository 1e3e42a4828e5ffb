package xpcpolicy

import (
	"context"
	"sync"
	"sync/atomic"
)

// generations is a map with a bound, for many readers. New entries go into the
// young generation; when that is full it becomes the old one, and what was in the
// old one and was not asked for meanwhile is forgotten.
type generations[K comparable, V any] struct {
	bound      int64
	mu         sync.Mutex // held while generations change places
	young, old atomic.Pointer[generation]
	flights    flights[K, V]
}

type generation struct {
	entries sync.Map
	size    atomic.Int64
}

func newGenerations[K comparable, V any](bound int64) *generations[K, V] {
	g := &generations[K, V]{bound: bound}
	g.young.Store(&generation{})
	g.old.Store(&generation{})
	return g
}

func (g *generations[K, V]) get(k K) (v V, ok bool) {
	if e, ok := g.young.Load().entries.Load(k); ok {
		return e.(V), true
	}
	e, ok := g.old.Load().entries.Load(k)
	if !ok {
		return v, false
	}
	v = e.(V)
	g.put(k, v)
	return v, true
}

func (g *generations[K, V]) put(k K, v V) {
	y := g.young.Load()
	if _, there := y.entries.Swap(k, v); there || y.size.Add(1) < g.bound {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.young.Load() == y {
		g.old.Store(y)
		g.young.Store(&generation{})
	}
}

// drop forgets an entry, in both generations.
func (g *generations[K, V]) drop(k K) {
	y := g.young.Load()
	if _, there := y.entries.LoadAndDelete(k); there {
		y.size.Add(-1)
	}
	g.old.Load().entries.Delete(k)
}

// once returns what is kept for k, or makes it; equal keys are made once. It has
// the form that token.Options.Remember takes.
func (g *generations[K, V]) once(k K, produce func() V) V {
	if v, ok := g.get(k); ok {
		return v
	}
	v, _ := g.flights.do(context.Background(), k, func() (V, bool) {
		v := produce()
		return v, true
	})
	g.put(k, v)
	return v
}

// flights lets equal questions that come at the same time wait for one answer.
type flights[K comparable, V any] struct {
	mu  sync.Mutex
	now map[K]*flight[V]
}

type flight[V any] struct {
	done   chan struct{}
	value  V
	shared bool // the value is good for others than the one who made it
}

// do returns the value that produce makes, or that of somebody who is making it. An error is the
// context's, of who waits. A value that is not for others is made again by each.
func (f *flights[K, V]) do(ctx context.Context, k K, produce func() (value V, shared bool)) (v V, err error) {
	for {
		f.mu.Lock()
		other := f.now[k]
		if other == nil {
			break
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-other.done:
			if other.shared {
				return other.value, nil
			}
		}
	}
	mine := &flight[V]{done: make(chan struct{})}
	if f.now == nil {
		f.now = map[K]*flight[V]{}
	}
	f.now[k] = mine
	f.mu.Unlock()
	defer func() { // also after a panic: those who wait then make their own
		f.mu.Lock()
		delete(f.now, k)
		f.mu.Unlock()
		close(mine.done)
	}()
	mine.value, mine.shared = produce()
	return mine.value, nil
}
