package bin

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReaderReadsBothOrders(t *testing.T) {
	t.Parallel()
	in := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	for name, tt := range map[string]struct {
		order Order
		u16   uint16
		u32   uint32
		u64   uint64
	}{
		"big-endian puts the high byte first":   {BigEndian, 0x0203, 0x04050607, 0x08090a0b0c0d0e0f},
		"little-endian puts the low byte first": {LittleEndian, 0x0302, 0x07060504, 0x0f0e0d0c0b0a0908},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReaderOrder(in, 0x4000, tt.order)
			assert.Equal(t, uint8(1), r.Uint8("a"))
			assert.Equal(t, tt.u16, r.Uint16("b"))
			assert.Equal(t, tt.u32, r.Uint32("c"))
			assert.Equal(t, tt.u64, r.Uint64("d"))
			assert.Equal(t, int64(0x400f), r.Off())
			assert.Zero(t, r.Len())
			require.NoError(t, r.Err())
		})
	}
}

func TestReaderRemembersOnlyTheFirstShortRead(t *testing.T) {
	t.Parallel()
	r := NewReader([]byte{0, 0, 0, 9, 1, 2}, 16)
	assert.Equal(t, uint32(9), r.Uint32("length"))
	assert.Nil(t, r.Bytes(3, "body"))
	assert.Zero(t, r.Len(), "the rest of the input is dropped")
	assert.Zero(t, r.Uint8("tail"), "a later read that would have fitted returns zero")
	assert.Equal(t, int64(20), r.Off())

	var short *ShortError
	require.True(t, errors.As(r.Err(), &short))
	assert.Equal(t, ShortError{What: "body", Off: 20, Wanted: 3, Have: 2}, *short)
	assert.Equal(t, "body at 0x14: want 3 bytes, have 2", short.Error())
}

func TestReaderZeroLengthReadFailsAfterAFailure(t *testing.T) {
	t.Parallel()
	r := NewReader(nil, 0)
	assert.NotNil(t, r.Bytes(0, "nothing"), "nil means failure")
	require.NoError(t, r.Err())
	r.Skip(1, "one")
	assert.Nil(t, r.Bytes(0, "nothing"))
	require.Error(t, r.Err())
}

func TestReaderBytesCannotBeAppendedIntoTheInput(t *testing.T) {
	t.Parallel()
	in := []byte{1, 2, 3, 4}
	r := NewReader(in, 0)
	_ = append(r.Bytes(2, "head"), 9)
	assert.Equal(t, []byte{1, 2, 3, 4}, in)
}

func TestCount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   []byte
		size uint32
		want uint32
		ok   bool
	}{
		"elements that fit are counted":           {[]byte{0, 0, 0, 2, 1, 2, 3, 4}, 2, 2, true},
		"one element too many is refused":         {[]byte{0, 0, 0, 3, 1, 2, 3, 4}, 2, 0, false},
		"a product beyond 32 bits does not wrap":  {[]byte{0x80, 0, 0, 0, 1, 2, 3, 4}, 2, 0, false},
		"the largest product does not wrap":       {[]byte{255, 255, 255, 255}, 0xffffffff, 0, false},
		"elements of no size count as one byte":   {[]byte{0, 0, 0, 5, 1, 2, 3, 4}, 0, 0, false},
		"a count that is cut off is refused":      {[]byte{0, 0, 0}, 1, 0, false},
		"no elements need no bytes":               {[]byte{0, 0, 0, 0}, 8, 0, true},
		"no elements in front of other fields":    {[]byte{0, 0, 0, 0, 1}, 8, 0, true},
		"one element of exactly the rest is fine": {[]byte{0, 0, 0, 1, 1, 2}, 2, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReader(tt.in, 0)
			assert.Equal(t, tt.want, r.Count(tt.size, "count"))
			assert.Equal(t, tt.ok, r.Err() == nil)
		})
	}
}

func TestReaderDoesNotAllocate(t *testing.T) {
	in := make([]byte, 64)
	var sink uint64
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		r := NewReaderOrder(in, 0, LittleEndian)
		sink += uint64(r.Count(4, "count")) + uint64(r.Uint8("a")) + uint64(r.Uint16("b"))
		sink += r.Uint64("c") + uint64(len(r.Bytes(8, "d")))
		if r.Err() != nil {
			sink++
		}
		r.Skip(1000, "short")
		sink += r.Uint64("after") + uint64(r.Len()) + uint64(r.Off())
	}))
	assert.NotZero(t, sink)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 1, 2, 3, 4}, []byte{5, 4, 1, 2, 3})
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, in, ops []byte) {
		r := NewReader(in, 100)
		for _, op := range ops {
			before, failed := r.Len(), r.Err() != nil
			switch op % 6 {
			case 0:
				r.Uint8("u8")
			case 1:
				r.Uint16("u16")
			case 2:
				r.Uint32("u32")
			case 3:
				r.Uint64("u64")
			case 4:
				r.Count(uint32(op), "count")
			case 5:
				if b := r.Bytes(uint32(op), "bytes"); b != nil {
					require.Len(t, b, int(op))
				}
			}
			require.LessOrEqual(t, r.Len(), before)
			if failed {
				require.Error(t, r.Err(), "a failure is never forgotten")
			}
			if r.Err() == nil {
				require.Equal(t, int64(100+len(in)-r.Len()), r.Off(), "the offset follows what was read")
			} else {
				require.Zero(t, r.Len())
			}
		}
	})
}
