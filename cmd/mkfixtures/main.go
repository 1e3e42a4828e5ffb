// Command mkfixtures writes the signed sample programs that the repository keeps
// as files, fixtures/data and examples/helper, and the digests of all vectors,
// fixtures/testdata/vectors.sha256.
//
//	go run ./cmd/mkfixtures          # write them
//	go run ./cmd/mkfixtures -check   # compare, exit 1 when one differs
//
// Run it in the root of the repository. It does not delete files it no longer
// makes; -check names them. The structures follow the sources that package
// fixtures lists.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func main() {
	check := flag.Bool("check", false, "compare the files with what would be written")
	flag.Parse()
	os.Exit(run(".", *check, os.Stdout, os.Stderr))
}

// folders maps each generated folder to its content.
func folders() map[string]fixtures.Tree {
	return map[string]fixtures.Tree{
		"fixtures/data":   fixtures.Data(),
		"examples/helper": fixtures.HelperExample(),
		// Vectors are made when a test wants them; their digests are kept.
		"fixtures/testdata": {"vectors.sha256": {Data: fixtures.Digests()}},
	}
}

// run writes or compares below root and returns the exit code.
func run(root string, check bool, stdout, stderr io.Writer) int {
	differences := 0
	all := folders()
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		tree, path := all[dir], filepath.Join(root, filepath.FromSlash(dir))
		if !check {
			if err := write(path, tree); err != nil {
				fmt.Fprintln(stderr, "mkfixtures:", err)
				return 1
			}
			continue
		}
		for _, d := range compare(path, tree, dir == "fixtures/data") {
			fmt.Fprintf(stderr, "%s/%s\n", dir, d)
			differences++
		}
	}
	if differences > 0 {
		return 1
	}
	fmt.Fprintf(stdout, "test root: sha256 %x\n", fixtures.RootSHA256())
	return 0
}

// write replaces links, which cannot be overwritten, and then the rest.
func write(path string, tree fixtures.Tree) error {
	for name, n := range tree {
		if n.Link == "" {
			continue
		}
		if err := os.Remove(filepath.Join(path, filepath.FromSlash(name))); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return tree.Write(path)
}

// compare lists what differs. A folder that is ours alone may hold nothing else.
func compare(path string, tree fixtures.Tree, alone bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		n, file := tree[name], filepath.Join(path, filepath.FromSlash(name))
		if n.Link != "" {
			if link, err := os.Readlink(file); err != nil || link != n.Link {
				out = append(out, name+": link is missing or differs")
			}
			continue
		}
		switch got, err := os.ReadFile(file); {
		case err != nil:
			out = append(out, name+": missing")
		case !bytes.Equal(got, n.Data):
			out = append(out, name+": differs")
		}
	}
	if !alone {
		return out
	}
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(path, file)
		if _, ok := tree[filepath.ToSlash(rel)]; err == nil && !ok {
			out = append(out, filepath.ToSlash(rel)+": not generated")
		}
		return err
	})
	if err != nil {
		out = append(out, err.Error())
	}
	return out
}
