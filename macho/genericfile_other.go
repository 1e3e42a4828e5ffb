//go:build !linux && !darwin

package macho

import (
	"io/fs"
	"os"
	"time"
)

// fileAttributes finds nothing: this system has no extended attributes that a Mac
// could have written.
func fileAttributes(*os.File) attributeReader { return nil }

func noAttributes(*os.File) bool { return true }

// changeTime finds nothing: this system does not say it in a way that is known here.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
