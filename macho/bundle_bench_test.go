package macho

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// BenchmarkBundle verifies a bundle of 10,000 files with 20 KiB each.
func BenchmarkBundle(b *testing.B) {
	const files, size = 10_000, 20 << 10
	x := fixtures.F3()
	x.Files = fixtures.Tree{}
	for i := range files {
		x.Files[fmt.Sprintf("Resources/d%d/f%d.txt", i%40, i)] = fixtures.Node{Data: bytes.Repeat([]byte{byte(i), byte(i >> 8)}, size/2)}
	}
	dir := filepath.Join(b.TempDir(), "F3.app")
	require.NoError(b, x.Tree().Write(dir))
	b.SetBytes(files * size)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Verify(b.Context(), dir, options())
		require.NoError(b, err)
		require.NoError(b, s.Verified())
	}
}
