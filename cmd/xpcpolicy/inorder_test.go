package main

import (
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestPipelineKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var got []int
	idle := 0
	err := pipeline[int, int]{
		work: func(i int) int {
			time.Sleep(time.Duration(i%7) * time.Millisecond)
			return i
		},
		emit: func(i int) error { got = append(got, i); return nil },
		idle: func() { idle++ },
	}.run(upTo(200))
	require.NoError(t, err)
	assert.True(t, slices.IsSorted(got))
	assert.Len(t, got, 200)
	assert.Positive(t, idle, "who waits is told before")
}

func TestPipelineRunsNotFarAhead(t *testing.T) {
	t.Parallel()
	var begun atomic.Int64
	first := make(chan struct{})
	go func() {
		time.Sleep(50 * time.Millisecond)
		close(first)
	}()
	emitted := 0
	err := pipeline[int, int]{
		ahead: 8,
		work: func(i int) int {
			if begun.Add(1); i == 0 {
				<-first
			}
			return i
		},
		emit: func(i int) error {
			if i == 0 { // all others had time, and no room
				assert.LessOrEqual(t, begun.Load(), int64(8+2))
			}
			emitted++
			return nil
		},
	}.run(upTo(1000))
	require.NoError(t, err)
	assert.Equal(t, 1000, emitted)
}

func TestPipelineStops(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	var worked atomic.Int64
	err := pipeline[int, int]{
		work: func(i int) int { worked.Add(1); return i },
		emit: func(i int) error {
			if i == 10 {
				return full
			}
			return nil
		},
	}.run(upTo(1 << 40))
	assert.ErrorIs(t, err, full)
	after := worked.Load()
	time.Sleep(5 * time.Millisecond)
	assert.Equal(t, after, worked.Load(), "nothing runs any more")
}

func TestPipelineCarriesADefectToItsCaller(t *testing.T) {
	t.Parallel()
	work := func(i int) int {
		if i == 3 {
			panic("defect in work")
		}
		return i
	}
	emit := func(int) error { return nil }
	assert.PanicsWithValue(t, "defect in work", func() { _ = pipeline[int, int]{work: work, emit: emit}.run(upTo(100)) })
	items := func(yield func(int) bool) {
		yield(0)
		panic("defect in items")
	}
	assert.PanicsWithValue(t, "defect in items", func() { _ = pipeline[int, int]{work: func(i int) int { return i }, emit: emit}.run(items) })
}
