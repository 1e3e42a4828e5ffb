package macho

import (
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Options are the choices of one verification. The zero value is the strictest.
type Options struct {
	// Now is the time against which certificates without a secure timestamp and
	// without a claimed signing time are judged. The package reads no clock; the
	// zero time means that such expiry stays unjudged, which no verdict but that
	// of code with the expiration flag depends on.
	Now time.Time
	// Arch narrows a universal file to one slice, as in "arm64". What it leaves
	// out is not verified, and the verdict says so.
	Arch string
	// Detached is a detached signature (magic fade0cc1) for the file, used instead of
	// any that lies in it; nil: none. It must be of exactly this file, and does not
	// apply to bundles.
	Detached []byte
	// Attributes returns an extended attribute of the file that [VerifyReader] is given,
	// as in com.apple.cs.CodeDirectory, where files that are no Mach-O keep their
	// signature; ok is false when there is none. Nil: it has none. [Verify] reads
	// those of the files that it opens.
	Attributes func(name string) (value []byte, ok bool, err error)
	// CRLs are certificate revocation lists, DER or PEM, that the caller read; nil
	// leaves it unknown whether a certificate was revoked.
	CRLs [][]byte
	// AllowProfileRoots are roots, by SHA-256, that may stand above the signer of a
	// provisioning profile besides Apple's: whoever holds one can authorise any
	// entitlement. The markers of the certificates are needed all the same.
	AllowProfileRoots [][32]byte
	// Shallow verifies nested code without its pages and its resources, as
	// `codesign --verify` does without --deep: whoever can change a helper or a
	// framework inside the bundle stays unnoticed. Check R9 says that it did not
	// run, so the code does not count as verified.
	Shallow bool
	// NoResources leaves the files of a bundle alone, nested code included:
	// anybody may have changed them. Checks R1 to R10 say that they did not run,
	// so the code does not count as verified.
	NoResources bool
	// Requirement judges the requirement that a bundle's seal has for a piece of
	// nested code: text is its source, s a slice of the code that was found.
	// StatusSuccess means that it is satisfied and StatusReqFailed that it is not;
	// any other status says why it cannot be judged. It may be called from several
	// goroutines, never at the same time for one bundle. Nil means that nobody
	// judges, which fails a bundle with nested code.
	Requirement func(text string, s *code.Subject) code.Status
	// Progress is told from time to time how far the files of a bundle are
	// hashed; nil means that nobody wants to know. Calls never overlap, and there
	// is at most one for 64 files or 8 MiB.
	Progress func(Progress)
}

// Progress is how far the verification of a bundle's files is. Nested bundles
// count with the one around them.
type Progress struct {
	// Files and Bytes are what was hashed.
	Files, Bytes int64
	// Sealed is the number of files that the seals read so far list. It grows as
	// nested bundles are found, and is no promise: files may be missing.
	Sealed int64
}
