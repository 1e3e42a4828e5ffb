package macho

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// TestStapledTicketsAreFoundAndProveNothing is row E40: the ticket of another
// program looks the same.
func TestStapledTicketsAreFoundAndProveNothing(t *testing.T) {
	t.Parallel()
	ticket := fixtures.Ticket("another program")
	o := fixtures.Good()
	o.SuperBlob = func(b *fixtures.SuperBlob) {
		b.Add(fixtures.SlotTicket, fixtures.Blob(fixtures.MagicWrapper, ticket))
	}
	program := verifyBytes(t, fixtures.Sign(o))
	require.NoError(t, program.Verified(), describe(program))

	dir := filepath.Join(t.TempDir(), "App.app")
	tree := fixtures.Bundle{Name: "App", Code: fixtures.Good()}.Tree()
	tree["Contents/CodeResources"] = fixtures.Node{Data: ticket}
	require.NoError(t, tree.Write(dir))
	app, err := Inspect(t.Context(), dir, Options{Now: fixtures.Clock})
	require.NoError(t, err)

	for name, s := range map[string]*code.Subject{"program": program, "app": app} {
		assert.Equal(t, code.Known(int64(len(ticket))), s.StapledTicket, name)
		assert.True(t, s.Notarized.IsUnknown(), name)
	}
	assert.True(t, verifyBytes(t, fixtures.F1()).StapledTicket.IsAbsent())
}

func TestBundlesTakeNoDetachedSignature(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "App.app")
	require.NoError(t, fixtures.Bundle{Name: "App", Code: fixtures.Good()}.Tree().Write(dir))
	d := fixtures.SignDetached(fixtures.Options{})
	s, err := Verify(t.Context(), dir, Options{Now: fixtures.Clock, Detached: d.Signature})
	require.NoError(t, err)
	assert.Equal(t, code.StatusNotSupported, s.Validity.Status, describe(s))
	assert.Error(t, s.Verified())
}
