//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "libxpcpolicy: a C library is built with cgo, which was off (CGO_ENABLED=0): set CGO_ENABLED=1, "+
		"name a C compiler in CC, and build with -buildmode=c-archive or c-shared")
	os.Exit(2)
}
