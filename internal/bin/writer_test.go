package bin

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriterWritesWhatTheReaderReads(t *testing.T) {
	t.Parallel()
	var w Writer
	at := w.Len()
	w.Uint32(0)
	w.Uint8(1)
	w.Uint16(0x0203)
	w.Uint64(0x0405060708090a0b)
	w.Bytes([]byte("xy"))
	w.Pad(4)
	w.PutUint32At(at, uint32(w.Len()))
	w.Pad(4)

	r := NewReader(w.Data(), 0)
	assert.Equal(t, uint32(20), r.Uint32("length"))
	assert.Equal(t, uint8(1), r.Uint8("a"))
	assert.Equal(t, uint16(0x0203), r.Uint16("b"))
	assert.Equal(t, uint64(0x0405060708090a0b), r.Uint64("c"))
	assert.Equal(t, []byte("xy\x00\x00\x00"), r.Bytes(5, "text and padding"))
	assert.Zero(t, r.Len(), "padding of a multiple adds nothing")
	require.NoError(t, r.Err())
}
