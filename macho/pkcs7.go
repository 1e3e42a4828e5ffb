package macho

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/smallstep/pkcs7"
)

// This file alone touches the CMS library. It gets bytes only after checkTLV has
// bounded their nesting, and its answer must agree with what our own reader
// found: two readers that see different signers in one blob are an attack.

// knownHash answers the library's question for the hash of the content, which is
// the same bytes for both readers.
type knownHash struct{ content *signedContent }

func (k knownHash) Hash(h crypto.Hash, _ io.Reader) ([]byte, error) { return k.content.sum(h), nil }

// crossCheck lets the library verify the same message over the same content. It
// converts all that it reads to DER first, which takes many times the memory of
// what it is given, so it does not get what the message does not sign:
// certificates, which are DER and which the standard library has parsed, and the
// timestamp, which is a CMS of its own with a cross-check of its own.
//
// Signatures that name their certificate by key identifier, or their algorithm by
// the bare kind of key, which the library does not know, are verified by our reader
// alone.
func (s *signedData) crossCheck(content *signedContent, certs []*x509.Certificate) (err error) {
	if s.keyID != nil || s.sigAlg == oidECPublicKey {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the CMS library gave up: %v", r)
		}
	}()
	p, err := pkcs7.Parse(s.bare())
	if err != nil {
		return fmt.Errorf("the CMS library refuses it: %w", err)
	}
	if len(p.Signers) != 1 || len(p.Certificates) != 0 {
		return fmt.Errorf("the CMS library sees %d signers and %d certificates more, our reader one signer", len(p.Signers), len(p.Certificates))
	}
	p.Certificates = certs // it finds the signer's among them by itself
	if s.content == nil {
		p.Content = content.bytes
	} else if !bytes.Equal(p.Content, content.bytes) {
		return errors.New("the CMS library sees other content")
	}
	p.Hasher = knownHash{content}
	err = p.Verify()
	var when *pkcs7.SigningTimeNotValidError
	if errors.As(err, &when) {
		// The library refuses a claimed time outside the certificate's validity
		// before it looks at the signature. Which times count is decided with
		// the chain; our reader has verified the signature.
		return nil
	}
	if err != nil {
		return fmt.Errorf("the CMS library: %w", err)
	}
	return nil
}
