package decisionlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options say what a [Log] does when there is more to write than it may or can.
// The zero value writes everything, and gives a full queue 5 ms before a denial is
// dropped.
type Options struct {
	// AllowsPerSecond is how many allows are written in a second, by the times of
	// the entries; 0: all. Denials are never limited.
	AllowsPerSecond float64
	// Burst is how many allows may come at once; 0: one second's worth, at least 1.
	Burst int
	// Queue is how many entries wait for the sink; 0: 1024.
	Queue int
	// Wait is how long a decision waits for room to log a denial; 0: 5 ms. Allows
	// do not wait.
	Wait time.Duration
}

// Stats count what became of entries.
type Stats struct {
	Written        uint64
	Failed         uint64 // the sink returned an error, or had a defect
	LimitedAllows  uint64 // over AllowsPerSecond
	DroppedAllows  uint64 // the queue was full
	DroppedDenials uint64 // the queue was full for longer than Wait
}

// Log is a sink in front of another one, which it keeps from ever holding up a
// decision: entries wait in a queue, and one goroutine writes them.
type Log struct {
	sink  Sink
	o     Options
	queue chan Entry
	stop  chan struct{} // closed when no more entries are taken
	done  chan struct{} // closed when everything is written

	waiting sync.WaitGroup // denials that wait for room

	mu     sync.Mutex
	closed bool
	stats  Stats
	lost   Dropped // since the last entry that was written
	tokens float64
	last   time.Time
}

// New starts a log over a sink.
func New(sink Sink, o Options) *Log {
	if o.Queue <= 0 {
		o.Queue = 1024
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Millisecond
	}
	if o.Burst <= 0 {
		o.Burst = max(1, int(o.AllowsPerSecond))
	}
	l := &Log{sink: sink, o: o, queue: make(chan Entry, o.Queue), stop: make(chan struct{}), done: make(chan struct{}), tokens: float64(o.Burst)}
	go l.write()
	return l
}

// Errors of [Log.Log]. The entry is lost, and counted.
var (
	ErrFull    = errors.New("the decision log cannot keep up")
	ErrLimited = errors.New("the decision log writes no more allows in this second")
	ErrClosed  = errors.New("the decision log is closed")
)

// Log puts an entry into the queue. For an allow it returns at once; for everything
// else it waits for room, but no longer than Options.Wait and the context.
func (l *Log) Log(ctx context.Context, e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	allow := e.Result == "allow"
	switch {
	case l.closed:
		l.drop(allow)
		return ErrClosed
	case allow && !l.admit(e.Time):
		l.stats.LimitedAllows++
		l.lost.Allows++
		return ErrLimited
	}
	select {
	case l.queue <- e:
		return nil
	default:
	}
	if allow {
		l.drop(true)
		return ErrFull
	}
	l.waiting.Add(1)
	l.mu.Unlock() // the writer takes the lock to count
	err := l.wait(ctx, e)
	l.waiting.Done()
	l.mu.Lock()
	if err != nil {
		l.drop(false)
	}
	return err
}

// wait puts an entry into the queue as soon as there is room.
func (l *Log) wait(ctx context.Context, e Entry) error {
	t := time.NewTimer(l.o.Wait)
	defer t.Stop()
	select {
	case l.queue <- e:
		return nil
	case <-t.C:
		return ErrFull
	case <-l.stop:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrFull, ctx.Err())
	}
}

// drop counts an entry that will not be written. l.mu is held.
func (l *Log) drop(allow bool) {
	if allow {
		l.stats.DroppedAllows++
		l.lost.Allows++
		return
	}
	l.stats.DroppedDenials++
	l.lost.Denials++
}

// admit takes a token for an allow. l.mu is held.
func (l *Log) admit(now time.Time) bool {
	if l.o.AllowsPerSecond <= 0 {
		return true
	}
	if passed := now.Sub(l.last).Seconds(); passed > 0 {
		l.tokens = min(float64(l.o.Burst), l.tokens+passed*l.o.AllowsPerSecond)
		l.last = now
	}
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// write hands entries to the sink until the queue is closed.
func (l *Log) write() {
	defer close(l.done)
	for e := range l.queue {
		l.mu.Lock()
		if l.lost != (Dropped{}) {
			lost := l.lost
			e.Dropped, l.lost = &lost, Dropped{}
		}
		l.mu.Unlock()
		err := l.send(e)
		l.mu.Lock()
		if err != nil {
			l.stats.Failed++
			if e.Dropped != nil { // nobody was told
				l.lost.Allows += e.Dropped.Allows
				l.lost.Denials += e.Dropped.Denials
			}
			if e.Result == "allow" {
				l.lost.Allows++
			} else {
				l.lost.Denials++
			}
		} else {
			l.stats.Written++
		}
		l.mu.Unlock()
	}
}

// send turns a panic of the sink into an error: a log must not take a server down.
func (l *Log) send(e Entry) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the sink has a defect: %v", v)
		}
	}()
	return l.sink.Log(context.Background(), e)
}

// Stats returns the counts so far.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close writes what waits, for as long as the context lasts, and takes no more. What
// was dropped after the last entry stands in Stats alone.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.stop)
		go func() {
			l.waiting.Wait()
			close(l.queue)
		}()
	}
	l.mu.Unlock()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
