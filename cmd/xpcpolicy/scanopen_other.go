//go:build !linux && !darwin

package main

import (
	"io"
	"os"
)

func openDirectory(path string, follow bool) (dirReader, error) { return os.Open(path) }

// readEnds reads the beginning of a file into head, and its last bytes into tail
// when the file is longer than head.
func readEnds(path string, head, tail []byte) (n, m int, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, 0, err
	}
	defer f.Close()
	if n, err = f.ReadAt(head, 0); err == io.EOF {
		return n, 0, int64(n), nil
	}
	if err != nil {
		return n, 0, 0, err
	}
	st, err := f.Stat()
	if err != nil || st.Size() < int64(len(tail)) {
		return n, 0, 0, err
	}
	m, err = f.ReadAt(tail, st.Size()-int64(len(tail)))
	return n, m, st.Size(), err
}
