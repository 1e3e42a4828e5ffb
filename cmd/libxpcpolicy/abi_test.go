package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/testworld"
)

// compiler returns the C compiler, or skips the test: cgo needs one as well.
func compiler(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	require.NoError(t, err)
	values := strings.Fields(string(out))
	if len(values) < 2 || values[0] != "1" {
		t.Skip("cgo is off: the C library is not built")
	}
	if _, err := exec.LookPath(values[1]); err != nil {
		t.Skip("there is no C compiler: the C library is not built")
	}
	return values[1]
}

// buildArchive builds the static library, and returns its folder.
func buildArchive(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	run(t, exec.Command("go", "build", "-buildmode=c-archive", "-o", filepath.Join(dir, "libxpcpolicy.a"), "."))
	return dir
}

func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", cmd, out)
	return string(out)
}

func compile(t testing.TB, cc, lib, source string, flags ...string) string {
	t.Helper()
	program := filepath.Join(lib, strings.TrimSuffix(filepath.Base(source), ".c"))
	args := append([]string{"-O1", "-g", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o", program, source}, flags...)
	args = append(args, filepath.Join(lib, "libxpcpolicy.a"), "-lpthread")
	if runtime.GOOS == "darwin" {
		args = append(args, "-framework", "CoreFoundation", "-framework", "Security", "-lresolv")
	}
	run(t, exec.Command(cc, args...))
	return program
}

// callsWanted is how many questions the smoke test asks; `make c-abi` asks 100,000.
func callsWanted() string {
	if n := os.Getenv("XPCPOLICY_C_CALLS"); n != "" {
		return n
	}
	return "20000"
}

func TestCLibrary(t *testing.T) {
	t.Parallel()
	cc := compiler(t)
	lib := buildArchive(t)
	policy, recording := writeWorld(t)

	t.Run("the header is what the library exports", func(t *testing.T) {
		names := func(path, pattern string) []string {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(b, nil)
			var list []string
			for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(b, -1) {
				list = append(list, string(m[1]))
			}
			slices.Sort(list)
			return list
		}
		written := names("include/xpcpolicy.h", `(?m)^[a-z].*?\b(xpcpolicy_[a-z_]+)\(`)
		assert.Len(t, written, 9)
		assert.Equal(t, names(filepath.Join(lib, "libxpcpolicy.h"), `(?m)^extern .*?\b(xpcpolicy_[a-z_]+)\(`), written)
	})
	t.Run("the header is C99, C11 and C++", func(t *testing.T) {
		source := filepath.Join(t.TempDir(), "header.c")
		require.NoError(t, os.WriteFile(source, []byte("#include \"xpcpolicy.h\"\nxpcpolicy_decision d = XPCPOLICY_DECISION_INIT;\nxpcpolicy_options o = XPCPOLICY_OPTIONS_INIT;\n"), 0o644))
		for _, flags := range [][]string{{"-x", "c", "-std=c99", "-pedantic"}, {"-x", "c", "-std=c11"}, {"-x", "c++", "-std=c++11"}} {
			if _, err := exec.LookPath("c++"); err != nil && flags[1] == "c++" {
				continue
			}
			run(t, exec.Command(cc, append(flags, "-Wall", "-Werror", "-fsyntax-only", "-Iinclude", source)...))
		}
	})
	t.Run("eight threads under the address sanitizer", func(t *testing.T) {
		smoke := compile(t, cc, lib, "testdata/smoke.c", "-fsanitize=address,undefined")
		cmd := exec.Command(smoke, policy, recording, client.Token().String(), stranger.Token().String(), "8", callsWanted())
		cmd.Env = append(os.Environ(), "ASAN_OPTIONS=halt_on_error=1")
		if runtime.GOOS == "linux" { // the sanitizer finds leaks there
			cmd.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=1:halt_on_error=1")
		}
		out := run(t, cmd)
		assert.Contains(t, out, "ok "+callsWanted()+" calls, 8 threads")
		assert.Contains(t, out, "RECORDING", "it says on standard error what it rests on")
	})
	t.Run("the example server", func(t *testing.T) {
		server := compile(t, cc, lib, "../../examples/embed/c/server.c")
		if runtime.GOOS == "darwin" {
			return // it is an XPC service there
		}
		cmd := exec.Command(server, policy, recording)
		cmd.Stdin = strings.NewReader(client.Token().String() + " read\n" + stranger.Token().String() + " read\nnonsense\n")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		require.NoError(t, cmd.Run())
		assert.Equal(t, "done\nrefused\nno token\n", out.String())
		assert.Contains(t, errs.String(), "floor:certificate")
		assert.Error(t, exec.Command(server, "nowhere.yaml", recording).Run(), "without a policy it does not start")
	})
	t.Run("a shared library", func(t *testing.T) {
		run(t, exec.Command("go", "build", "-buildmode=c-shared", "-o", filepath.Join(lib, "libxpcpolicy.so"), "."))
	})
}

func TestWithoutCGOItSaysWhy(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "lib")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	run(t, cmd)
	out, err := exec.Command(program).CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(out), "CGO_ENABLED=1")
}

// TestOverheadOfC compares a question from C with the same one from Go, in pairs. It
// measures, so that it runs by `make c-abi` alone.
func TestOverheadOfC(t *testing.T) {
	if os.Getenv("XPCPOLICY_C_BENCH") == "" {
		t.Skip("XPCPOLICY_C_BENCH is not set: nothing is measured")
	}
	cc := compiler(t)
	lib := buildArchive(t)
	policy, recording := writeWorld(t)
	bench := compile(t, cc, lib, "testdata/bench.c", "-O2")
	g, err := xpcpolicy.Open(policy, xpcpolicy.GuardOptions{Strength: code.StrengthMessage, Kernel: testworld.Record(client, stranger).Kernel()})
	require.NoError(t, err)
	defer g.Close()
	const calls = 500_000
	var fromC, fromGo, more []float64
	for range 9 {
		out, err := exec.Command(bench, policy, recording, client.Token().String(), strconv.Itoa(calls)).Output()
		require.NoError(t, err)
		c, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		require.NoError(t, err)
		tok, ctx, begin := client.Token(), context.Background(), time.Now()
		for range calls {
			if !g.Allow(ctx, tok).Allow() {
				t.Fatal("denied")
			}
		}
		own := float64(time.Since(begin).Nanoseconds()) / calls
		fromC, fromGo, more = append(fromC, c), append(fromGo, own), append(more, c-own)
	}
	median := func(f []float64) float64 { slices.Sort(f); return f[len(f)/2] }
	t.Logf("from C %.0f ns, from Go %.0f ns, more from C %.0f ns (medians of %d pairs)", median(fromC), median(fromGo), median(more), len(more))
	assert.LessOrEqual(t, median(more), 250.0)
}
