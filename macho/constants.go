package macho

import (
	"fmt"
	"strings"

	types "github.com/blacktop/go-macho/types"
)

// This file alone touches go-macho: it gives names and constants. The reader
// that a verdict rests on is ours.

const (
	magicThin32  = uint32(types.Magic32)
	magicThin64  = uint32(types.Magic64)
	magicFat     = uint32(types.MagicFat)
	magicFat64   = uint32(types.MagicFat) + 1
	magicSwapped = 0xbebafeca // universal magic with its bytes swapped

	cpuARM64 = uint32(types.CPUArm64)
	cpuX8664 = uint32(types.CPUAmd64)

	cmdSegment       = uint32(types.LC_SEGMENT)
	cmdSymtab        = uint32(types.LC_SYMTAB)
	cmdSegment64     = uint32(types.LC_SEGMENT_64)
	cmdUUID          = uint32(types.LC_UUID)
	cmdCodeSignature = uint32(types.LC_CODE_SIGNATURE)
	cmdMinMacOS      = uint32(types.LC_VERSION_MIN_MACOSX)
	cmdMinIOS        = uint32(types.LC_VERSION_MIN_IPHONEOS)
	cmdMinTVOS       = uint32(types.LC_VERSION_MIN_TVOS)
	cmdMinWatchOS    = uint32(types.LC_VERSION_MIN_WATCHOS)
	cmdBuildVersion  = uint32(types.LC_BUILD_VERSION)
	cmdLoad          = uint32(types.LC_LOAD_DYLIB)
	cmdLoadWeak      = uint32(types.LC_LOAD_WEAK_DYLIB)
	cmdLoadLazy      = uint32(types.LC_LAZY_LOAD_DYLIB)
	cmdLoadUpward    = uint32(types.LC_LOAD_UPWARD_DYLIB)
	cmdReexport      = uint32(types.LC_REEXPORT_DYLIB)
	cmdSearchPath    = uint32(types.LC_RPATH)

	// subtypeCapabilities are the bits of a CPU subtype that say what the code
	// can do (pointer authentication), not what it runs on.
	subtypeCapabilities = 0xff000000

	protExecute = 4
)

// codeFileTypes are the Mach-O file types that are code. Apple handles every
// other one (object, dSYM, fileset) as a file without an embedded signature.
var codeFileTypes = map[uint32]string{
	uint32(types.MH_EXECUTE):     "execute",
	uint32(types.MH_PRELOAD):     "preload",
	uint32(types.MH_DYLIB):       "dylib",
	uint32(types.MH_DYLINKER):    "dylinker",
	uint32(types.MH_BUNDLE):      "bundle",
	uint32(types.MH_KEXT_BUNDLE): "kext",
}

func fileTypeName(t uint32) string {
	switch t {
	case uint32(types.MH_OBJECT):
		return "object"
	case uint32(types.MH_DSYM):
		return "dsym"
	case uint32(types.MH_FILESET):
		return "fileset"
	}
	if n := codeFileTypes[t]; n != "" {
		return n
	}
	return "file type " + fmt.Sprint(t)
}

// archName returns the name that lipo and codesign use for an architecture.
func archName(cpu, sub uint32) string {
	plain := sub &^ uint32(subtypeCapabilities)
	switch {
	case cpu == cpuARM64 && plain == uint32(types.CPUSubtypeArm64E):
		return "arm64e"
	case cpu == cpuARM64:
		return "arm64"
	case cpu == cpuX8664 && plain == uint32(types.CPUSubtypeX86_64H):
		return "x86_64h"
	case cpu == cpuX8664:
		return "x86_64"
	case cpu == uint32(types.CPUI386):
		return "i386"
	case cpu == uint32(types.CPUArm6432):
		return "arm64_32"
	case cpu == uint32(types.CPUPpc):
		return "ppc"
	case cpu == uint32(types.CPUPpc64):
		return "ppc64"
	case cpu == uint32(types.CPUArm):
		switch plain {
		case 6:
			return "armv6"
		case 9:
			return "armv7"
		case 11:
			return "armv7s"
		case 12:
			return "armv7k"
		}
		return "arm"
	}
	return fmt.Sprintf("cpu %d subtype %d", cpu, plain)
}

// PlatformName returns the operating system of an LC_BUILD_VERSION platform
// number, as in "macOS"; unknown numbers are shown as numbers.
func PlatformName(p uint32) string {
	if p == 0 {
		return "unknown"
	}
	n := types.Platform(p).String()
	if n == "" || strings.HasPrefix(n, "Platform(") {
		return fmt.Sprintf("platform %d", p)
	}
	return n
}

// packedVersion prints a 16.8.8 packed version as "14.4.0" with at least parts
// components.
func packedVersion(v uint32, parts int) string {
	if parts == 2 && v&0xff == 0 {
		return fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
	}
	return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff)
}
