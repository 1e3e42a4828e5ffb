package xpcpolicy

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// weighed is what a cache keeps: its weight is about how many bytes of memory it
// holds.
type weighed interface{ weight() int64 }

// generations is a map with bounds, for many readers. New entries go into the
// young generation; when that is full it becomes the old one, and what was in the
// old one and was not asked for meanwhile is forgotten.
type generations[K comparable, V weighed] struct {
	entries, bytes int64      // of one generation
	mu             sync.Mutex // held while generations change places
	young, old     atomic.Pointer[generation]
	flights        flights[K, V]
}

type generation struct {
	entries     sync.Map
	size, bytes atomic.Int64
}

func newGenerations[K comparable, V weighed](entries, bytes int64) *generations[K, V] {
	g := &generations[K, V]{entries: entries, bytes: bytes}
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

// put keeps a value, unless it alone would take a large part of the room.
func (g *generations[K, V]) put(k K, v V) {
	w := v.weight()
	if w > g.bytes/8 {
		return
	}
	y := g.young.Load()
	size := y.size.Load()
	if before, there := y.entries.Swap(k, v); there {
		w -= before.(V).weight()
	} else {
		size = y.size.Add(1)
	}
	if bytes := y.bytes.Add(w); size < g.entries && bytes < g.bytes {
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
	if before, there := y.entries.LoadAndDelete(k); there {
		y.size.Add(-1)
		y.bytes.Add(-before.(V).weight())
	}
	g.old.Load().entries.Delete(k)
}

// once returns what is kept for k, or makes it; equal keys are made once at a time.
// What produce calls good is kept and given to those who wait; everything else is
// for nobody but who made it. The error is the context's, of who waits.
func (g *generations[K, V]) once(ctx context.Context, k K, produce func() (v V, good bool)) (V, error) {
	if v, ok := g.get(k); ok {
		return v, nil
	}
	v, _, err := g.flights.do(ctx, k, func() (V, bool) {
		v, good := produce()
		if good {
			g.put(k, v) // before anybody else can begin to make it
		}
		return v, good
	})
	return v, err
}

// flights lets equal questions that come at the same time wait for one answer.
type flights[K comparable, V any] struct {
	// apart lets answers be made by a goroutine of their own, so that nobody waits for
	// longer than its context, whatever holds up the one who makes them.
	apart bool
	mu    sync.Mutex
	now   map[K]*flight[V]
}

type flight[V any] struct {
	done   chan struct{}
	value  V
	shared bool // the value is good for others than the one who made it
	defect any  // of a panic; nil: there was none
}

// defectError is a panic while an answer was made.
type defectError struct{ value any }

func (e *defectError) Error() string {
	return fmt.Sprintf("an internal error, please report it: %v", e.value)
}

// do returns the value that produce makes, or that of somebody who is making it: mine
// says which. An error is the context's, or a [defectError]. A value that is not for
// others is made again by each.
func (f *flights[K, V]) do(ctx context.Context, k K, produce func() (value V, shared bool)) (v V, mine bool, err error) {
	for {
		f.mu.Lock()
		other := f.now[k]
		if other == nil {
			break
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return v, false, ctx.Err()
		case <-other.done:
			if other.shared {
				return other.value, false, nil
			}
			if ctx.Err() != nil {
				return v, false, ctx.Err()
			}
		}
	}
	m := &flight[V]{done: make(chan struct{})}
	if f.now == nil {
		f.now = map[K]*flight[V]{}
	}
	f.now[k] = m
	f.mu.Unlock()
	work := func() {
		defer func() { // those who wait make their own then
			m.defect = recover()
			f.mu.Lock()
			delete(f.now, k)
			f.mu.Unlock()
			close(m.done)
		}()
		m.value, m.shared = produce()
	}
	if f.apart {
		go work()
		select {
		case <-ctx.Done():
			return v, true, ctx.Err()
		case <-m.done:
		}
	} else {
		work()
	}
	if m.defect != nil {
		return v, true, &defectError{m.defect}
	}
	return m.value, true, nil
}
