package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"xpcpolicy": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script"))
}

func params(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command ends a second later
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fixture":   cmdFixture,
			"tamper":    cmdTamper,
			"exits":     cmdExits,
			"recording": cmdRecording,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	}
}

// cmdFixture is `fixture NAME [FILE]`: it copies a program of examples/helper or
// fixtures/data, makes one of the programs below or a hostile vector, or copies
// all of examples, into the script's folder.
func cmdFixture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: fixture NAME [FILE]")
	}
	root := filepath.Join(testDir, "..", "..")
	name, file := args[0], ts.MkAbs(args[len(args)-1])
	for _, dir := range []string{"", "examples/helper", "fixtures/data"} {
		from := filepath.Join(root, dir, name)
		st, err := os.Stat(from)
		if err != nil {
			continue
		}
		if st.IsDir() {
			ts.Check(os.CopyFS(file, os.DirFS(from)))
			return
		}
		b, err := os.ReadFile(from)
		ts.Check(err)
		ts.Check(os.WriteFile(file, b, 0o755))
		return
	}
	build := programs[name]
	for _, v := range fixtures.Vectors() {
		if v.Name == name {
			build = v.Build
		}
	}
	if build == nil {
		ts.Fatalf("there is no fixture %q", name)
	}
	ts.Check(os.WriteFile(file, build(), 0o755))
}

// testDir is the folder of this test, before scripts change theirs.
var testDir = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

// programs are made for the scripts alone.
var programs = map[string]func() []byte{
	// two slices of one team with different identifiers, as honest software ships
	"two-identifiers": func() []byte {
		slice := func(a fixtures.Arch, id string) fixtures.FatSlice {
			o := fixtures.Good()
			o.Arches, o.Identifier = []fixtures.Arch{a}, id
			return a.Slice(fixtures.Sign(o))
		}
		return fixtures.Fat(slice(fixtures.X8664, "client-x86_64"), slice(fixtures.ARM64, "client-arm64"))
	},
	// what code may say of itself: true of everybody, of somebody else, of nobody knows whom
	"designated-always":    designating(`identifier "com.example.client" or anchor apple`),
	"designated-other":     designating(`identifier "com.example.other"`),
	"designated-notarized": designating(`identifier "com.example.client" and notarized`),
	// a name that turns the text behind it around
	"reversed-name": func() []byte {
		o := fixtures.Good()
		o.Info = map[string]any{"CFBundleName": "deny\u202eWOLLA"}
		return fixtures.Sign(o)
	},
}

// designating makes honest code with a designated requirement of its own.
func designating(text string) func() []byte {
	return func() []byte {
		set, err := requirement.ParseSet("test", "designated => "+text)
		if err != nil {
			panic(err)
		}
		o := fixtures.Good()
		o.Requirements = requirement.EncodeSet(set)
		return fixtures.Sign(o)
	}
}

// cmdTamper is `tamper FILE OFFSET`: it flips one bit of a file.
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper FILE OFFSET")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o755))
}

// cmdExits is `exits CODE COMMAND ARG...`: it runs a command that must end with
// exactly this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var e *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}
