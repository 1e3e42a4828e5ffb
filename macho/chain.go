package macho

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

type nameAttribute = pkix.AttributeTypeAndValue

const (
	// maxChain is the longest chain that is built; real ones have three.
	maxChain = 8
	// maxLinks bounds the signatures that are tried, because a bag can hold many
	// certificates of one name.
	maxLinks = 64
)

// errIncomplete says that no self-signed certificate was reached.
var errIncomplete = errors.New("the chain does not end in a self-signed certificate")

// buildChain returns the best path from leaf to a self-signed certificate, each
// signed by the next. Names only propose an issuer; its key decides. The bag is
// not signed, so its order must not matter: of several paths, one that keeps the
// rules counts, then one that was valid at the time, then one that ends in Apple's
// root, then the shortest. Apple's certificates that ship with this package help
// out where the bag has none.
func (a *authorities) buildChain(leaf *x509.Certificate, bag []*x509.Certificate, at time.Time, sha1 bool) ([]*x509.Certificate, error) {
	var best []*x509.Certificate
	bestRank := -1
	consider := func(path []*x509.Certificate) {
		rank := 0
		if checkChain(path, sha1) == nil {
			rank += 4
		}
		if _, err := checkValidity(path, at); err == nil || at.IsZero() {
			rank += 2
		}
		if isAppleRoot(path[len(path)-1]) {
			rank++
		}
		if rank > bestRank || rank == bestRank && (len(path) < len(best) || len(path) == len(best) && precedes(path, best)) {
			best, bestRank = path, rank
		}
	}
	tries := maxLinks
	var walk func(path []*x509.Certificate)
	walk = func(path []*x509.Certificate) {
		last := path[len(path)-1]
		if a.selfSigned(last) {
			consider(path)
			return
		}
		if len(path) == maxChain {
			return
		}
		found := false
		for _, pool := range [][]*x509.Certificate{bag, bundled()} {
			if found { // the bag had an issuer
				break
			}
			for _, c := range pool {
				if !bytes.Equal(c.RawSubject, last.RawIssuer) || contains(path, c) {
					continue
				}
				if tries--; tries < 0 {
					return
				}
				if a.signed(last, c) {
					found = true
					walk(append(path[:len(path):len(path)], c))
				}
			}
		}
	}
	walk([]*x509.Certificate{leaf})
	if best == nil {
		return nil, errIncomplete
	}
	return best, nil
}

// precedes orders paths of one length by their bytes, so that the choice between
// equals does not depend on the bag.
func precedes(a, b []*x509.Certificate) bool {
	for i := range a {
		if c := bytes.Compare(a[i].Raw, b[i].Raw); c != 0 {
			return c < 0
		}
	}
	return false
}

func contains(path []*x509.Certificate, c *x509.Certificate) bool {
	for _, p := range path {
		if bytes.Equal(p.Raw, c.Raw) {
			return true
		}
	}
	return false
}

// isAppleRoot compares the certificate's SHA-256 with the pinned roots.
func isAppleRoot(c *x509.Certificate) bool { return code.IsAppleRoot(sha256.Sum256(c.Raw)) }

// criticalExtensions are the critical extensions that we understand, or that
// Apple puts into signing certificates as mere markers. Any other one refuses
// the certificate, and so do name and policy constraints.
var criticalExtensions = map[code.OID]bool{
	code.MustOID("2.5.29.15"): true, // key usage
	code.MustOID("2.5.29.17"): true, // subject alternative name
	code.MustOID("2.5.29.19"): true, // basic constraints
	code.MustOID("2.5.29.32"): true, // certificate policies
	code.MustOID("2.5.29.37"): true, // extended key usage
	code.OIDAppleDeveloper:    true,
	code.OIDAppleDistribution: true,
	code.OIDMacSubmission:     true,
	code.OIDMacDeveloper:      true,
	code.OIDDeveloperID:       true,
	code.OIDDeveloperIDInst:   true,
	code.OIDDeveloperIDKext:   true,
	code.OIDProfileSigning:    true,
}

var oidNameConstraints = code.MustOID("2.5.29.30")

// ownRule marks an error that rests on a rule of ours, or on one whose place in
// Apple's code is not known.
type ownRule struct{ error }

func (o ownRule) Unwrap() error { return o.error }

// checkChain applies the rules for every certificate of a path whose links were
// verified: who may sign others, how far, with which keys and digests. SHA-1 is
// accepted only below one of Apple's roots and, for timestamps, everywhere.
func checkChain(path []*x509.Certificate, sha1 bool) error {
	root := path[len(path)-1]
	sha1 = sha1 || isAppleRoot(root)
	for i, c := range path {
		who := fmt.Sprintf("certificate %d (%s)", i, c.Subject.CommonName)
		if len(c.Subject.Names) == 0 {
			return fmt.Errorf("%s has an empty subject", who)
		}
		for _, e := range c.Extensions {
			o := oidOf(e.Id)
			if o == oidNameConstraints {
				return ownRule{fmt.Errorf("%s has name constraints, which are not evaluated", who)}
			}
			if e.Critical && !criticalExtensions[o] {
				return fmt.Errorf("%s has the critical extension %s, which is not understood", who, o)
			}
		}
		if c != root || i == 0 {
			if err := strongKey(c); err != nil && c == root { // Apple lets roots pass
				return ownRule{fmt.Errorf("%s: %w", who, err)}
			} else if err != nil {
				return fmt.Errorf("%s: %w", who, err)
			}
		}
		if c != root {
			if err := strongLink(c.SignatureAlgorithm, sha1); err != nil {
				return fmt.Errorf("%s: %w", who, err)
			}
		}
		if i == 0 {
			continue
		}
		if !c.BasicConstraintsValid || !c.IsCA {
			return fmt.Errorf("%s is no certificate authority", who)
		}
		if (c.MaxPathLen > 0 || c.MaxPathLenZero) && i-1 > c.MaxPathLen {
			return fmt.Errorf("%s allows %d intermediates, there are %d", who, c.MaxPathLen, i-1)
		}
		if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
			return ownRule{fmt.Errorf("%s may not sign certificates", who)}
		}
	}
	return nil
}

func strongKey(c *x509.Certificate) error {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("its RSA key has %d bits, at least 2048 are needed", k.N.BitLen())
		}
		if k.E < 3 || k.E&1 == 0 {
			return fmt.Errorf("its RSA exponent is %d", k.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			return fmt.Errorf("its key has %d bits", k.Curve.Params().BitSize)
		}
		return nil
	}
	return fmt.Errorf("its key is of a kind that code signing does not use (%s)", c.PublicKeyAlgorithm)
}

func strongLink(a x509.SignatureAlgorithm, sha1 bool) error {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		if sha1 {
			return nil
		}
		return ownRule{errors.New("it was signed with SHA-1")}
	}
	return fmt.Errorf("it was signed with %s", a)
}

// checkLeaf applies the code-signing policy to the signer's certificate.
func checkLeaf(c *x509.Certificate) *problem {
	signing := false
	for _, u := range c.ExtKeyUsage { // any extended key usage is not enough
		signing = signing || u == x509.ExtKeyUsageCodeSigning
	}
	if !signing {
		p := rejected(code.StatusCSNoExtendedKeyUsage, "signing certificate", -1, "%q may not sign code: the extended key usage is missing", c.Subject.CommonName)
		return &p
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		p := rejected(code.StatusNotTrusted, "signing certificate", -1, "%q may not make signatures: the key usage does not allow it", c.Subject.CommonName)
		return &p
	}
	return nil
}

// checkValidity returns the first certificate of the path that is not valid at t.
func checkValidity(path []*x509.Certificate, t time.Time) (code.Status, error) {
	for i, c := range path {
		switch {
		case t.After(c.NotAfter):
			return code.StatusCertExpired, fmt.Errorf("certificate %d (%s) expired on %s", i, c.Subject.CommonName, c.NotAfter.UTC().Format(time.DateOnly))
		case t.Before(c.NotBefore):
			return code.StatusCertNotValidYet, fmt.Errorf("certificate %d (%s) is valid from %s", i, c.Subject.CommonName, c.NotBefore.UTC().Format(time.DateOnly))
		}
	}
	return code.StatusSuccess, nil
}
