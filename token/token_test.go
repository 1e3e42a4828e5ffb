package token

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func words(ws ...uint32) []byte {
	var b []byte
	for _, w := range ws {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":        nil,
		"31 bytes":       make([]byte, 31),
		"33 bytes":       make([]byte, 33),
		"all ones":       bytes.Repeat([]byte{0xff}, 32),
		"all zeros":      make([]byte, 32),
		"process 0":      words(501, 501, 20, 501, 20, 0, 100, 7),
		"process -1":     words(501, 501, 20, 501, 20, unset, 100, 7),
		"its hex digits": []byte("f501000000"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(b)
			assert.Equal(t, code.StatusInvalidAttributeValues, code.StatusOf(err))
			assert.Equal(t, AuditToken{}, got)
		})
	}
	for _, s := range []string{"", "zz", "f5", "0x00"} {
		_, err := ParseHex(s)
		assert.Error(t, err, s)
	}
}

func TestWordsHaveTheirNames(t *testing.T) {
	t.Parallel()
	b := words(501, 1, 2, 3, 4, 5, 6, 7)
	tok, err := Parse(b)
	require.NoError(t, err)
	auid, set := tok.AuditUserID()
	assert.True(t, set)
	assert.Equal(t, []uint32{501, 1, 2, 3, 4, 5, 6, 7}, []uint32{auid, tok.EffectiveUserID(), tok.EffectiveGroupID(), tok.RealUserID(),
		tok.RealGroupID(), tok.PID(), tok.AuditSessionID(), tok.PIDVersion()})
	again, err := ParseHex(tok.String())
	require.NoError(t, err)
	assert.Equal(t, tok, again)
	daemon, err := Parse(words(unset, 0, 0, 0, 0, 88, 100, 9))
	require.NoError(t, err)
	_, set = daemon.AuditUserID()
	assert.False(t, set, "a daemon has no audit user")
}

func ExampleParseHex() {
	t, err := ParseHex("f5010000 f5010000 14000000 f5010000 14000000 2d040000 a5860100 0f130000")
	fmt.Println(t.PID(), t.PIDVersion(), t.EffectiveUserID(), err)
	_, err = ParseHex("2d04")
	fmt.Println(err)
	// Output:
	// 1069 4879 501 <nil>
	// audit token: an audit token has 32 bytes, found 2 (errSecCSInvalidAttributeValues)
}

func FuzzParseHex(f *testing.F) {
	f.Add("f5010000f5010000140000 00f5010000140000002d040000a58601000f130000")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := ParseHex(s)
		if err != nil {
			return
		}
		if again, err := ParseHex(tok.String()); err != nil || again != tok || tok.PID() == 0 {
			t.Fatalf("%q gave %v", s, tok)
		}
	})
}
