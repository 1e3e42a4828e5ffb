//go:build !linux && !darwin

package macho

import "os"

// fileAttributes finds nothing: this system has no extended attributes that a Mac
// could have written.
func fileAttributes(*os.File) attributeReader { return nil }
