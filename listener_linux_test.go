package xpcpolicy_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// linuxPolicy allows a user, whatever the program.
func linuxPolicy(relax string, uid int) string {
	return fmt.Sprintf("apiVersion: xpcpolicy/v1\nname: dev\n%srules:\n  - name: me\n    allow: process.euid == %d\n", relax, uid)
}

const relaxLinux = "floor: {relax: linux-uid-only}\n"

// ownSocket is a connection of this process with itself.
func ownSocket(t *testing.T) net.Conn {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	out, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.Close() })
	in, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = in.Close() })
	if _, err := token.NewSocketPeer(in.(*net.UnixConn)); err != nil && strings.Contains(err.Error(), "SO_PEERPIDFD") {
		t.Skip("this Linux is older than 6.5: " + err.Error())
	}
	return in
}

func TestLinuxSocketsAreJudgedByTheirUserOnlyWhereThePolicySaysSo(t *testing.T) {
	t.Parallel()
	c := ownSocket(t)
	_, err := xpcpolicy.Open(writePolicy(t, "p.yaml", linuxPolicy("", os.Getuid())), xpcpolicy.GuardOptions{})
	assert.ErrorIs(t, err, token.ENOTSUP, "no program can be identified here")

	g, err := xpcpolicy.Open(writePolicy(t, "p.yaml", linuxPolicy(relaxLinux, os.Getuid())), xpcpolicy.GuardOptions{})
	require.NoError(t, err)
	defer g.Close()
	d := g.AllowConn(ctx, c, "")
	assert.True(t, d.Allow(), d.Message())
	assert.Contains(t, strings.Join(d.Warnings(), "\n"), "nobody verified which program it is")
	assert.False(t, g.Allow(ctx, tokenOf(t, uint32(os.Getpid()), 1)).Allow(), "a token is still no identity here")
	require.NoError(t, g.Close())
	assert.False(t, g.AllowConn(ctx, c, "").Allow())

	other, err := xpcpolicy.Open(writePolicy(t, "p.yaml", linuxPolicy(relaxLinux, os.Getuid()+1)), xpcpolicy.GuardOptions{})
	require.NoError(t, err)
	defer other.Close()
	d = other.AllowConn(ctx, c, "")
	assert.False(t, d.Allow())
	assert.Contains(t, strings.Join(d.Warnings(), "\n"), "linux-uid-only")
}

func TestOtherSocketsHaveNoPeer(t *testing.T) {
	t.Parallel()
	g, err := xpcpolicy.Open(writePolicy(t, "p.yaml", linuxPolicy(relaxLinux, os.Getuid())), xpcpolicy.GuardOptions{})
	require.NoError(t, err)
	defer g.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer out.Close()
	in, err := l.Accept()
	require.NoError(t, err)
	defer in.Close()
	d := g.AllowConn(ctx, in, "")
	assert.False(t, d.Allow())
	assert.Contains(t, d.Message(), "no Unix socket")
	pipe, _ := net.Pipe()
	assert.False(t, g.AllowConn(ctx, pipe, "").Allow())
	assert.False(t, g.AllowConn(ctx, nil, "").Allow())
}
