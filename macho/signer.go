package macho

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // digests that signatures use
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// signatureAlgorithms maps the signature and digest algorithms of a signerInfo
// to what crypto/x509 verifies. MD5 and anything weaker is not among them.
var rsaAlgorithms = map[code.OID]bool{
	code.MustOID("1.2.840.113549.1.1.1"):  true, // rsaEncryption
	code.MustOID("1.2.840.113549.1.1.5"):  true, // sha1WithRSA
	code.MustOID("1.2.840.113549.1.1.11"): true, // sha256WithRSA
	code.MustOID("1.2.840.113549.1.1.12"): true, // sha384WithRSA
	code.MustOID("1.2.840.113549.1.1.13"): true, // sha512WithRSA
}

var oidECPublicKey = code.MustOID("1.2.840.10045.2.1")

var ecdsaAlgorithms = map[code.OID]bool{
	oidECPublicKey:                      true, // older Apple tools write it
	code.MustOID("1.2.840.10045.4.1"):   true, // ecdsaWithSHA1
	code.MustOID("1.2.840.10045.4.3.2"): true, // ecdsaWithSHA256
	code.MustOID("1.2.840.10045.4.3.3"): true, // ecdsaWithSHA384
	code.MustOID("1.2.840.10045.4.3.4"): true, // ecdsaWithSHA512
}

// namedDigest is the digest that a combined signature algorithm implies.
var namedDigest = map[code.OID]code.OID{
	code.MustOID("1.2.840.113549.1.1.5"):  oidSHA1,
	code.MustOID("1.2.840.113549.1.1.11"): oidSHA256,
	code.MustOID("1.2.840.113549.1.1.12"): oidSHA384,
	code.MustOID("1.2.840.113549.1.1.13"): oidSHA512,
	code.MustOID("1.2.840.10045.4.1"):     oidSHA1,
	code.MustOID("1.2.840.10045.4.3.2"):   oidSHA256,
	code.MustOID("1.2.840.10045.4.3.3"):   oidSHA384,
	code.MustOID("1.2.840.10045.4.3.4"):   oidSHA512,
}

type digestAlgorithm struct {
	name  string
	hash  crypto.Hash
	rsa   x509.SignatureAlgorithm
	ecdsa x509.SignatureAlgorithm
}

var digestAlgorithms = map[code.OID]digestAlgorithm{
	oidSHA1:   {"sha1", crypto.SHA1, x509.SHA1WithRSA, x509.ECDSAWithSHA1},
	oidSHA256: {"sha256", crypto.SHA256, x509.SHA256WithRSA, x509.ECDSAWithSHA256},
	oidSHA384: {"sha384", crypto.SHA384, x509.SHA384WithRSA, x509.ECDSAWithSHA384},
	oidSHA512: {"sha512", crypto.SHA512, x509.SHA512WithRSA, x509.ECDSAWithSHA512},
}

// algorithm returns how the signature is to be verified.
func (s *signedData) algorithm() (digestAlgorithm, x509.SignatureAlgorithm, error) {
	d, ok := digestAlgorithms[s.digest]
	if !ok {
		return d, 0, fmt.Errorf("digest algorithm %s is not accepted", s.digest)
	}
	listed := false
	for _, o := range s.digests {
		listed = listed || o == s.digest
	}
	if !listed {
		return d, 0, fmt.Errorf("digest algorithm %s is not listed in the SignedData", d.name)
	}
	if implied, ok := namedDigest[s.sigAlg]; ok && implied != s.digest {
		return d, 0, fmt.Errorf("signature algorithm %s does not go with digest %s", s.sigAlg, d.name)
	}
	switch {
	case rsaAlgorithms[s.sigAlg]:
		return d, d.rsa, nil
	case ecdsaAlgorithms[s.sigAlg]:
		return d, d.ecdsa, nil
	}
	return d, 0, fmt.Errorf("signature algorithm %s is not accepted", s.sigAlg)
}

// signer returns the one embedded certificate that the signer identifier names.
func (s *signedData) signer(bag []*x509.Certificate) (*x509.Certificate, error) {
	var found *x509.Certificate
	for _, c := range bag {
		match := s.keyID != nil && bytes.Equal(c.SubjectKeyId, s.keyID) ||
			s.keyID == nil && bytes.Equal(c.RawIssuer, s.issuer) && bytes.Equal(serialDER(c), s.serial)
		if !match || found != nil && bytes.Equal(found.Raw, c.Raw) {
			continue
		}
		if found != nil {
			return nil, errors.New("two certificates match the signer identifier")
		}
		found = c
	}
	if found == nil {
		return nil, errors.New("no certificate matches the signer identifier")
	}
	return found, nil
}

// serialDER returns the content octets of a certificate's serial number.
func serialDER(c *x509.Certificate) []byte {
	b := c.SerialNumber.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return b
}

// signedContent is what a CMS signs. Each of its hashes is computed once: the
// CodeDirectory of a large program has megabytes.
type signedContent struct {
	bytes []byte
	sums  map[crypto.Hash][]byte
}

func newContent(b []byte) *signedContent { return &signedContent{b, map[crypto.Hash][]byte{}} }

func (c *signedContent) sum(h crypto.Hash) []byte {
	if c.sums[h] == nil {
		d := h.New()
		d.Write(c.bytes)
		c.sums[h] = d.Sum(nil)
	}
	return c.sums[h]
}

// verify checks contentType, messageDigest and the signature over content, the
// bytes that were signed.
func (s *signedData) verify(cert *x509.Certificate, content *signedContent, contentType code.OID) error {
	d, alg, err := s.algorithm()
	if err != nil {
		return err
	}
	if s.contentType != contentType {
		return fmt.Errorf("content type %s, want %s", s.contentType, contentType)
	}
	if len(s.attrs) == 0 {
		return errors.New("there are no signed attributes")
	}
	if s.duplicate != "" {
		err := fmt.Errorf("the signed attribute %s stands there twice", s.duplicate)
		if s.duplicate == oidContentType || s.duplicate == oidDigest {
			return err
		}
		return ownRule{err} // Apple takes it for missing
	}
	values, ok := s.attr(oidContentType)
	if !ok {
		return errors.New("the contentType attribute is missing")
	}
	ct, err := single(values, tagOID, "contentType")
	if err != nil {
		return err
	}
	if code.OID(ct) != contentType {
		return fmt.Errorf("the contentType attribute is %s, want %s", code.OID(ct), contentType)
	}
	if values, ok = s.attr(oidDigest); !ok {
		return errors.New("the messageDigest attribute is missing")
	}
	claimed, err := single(values, tagOctets, "messageDigest")
	if err != nil {
		return err
	}
	if got := content.sum(d.hash); !bytes.Equal(got, claimed) {
		return fmt.Errorf("the messageDigest is %.8x…, the signed content has %.8x…", claimed, got)
	}
	return checkSignature(cert, alg, s.signedSet(), s.signature)
}

// signedSet is what the signature covers: the attributes as a DER SET.
func (s *signedData) signedSet() []byte {
	return append(derHeader(make([]byte, 0, 5+len(s.signedAttrs)), tagSet, len(s.signedAttrs)), s.signedAttrs...)
}

// checkSignature verifies with a certificate's key; keys of kinds that code
// signing does not use are refused.
func checkSignature(cert *x509.Certificate, alg x509.SignatureAlgorithm, signed, signature []byte) error {
	if err := cert.CheckSignature(alg, signed, signature); err != nil {
		return fmt.Errorf("the signature does not verify: %w", err)
	}
	return nil
}
