package main

import (
	"iter"
	"runtime"
	"sync"
)

// pipeline does work in parallel and hands out the results in the order of the
// items. The zero value uses one worker for each processor.
type pipeline[T, R any] struct {
	work  func(T) R     // runs in several goroutines
	emit  func(R) error // runs in one; an error stops everything
	idle  func()        // runs before emit has to wait; may be nil
	ahead int           // how many items may be begun before the first is emitted; 0: 64
}

// step is one item on its way. panicked is the defect that ended its work.
type step[T, R any] struct {
	item     T
	out      R
	panicked any
	ready    chan struct{}
}

// run ends when all items are emitted, or emit failed. Nothing runs any more when
// it returns. A panic of items or work is one of run.
func (p pipeline[T, R]) run(items iter.Seq[T]) error {
	workers := runtime.GOMAXPROCS(0)
	ahead := p.ahead
	if ahead == 0 {
		ahead = 64
	}
	queue := make(chan *step[T, R], workers)
	order := make(chan *step[T, R], ahead)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() { produce(items, order, queue, stop) })
	for range workers {
		wg.Go(func() {
			for s := range queue {
				p.do(s)
			}
		})
	}
	for s := range order {
		select {
		case <-s.ready:
		default:
			if p.idle != nil {
				p.idle()
			}
			<-s.ready
		}
		if s.panicked != nil {
			panic(s.panicked)
		}
		if err := p.emit(s.out); err != nil {
			return err
		}
	}
	return nil
}

// produce puts each item into both channels, in one order: whoever takes a step
// from the queue knows that all steps before it were taken.
func produce[T, R any](items iter.Seq[T], order, queue chan<- *step[T, R], stop <-chan struct{}) {
	defer close(order)
	defer close(queue)
	defer func() {
		if v := recover(); v != nil {
			s := &step[T, R]{panicked: v, ready: make(chan struct{})}
			close(s.ready)
			select {
			case order <- s:
			case <-stop:
			}
		}
	}()
	for item := range items {
		s := &step[T, R]{item: item, ready: make(chan struct{})}
		select {
		case order <- s:
		case <-stop:
			return
		}
		select {
		case queue <- s:
		case <-stop:
			return
		}
	}
}

func (p pipeline[T, R]) do(s *step[T, R]) {
	defer func() {
		s.panicked = recover()
		close(s.ready)
	}()
	s.out = p.work(s.item)
}
