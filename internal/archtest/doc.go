// Package archtest holds the tests that keep the shape of this repository: which
// package may import which, where foreign code may enter, and what packages that
// decide must not do (read clocks, print, keep state). docs/architecture.md
// explains the rules in words.
//
// It exports nothing, and its tests need no network. What it does NOT check:
// whether the code inside a package is good.
package archtest
