package macho

import (
	"crypto/x509"
	"embed"
	"io/fs"
	"sync"
)

// appleCerts are Apple's public roots and intermediates that signatures may
// leave out. They only help to BUILD a chain: a root counts as Apple's by its
// pinned SHA-256 in package code, not by standing here.
//
//go:embed certs/*.der
var appleCerts embed.FS

// bundled returns the parsed certificates of appleCerts; it is computed once and
// never changes.
var bundled = sync.OnceValue(func() []*x509.Certificate {
	var out []*x509.Certificate
	names, _ := fs.Glob(appleCerts, "certs/*.der")
	for _, n := range names {
		der, err := appleCerts.ReadFile(n)
		if err != nil {
			continue
		}
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
})
