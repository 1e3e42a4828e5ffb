package macho

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const (
	// maxCRL bounds one certificate revocation list. It is read in place, without
	// keeping its entries; Apple's largest have some megabytes.
	maxCRL = 32 << 20
	// maxCRLs bounds how many lists one verification reads.
	maxCRLs = 32
)

const tagBitString = 0x03

var errRevocationNotChecked = errors.New("revocation was not checked: nobody supplied certificate revocation lists, and the network is never asked")

// crl is one certificate revocation list (RFC 5280, section 5). Its slices alias
// the input.
type crl struct {
	tbs, signature []byte
	algorithm      x509.SignatureAlgorithm
	issuer         []byte    // Name, raw DER
	made, next     time.Time // next is zero when the list names no date
	entries        []byte    // content of revokedCertificates
	answers        map[crlQuestion]crlAnswer
}

// crlQuestion is a certificate that a list was asked about, so that a bundle with
// hundreds of programs of one signer reads the list once.
type crlQuestion struct {
	issuer [32]byte
	serial string // content octets
	sha1   bool   // the issuer may sign with SHA-1
}

// crlAnswer says when the certificate was revoked; err, why the list is none of its
// issuer's.
type crlAnswer struct {
	revoked bool
	at      time.Time
	err     error
}

// ask looks for a certificate of this issuer.
func (l *crl) ask(c, issuer *x509.Certificate, sha1 bool) crlAnswer {
	q := crlQuestion{sha256.Sum256(issuer.Raw), string(serialDER(c)), sha1}
	a, known := l.answers[q]
	if known {
		return a
	}
	if a.err = l.verify(issuer, sha1); a.err == nil {
		_ = l.each(func(n []byte, at time.Time) { // parsing has seen that there is no error
			if !a.revoked && string(n) == q.serial {
				a.revoked, a.at = true, at
			}
		})
	}
	if l.answers == nil {
		l.answers = map[crlQuestion]crlAnswer{}
	}
	l.answers[q] = a
	return a
}

// parseCRL takes a list apart. A list with a critical extension, in it or in one of
// its entries, speaks for less or for more than its issuer's certificates and is
// refused.
func parseCRL(der []byte) (*crl, error) {
	if len(der) > maxCRL {
		return nil, derError("the list has %d bytes, at most %d are accepted", len(der), maxCRL)
	}
	outer, rest, err := want(der, tagSequence, "CertificateList")
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, derError("%d bytes follow the list", len(rest))
	}
	if err := definite(der, "CertificateList"); err != nil {
		return nil, err
	}
	tbs, rest, err := want(outer.body, tagSequence, "tbsCertList")
	if err != nil {
		return nil, err
	}
	l := &crl{tbs: tbs.raw}
	alg, rest, err := want(rest, tagSequence, "signatureAlgorithm")
	if err != nil {
		return nil, err
	}
	sig, rest, err := want(rest, tagBitString, "signature")
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 || len(sig.body) == 0 || sig.body[0] != 0 {
		return nil, derError("the signature is not a whole number of bytes at the end of the list")
	}
	l.signature = sig.body[1:]
	oid, _, err := algorithm(alg.raw, "signatureAlgorithm")
	if err != nil {
		return nil, err
	}
	if d := digestAlgorithms[namedDigest[oid]]; rsaAlgorithms[oid] {
		l.algorithm = d.rsa
	} else {
		l.algorithm = d.ecdsa
	}
	if l.algorithm == x509.UnknownSignatureAlgorithm {
		return nil, fmt.Errorf("signature algorithm %s is not accepted", oid)
	}
	return l, l.parseBody(tbs.body, alg.raw)
}

func (l *crl) parseBody(b, alg []byte) error {
	var err error
	if len(b) > 0 && b[0] == tagInteger {
		var version tlv
		if version, b, err = next(b); err != nil {
			return err
		}
		if !bytes.Equal(version.body, []byte{1}) {
			return derError("version %x, want 2", version.body)
		}
	}
	inner, b, err := want(b, tagSequence, "tbsCertList.signature")
	if err != nil {
		return err
	}
	if !bytes.Equal(inner.raw, alg) {
		return derError("the two signature algorithms differ")
	}
	issuer, b, err := want(b, tagSequence, "issuer")
	if err != nil {
		return err
	}
	l.issuer = issuer.raw
	made, b, err := next(b)
	if err != nil {
		return err
	}
	if l.made, err = derTime(made); err != nil {
		return err
	}
	if len(b) > 0 && (b[0] == tagUTCTime || b[0] == tagGeneralTime) {
		var t tlv
		if t, b, err = next(b); err != nil {
			return err
		}
		if l.next, err = derTime(t); err != nil {
			return err
		}
	}
	if len(b) > 0 && b[0] == tagSequence {
		var list tlv
		if list, b, err = next(b); err != nil {
			return err
		}
		l.entries = list.body
	}
	if len(b) > 0 {
		wrapper, rest, err := want(b, tagContext0, "crlExtensions")
		if err != nil {
			return err
		}
		if len(rest) != 0 {
			return derError("%d bytes follow the extensions", len(rest))
		}
		if err := uncritical(wrapper.body); err != nil {
			return err
		}
	}
	return l.each(func([]byte, time.Time) {})
}

// each calls visit for every entry, with the content octets of the serial number.
func (l *crl) each(visit func(serial []byte, at time.Time)) error {
	for rest := l.entries; len(rest) > 0; {
		entry, r, err := want(rest, tagSequence, "revoked certificate")
		if err != nil {
			return err
		}
		serial, b, err := want(entry.body, tagInteger, "serial number")
		if err != nil {
			return err
		}
		date, b, err := next(b)
		if err != nil {
			return err
		}
		at, err := derTime(date)
		if err != nil {
			return err
		}
		if len(b) > 0 {
			if err := uncritical(b); err != nil {
				return err
			}
		}
		visit(serial.body, at)
		rest = r
	}
	return nil
}

// uncritical makes sure that no extension of a list is critical.
func uncritical(b []byte) error {
	list, rest, err := want(b, tagSequence, "extensions")
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return derError("%d bytes follow the extensions", len(rest))
	}
	for rest = list.body; len(rest) > 0; {
		e, r, err := want(rest, tagSequence, "extension")
		if err != nil {
			return err
		}
		oid, b, err := want(e.body, tagOID, "extension")
		if err != nil {
			return err
		}
		if len(b) > 0 && b[0] == tagBoolean {
			flag, _, err := next(b)
			if err != nil {
				return err
			}
			if !bytes.Equal(flag.body, []byte{0}) {
				return fmt.Errorf("the critical extension %s is not understood", code.OID(oid.body))
			}
		}
		rest = r
	}
	return nil
}

// verify checks that an issuer's key signed the list and may do so.
func (l *crl) verify(issuer *x509.Certificate, sha1 bool) error {
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return fmt.Errorf("%q may not sign revocation lists", issuer.Subject.CommonName)
	}
	if err := strongLink(l.algorithm, sha1); err != nil {
		return err
	}
	return checkSignature(issuer, l.algorithm, l.tbs, l.signature)
}

// current returns why a list does not answer for a time; nil when it does.
func (l *crl) current(now time.Time) error {
	switch {
	case now.IsZero():
		return errors.New("nobody knows the time, so the list may be old")
	case now.Before(l.made):
		return fmt.Errorf("the list is from the future: %s", l.made.UTC().Format(time.RFC3339))
	case l.next.IsZero():
		return errors.New("the list does not say until when it counts")
	case now.After(l.next):
		return fmt.Errorf("the list is stale since %s", l.next.UTC().Format(time.RFC3339))
	}
	return nil
}

// revocationLists parses what the caller supplied, once for all slices and all nested
// code. What one list revokes stays revoked although another is malformed; the error
// says that not all of them were read.
func (sh *shared) revocationLists() ([]*crl, error) {
	if sh.lists != nil || sh.listsErr != nil {
		return sh.lists, sh.listsErr
	}
	for i, b := range sh.opts.CRLs {
		for _, der := range splitPEM(b) {
			l, err := parseCRL(der)
			switch {
			case err != nil && sh.listsErr == nil:
				sh.listsErr = fmt.Errorf("revocation list %d: %w", i, err)
			case err != nil:
			case len(sh.lists) == maxCRLs:
				sh.listsErr = fmt.Errorf("more than %d revocation lists", maxCRLs)
				return sh.lists, sh.listsErr
			default:
				sh.lists = append(sh.lists, l)
			}
		}
	}
	return sh.lists, sh.listsErr
}

// splitPEM returns the DER of each revocation list in a PEM file; a file that is no
// PEM is DER.
func splitPEM(b []byte) [][]byte {
	if len(b) > 2*maxCRL || len(b) > 0 && b[0] == tagSequence || !bytes.Contains(b, []byte("-----BEGIN ")) {
		return [][]byte{b}
	}
	var out [][]byte
	for len(out) <= maxCRLs {
		block, rest := pem.Decode(b)
		if block == nil {
			break
		}
		if block.Type == "X509 CRL" {
			out = append(out, block.Bytes)
		}
		b = rest
	}
	if out == nil {
		return [][]byte{b}
	}
	return out
}

// checkRevocation is the end of step C13: it asks the caller's lists about every
// certificate of the chain below the root. Apple's validation without network asks
// nobody. With a list it would refuse revoked code whatever its timestamp says, and
// so do we.
func (s *slice) checkRevocation() check {
	if len(s.v.opts.CRLs) == 0 {
		s.facts.Revocation = code.Unknown[code.Revocation](errRevocationNotChecked)
		return passed()
	}
	answer, err := s.askLists()
	if err != nil {
		s.facts.Revocation = code.Unknown[code.Revocation](err)
		s.warn("revocationUnknown", "the revocation lists do not answer for the chain: %v", err)
		return passed()
	}
	s.facts.Revocation = code.Known(answer)
	if answer.Revoked {
		return failed(stricter(code.StatusCertRevoked, "certificate chain", -1, "certificate %d (%s), serial number %s, was revoked on %s",
			answer.Index, s.path[answer.Index].Subject.CommonName, answer.Serial, answer.At.Format(time.DateOnly)))
	}
	return passed()
}

// askLists finds each certificate's issuer among the lists. A list that is old
// cannot say that a certificate is good; what it revoked stays revoked.
func (s *slice) askLists() (code.Revocation, error) {
	lists, open := s.v.shared.revocationLists()
	if len(s.path) < 2 {
		return code.Revocation{}, errors.New("the certificate signed itself, so nobody can revoke it")
	}
	var asOf time.Time
	sha1 := isAppleRoot(s.path[len(s.path)-1])
	for i, c := range s.path[:len(s.path)-1] {
		why := errors.New("there is no list of its issuer")
		answered := false
		for _, l := range lists {
			if !bytes.Equal(l.issuer, c.RawIssuer) {
				continue
			}
			switch a := l.ask(c, s.path[i+1], sha1); {
			case a.err != nil:
				why = a.err
				continue
			case a.revoked:
				return code.Revocation{Revoked: true, Index: i, Serial: hex.EncodeToString(c.SerialNumber.Bytes()), At: a.at.UTC(), AsOf: l.made.UTC()}, nil
			}
			if err := l.current(s.v.opts.Now); err != nil {
				why = err
				continue
			}
			if answered = true; asOf.IsZero() || l.made.Before(asOf) {
				asOf = l.made
			}
		}
		if !answered && open == nil {
			open = fmt.Errorf("certificate %d (%s): %w", i, c.Subject.CommonName, why)
		}
	}
	return code.Revocation{AsOf: asOf.UTC()}, open
}
