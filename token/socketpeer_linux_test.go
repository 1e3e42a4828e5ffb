package token

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const dialVariable = "XPCPOLICY_TEST_DIAL"

// TestDialForAnotherTest is the other process of the test below.
func TestDialForAnotherTest(t *testing.T) {
	path := os.Getenv(dialVariable)
	if path == "" {
		t.Skip("it runs for another test only")
	}
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test lets go
	assert.NoError(t, c.Close())
}

func TestSocketPeerIsHeldOnTo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer l.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestDialForAnotherTest$")
	child.Env = append(os.Environ(), dialVariable+"="+path)
	hold, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()

	_, err = FromConn(c.(*net.UnixConn))
	assert.ErrorIs(t, err, ENOTSUP, "Linux has no audit tokens")
	_, err = FromConn(nil)
	assert.Error(t, err)

	p, err := NewSocketPeer(c.(*net.UnixConn))
	if err != nil && strings.Contains(err.Error(), "SO_PEERPIDFD") {
		t.Skip("this Linux is older than 6.5: " + err.Error())
	}
	require.NoError(t, err)
	s := p.Subject()
	assert.Equal(t, code.OriginSocket, s.Origin)
	assert.Equal(t, uint32(child.Process.Pid), s.Process.PID())
	assert.Equal(t, uint32(os.Getuid()), s.Process.Token[1])
	assert.Equal(t, code.StrengthWeak, s.Process.Strength)
	assert.Error(t, s.Verified(), "nothing was verified")
	assert.NoError(t, p.Alive())
	require.NoError(t, hold.Close())
	require.NoError(t, child.Wait())
	assert.ErrorIs(t, p.Alive(), ESRCH, "also when somebody else has its identifier by now")
	assert.NoError(t, p.Close())
}
