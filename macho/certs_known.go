package macho

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

const (
	// maxAuthorities is how many certificates, and how many links, one generation
	// holds. Apple's software of all years needs about twenty.
	maxAuthorities = 128
	// maxAuthoritySize bounds a certificate that is kept; Apple's have 1 to 2 KiB.
	maxAuthoritySize = 8 << 10
)

// authorities remembers certificates of certificate authorities and the signatures
// between them. Both are facts about bytes: the key of each is those bytes or
// their SHA-256. nil remembers nothing.
type authorities struct {
	mu    sync.Mutex
	certs generations[string, *x509.Certificate] // by DER
	links generations[link, bool]
}

// link names two certificates by their SHA-256: the second one's key signed the first.
type link [2][sha256.Size]byte

func newAuthorities(limit int) *authorities {
	a := &authorities{}
	a.certs.limit, a.links.limit = limit, limit
	return a
}

// generations is a map of at most twice limit entries. When the young generation
// is full, the old one is forgotten; what is asked for stays young.
type generations[K comparable, V any] struct {
	limit      int
	young, old map[K]V
}

func (g *generations[K, V]) get(k K) (V, bool) {
	v, ok := g.young[k]
	if ok {
		return v, true
	}
	if v, ok = g.old[k]; ok {
		g.put(k, v)
	}
	return v, ok
}

func (g *generations[K, V]) put(k K, v V) {
	if len(g.young) >= g.limit {
		g.old, g.young = g.young, nil
	}
	if g.young == nil {
		g.young = make(map[K]V)
	}
	g.young[k] = v
}

// isAuthority reports what a certificate says of itself.
func isAuthority(c *x509.Certificate) bool { return c.BasicConstraintsValid && c.IsCA }

// certificate parses DER, or returns the kept certificate of exactly these bytes.
// Callers only read it.
func (a *authorities) certificate(der []byte) (*x509.Certificate, error) {
	if a == nil || len(der) > maxAuthoritySize {
		return x509.ParseCertificate(der)
	}
	a.mu.Lock()
	c, ok := a.certs.get(string(der))
	a.mu.Unlock()
	if ok {
		return c, nil
	}
	c, err := x509.ParseCertificate(bytes.Clone(der)) // what is kept must not hold on to the file
	if err != nil || !isAuthority(c) {
		return c, err
	}
	a.mu.Lock()
	a.certs.put(string(der), c)
	a.mu.Unlock()
	return c, nil
}

// signed reports whether the issuer's key signed the certificate. Only the yes
// between two authorities is kept.
func (a *authorities) signed(c, issuer *x509.Certificate) bool {
	keep := a != nil && isAuthority(c) && isAuthority(issuer)
	var l link
	if keep {
		l = link{sha256.Sum256(c.Raw), sha256.Sum256(issuer.Raw)}
		a.mu.Lock()
		_, ok := a.links.get(l)
		a.mu.Unlock()
		if ok {
			return true
		}
	}
	if issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
		return false
	}
	if keep {
		a.mu.Lock()
		a.links.put(l, true)
		a.mu.Unlock()
	}
	return true
}

// selfSigned reports whether a certificate's own key signed it.
func (a *authorities) selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && a.signed(c, c)
}
