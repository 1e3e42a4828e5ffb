package token

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// The tests of this file ask the kernel of a real Mac. They run where XPCPOLICY_LIVE is
// set: in the macOS job of .github/workflows/ci.yml.
const (
	liveVariable  = "XPCPOLICY_LIVE"
	childVariable = "XPCPOLICY_LIVE_CHILD" // where the child connects, and what it does then
)

func live(t *testing.T) Kernel {
	t.Helper()
	if os.Getenv(liveVariable) == "" {
		t.Skip(liveVariable + " is not set: no kernel is asked")
	}
	k, err := System()
	require.NoError(t, err)
	return k
}

// TestLiveChild is the other process of the tests below.
func TestLiveChild(t *testing.T) {
	path, then, _ := strings.Cut(os.Getenv(childVariable), " ")
	if path == "" {
		t.Skip("it runs for other tests only")
	}
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer c.Close()
	_, _ = c.Read(make([]byte, 1)) // until the test has asked about this program
	if then == "exec" {
		f, err := c.(*net.UnixConn).File() // the descriptor stays open
		require.NoError(t, err)
		_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_SETFD, 0)
		require.NoError(t, syscall.Exec("/bin/sleep", []string{"sleep", "30"}, nil))
	}
	_, _ = io.Copy(io.Discard, c)
}

// ownToken asks the kernel for the token of this process.
func ownToken(t *testing.T) AuditToken {
	t.Helper()
	lib, err := purego.Dlopen(libSystem, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	require.NoError(t, err)
	taskInfo, err := purego.Dlsym(lib, "task_info")
	require.NoError(t, err)
	self, err := purego.Dlsym(lib, "task_self_trap")
	require.NoError(t, err)
	task, _, _ := purego.SyscallN(self)
	const taskAuditToken = 15
	var tok AuditToken
	count := uint32(8)
	r, _, _ := purego.SyscallN(taskInfo, task, taskAuditToken, uintptr(unsafe.Pointer(&tok)), uintptr(unsafe.Pointer(&count)))
	runtime.KeepAlive(&tok)
	require.Zero(t, int32(r), "task_info")
	return tok
}

func TestLiveOwnToken(t *testing.T) {
	k := live(t)
	tok := ownToken(t)
	assert.Equal(t, uint32(os.Getpid()), tok.PID())
	assert.Equal(t, uint32(os.Geteuid()), tok.EffectiveUserID())
	st, err := k.Status(tok)
	require.NoError(t, err)
	t.Logf("status %s", st)
	path, err := k.Path(tok)
	require.NoError(t, err)
	own, err := os.Executable()
	require.NoError(t, err)
	own, err = filepath.EvalSymlinks(own)
	require.NoError(t, err)
	assert.Equal(t, own, path)
	other := tok
	other[28]++ // another version
	_, err = k.Status(other)
	assert.ErrorIs(t, err, ESRCH)

	s := Identify(context.Background(), k, tok, Options{Now: time.Now()})
	if runtime.GOARCH == "arm64" { // the linker signs there
		assert.NoError(t, s.Verified())
		assert.True(t, s.AdHoc().Or(false))
	}
	assert.Equal(t, uint32(os.Getppid()), s.Process.ParentPID.Or(0))
	assert.False(t, s.Process.Translated.Or(true))
}

// child starts a program that connects to a socket, and returns its token.
func child(t *testing.T, command func(socket string) *exec.Cmd) (*exec.Cmd, *net.UnixConn, AuditToken) {
	t.Helper()
	dir, err := os.MkdirTemp("", "live") // a socket's path has 103 bytes at most: no t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	defer l.Close()
	cmd := command(filepath.Join(dir, "s"))
	cmd.Stdin, cmd.Stderr = nil, os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.NoError(t, l.(*net.UnixListener).SetDeadline(time.Now().Add(30*time.Second)))
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	tok, err := FromConn(c.(*net.UnixConn))
	require.NoError(t, err)
	assert.Equal(t, uint32(cmd.Process.Pid), tok.PID())
	return cmd, c.(*net.UnixConn), tok
}

// again is this test program, signed as codesign is told.
func again(t *testing.T, then string, sign ...string) func(string) *exec.Cmd {
	t.Helper()
	own, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "child")
	require.NoError(t, os.WriteFile(path, own, 0o755))
	out, err := exec.Command("/usr/bin/codesign", append(append([]string{"--force"}, sign...), path)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return func(socket string) *exec.Cmd {
		cmd := exec.Command(path, "-test.run=^TestLiveChild$")
		cmd.Env = append(os.Environ(), childVariable+"="+strings.TrimSpace(socket+" "+then))
		return cmd
	}
}

func TestLiveSignedChild(t *testing.T) {
	k := live(t)
	_, _, tok := child(t, func(socket string) *exec.Cmd {
		cmd := exec.Command("/usr/bin/nc", "-U", socket)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		t.Cleanup(func() { _ = in.Close() })
		return cmd
	})
	s := Identify(context.Background(), k, tok, Options{Now: time.Now()})
	require.NoError(t, s.Verified())
	assert.Equal(t, "com.apple.nc", s.Identifier.Or(""))
	anchor := s.AnchorCert().Or(nil)
	assert.True(t, anchor != nil && anchor.AppleRoot)
	st, _, _ := s.Process.Status.Get()
	assert.NotZero(t, st&code.CSPlatformBinary)
}

func TestLiveAdHocChild(t *testing.T) {
	k := live(t)
	_, c, tok := child(t, again(t, "", "--sign", "-", "--identifier", "com.example.live", "--options", "runtime"))
	rec := NewRecorder(k)
	s := Identify(context.Background(), rec, tok, Options{Now: time.Now()})
	require.NoError(t, s.Verified())
	assert.Equal(t, "com.example.live", s.Identifier.Or(""))
	assert.True(t, s.AdHoc().Or(false))
	replayed := Identify(context.Background(), rec.Recording().Kernel(), tok, Options{Now: time.Now()})
	assert.NoError(t, replayed.Verified())
	assert.Equal(t, s.Process.CDHash, replayed.Process.CDHash)
	after, err := FromConn(c)
	require.NoError(t, err)
	assert.Equal(t, tok, after)
}

func TestLiveExecInPlace(t *testing.T) { // F02
	k := live(t)
	_, c, tok := child(t, again(t, "exec", "--sign", "-"))
	_, err := k.Status(tok)
	require.NoError(t, err)
	_, err = c.Write([]byte{0}) // now it becomes /bin/sleep, with the same identifier
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := k.Status(tok); return errors.Is(err, ESRCH) }, 20*time.Second, 10*time.Millisecond)
	s := Identify(context.Background(), k, tok, Options{Now: time.Now()})
	assert.Equal(t, code.StatusNoSuchCode, s.Validity.Status)
	if now, err := FromConn(c); err == nil {
		assert.NotEqual(t, tok, now)
		assert.Equal(t, tok.PID(), now.PID(), "the identifier is the same: it is no identity")
	}
}

func TestLiveDebuggedChild(t *testing.T) { // F05
	k := live(t)
	entitlements := filepath.Join(t.TempDir(), "e.plist")
	require.NoError(t, os.WriteFile(entitlements, []byte(`<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>com.apple.security.get-task-allow</key><true/></dict></plist>`), 0o644))
	cmd, _, tok := child(t, again(t, "", "--sign", "-", "--entitlements", entitlements))
	before, err := k.Status(tok)
	require.NoError(t, err)
	assert.Zero(t, before&code.CSDebugged)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "lldb", "--batch", "-o", "process attach --pid "+strconv.Itoa(cmd.Process.Pid), "-o", "process detach").CombinedOutput()
	if err != nil || strings.Contains(string(out), "attach failed") {
		t.Skipf("this machine lets nobody debug: %s", out)
	}
	after, err := k.Status(tok)
	require.NoError(t, err)
	assert.NotZero(t, after&code.CSDebugged, "%s", after)
}
