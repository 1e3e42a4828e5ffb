package xpcpolicy_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// program is one kind of code that a process of the test world may run.
type program struct {
	name    string
	file    []byte
	cdhash  []byte
	id      string
	team    string
	der     []byte // the kernel's blob; nil: no entitlements
	allowed bool   // by worldPolicy, while nothing is wrong with the process
	flags   code.KernelFlags
}

// worldPolicy allows current, hardened clients of one team.
const worldPolicy = `apiVersion: xpcpolicy/v1
name: world
trust:
  apple: false
  roots: 9334129cbf1bfe6a068cd19f5f83b46a70f4b4d6f6dd7301abece0f18e87ada1
peers:
  client:
    team: ABCDE12345
    identifiers: com.example.client
    min_version: "2.0"
rules:
  - name: clients
    allow: matches("client")
`

const healthy = code.CSValid | code.CSSigned | code.CSHard | code.CSKill | code.CSRuntime | code.CSEnforcement

func makeProgram(name string, allowed bool, o fixtures.Options) *program {
	s := fixtures.SignSlice(o, fixtures.X8664)
	p := &program{name: name, file: s.Bytes, cdhash: s.CDHash(), id: o.Identifier, team: fixtures.Team, allowed: allowed, flags: healthy}
	if p.id == "" {
		p.id = "com.example.client"
	}
	if o.AdHoc {
		p.team, p.flags = "", healthy|code.CSAdHoc
	}
	if o.Entitlements != nil {
		p.der = fixtures.EntitlementsDER(o.Entitlements)
	}
	return p
}

// programs are an honest client and those that the policy must not let in.
func programs() []*program {
	change := func(f func(*fixtures.Options)) fixtures.Options {
		o := fixtures.Good()
		f(&o)
		return o
	}
	return []*program{
		makeProgram("client", true, fixtures.Good()),
		makeProgram("client 2.2", true, change(func(o *fixtures.Options) { o.Version = "2.2.0" })),
		makeProgram("old client", false, change(func(o *fixtures.Options) { o.Version = "1.9.9" })),
		makeProgram("other product", false, change(func(o *fixtures.Options) { o.Identifier = "com.example.other" })),
		makeProgram("ad hoc with the same identifier", false, change(func(o *fixtures.Options) { o.AdHoc, o.Timestamp = true, false })),
		makeProgram("debuggable", false, change(func(o *fixtures.Options) {
			o.Entitlements = map[string]any{"com.apple.security.get-task-allow": true}
		})),
		makeProgram("not hardened", false, change(func(o *fixtures.Options) { o.Flags, o.Runtime = 0, 0 })),
	}
}

// world is a kernel in memory with files on disk. Processes exec, exit, are debugged,
// and get identifiers of others; files are replaced.
type world struct {
	mu      sync.Mutex
	dir     string
	version uint32                 // of the last fork or exec
	pids    map[uint32]*process    // living ones
	images  map[[2]uint32]*program // which program each pid and version ever ran
	asked   int
	before  func(what string) // called before each answer; nil: nothing
}

type process struct {
	version uint32
	program *program
	path    string
	flags   code.KernelFlags
}

func newWorld(t testing.TB) *world {
	return &world{dir: t.TempDir(), pids: map[uint32]*process{}, images: map[[2]uint32]*program{}}
}

// exec lets a process, new or not, run a program, whose file is written as well.
func (w *world) exec(t testing.TB, pid uint32, p *program) token.AuditToken {
	t.Helper()
	path := filepath.Join(w.dir, strings.ReplaceAll(p.name, " ", "-"))
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, p.file) {
		w.replace(t, path, p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.pids[pid] = &process{version: w.version, program: p, path: path, flags: p.flags}
	w.images[[2]uint32{pid, w.version}] = p
	return tokenOf(t, pid, w.version)
}

func tokenOf(t testing.TB, pid, version uint32) token.AuditToken {
	var b []byte
	for _, v := range []uint32{501, 501, 20, 501, 20, pid, 100, version} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	tok, err := token.Parse(b)
	require.NoError(t, err)
	return tok
}

// replace puts another program's file in place of one.
func (w *world) replace(t testing.TB, path string, p *program) {
	require.NoError(t, os.WriteFile(path+".new", p.file, 0o755))
	require.NoError(t, os.Rename(path+".new", path))
}

func (w *world) set(pid uint32, change func(*process)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.pids[pid]; p != nil {
		change(p)
	}
}

func (w *world) exit(pid uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pids, pid)
}

func (w *world) process(t token.AuditToken, what string) (process, error) {
	if w.before != nil {
		w.before(what)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	p := w.pids[t.PID()]
	if p == nil || p.version != t.PIDVersion() {
		return process{}, token.ESRCH
	}
	return *p, nil
}

func (w *world) Status(t token.AuditToken) (code.KernelFlags, error) {
	p, err := w.process(t, "status")
	return p.flags, err
}

func (w *world) CSOps(t token.AuditToken, op token.Op, buf []byte) error {
	p, err := w.process(t, op.String())
	if err != nil {
		return err
	}
	text := func(s string) []byte {
		return append(append(binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(s)+9)), s...), 0)
	}
	var b []byte
	switch op {
	case token.OpCDHash:
		b = p.program.cdhash
	case token.OpSliceOffset:
		b = make([]byte, 8)
	case token.OpIdentity:
		b = text(p.program.id)
	case token.OpTeamID:
		if p.program.team == "" {
			return token.ENOENT
		}
		b = text(p.program.team)
	case token.OpEntitlementsDER:
		b = p.program.der
	default:
		return token.EINVAL
	}
	if len(b) > len(buf) { // the kernel says how long the answer is
		clear(buf[:4])
		binary.BigEndian.PutUint32(buf[4:], uint32(len(b)))
		return token.ERANGE
	}
	copy(buf, b)
	return nil
}

func (w *world) Path(t token.AuditToken) (string, error) {
	p, err := w.process(t, "path")
	return p.path, err
}

func (w *world) Open(path string) (token.Image, error) { return token.OpenImage(path) }

// writePolicy writes files into a folder of their own, and returns the path of the first.
func writePolicy(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644))
	}
	return filepath.Join(dir, files[0])
}
