package macho

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// The largest RSA keys that are used for anything have 4096 bits.
const (
	maxRSABits     = 8192
	maxRSAExponent = 1<<17 - 1
)

// parse parses the certificates of a CMS in the order in which they
// lie there.
func (a *authorities) parse(raw [][]byte) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, 0, len(raw))
	for i, der := range raw {
		c, err := a.certificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i, err)
		}
		// Verifying with a giant key takes time beyond all proportion, so it must
		// never get as far as a signature.
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && (k.N.BitLen() > maxRSABits || k.E > maxRSAExponent) {
			return nil, ownRule{fmt.Errorf("certificate %d has an RSA key of %d bits with exponent %d; at most %d bits and exponent %d are accepted", i, k.N.BitLen(), k.E, maxRSABits, maxRSAExponent)}
		}
		for _, n := range c.Subject.Names {
			if s, ok := n.Value.(string); ok && strings.ContainsRune(s, 0) {
				return nil, fmt.Errorf("certificate %d has a NUL in its subject", i)
			}
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// referenceDate is where Apple's clock begins.
var referenceDate = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

// facts turns a parsed certificate into plain facts, which share no memory with it.
func (a *authorities) facts(c *x509.Certificate) code.Certificate {
	f := code.Certificate{
		DER: bytes.Clone(c.Raw), SHA1: sha1.Sum(c.Raw), SHA256: sha256.Sum256(c.Raw),
		Subject: attributesOf(c.Subject.Names), Issuer: attributesOf(c.Issuer.Names),
		Serial:    hex.EncodeToString(c.SerialNumber.Bytes()),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Extensions: make([]code.OID, 0, len(c.Extensions)),
	}
	f.AppleRoot = code.IsAppleRoot(f.SHA256)
	f.SelfSigned = a.selfSigned(c)
	for _, e := range c.Extensions {
		o := oidOf(e.Id)
		f.Extensions = append(f.Extensions, o)
		if s, ok := dateValue(e.Value); ok {
			f.Dates = append(f.Dates, code.DateExtension{OID: o, Seconds: s})
		}
	}
	for _, p := range c.PolicyIdentifiers {
		f.Policies = append(f.Policies, oidOf(p))
	}
	return f
}

// dateValue reads an extension whose value is a UTF8String that holds a
// GeneralizedTime, in seconds since 2001. Times without a meaning give nothing.
func dateValue(v []byte) (float64, bool) {
	t, rest, err := want(v, tagUTF8, "date")
	if err != nil || len(rest) != 0 {
		return 0, false
	}
	for _, layout := range []string{"20060102150405Z", "20060102150405-0700"} {
		if d, err := time.Parse(layout, string(t.body)); err == nil {
			s := d.Sub(referenceDate).Seconds()
			return s, s != 0
		}
	}
	return 0, false
}

// oidOf encodes an OID as DER does; "" for one that DER cannot hold, which matches
// nothing.
func oidOf(id asn1.ObjectIdentifier) code.OID {
	if len(id) < 2 || id[0] > 2 || id[0] < 2 && id[1] > 39 {
		return ""
	}
	var room [40]byte
	b := room[:0]
	for i, arc := range id[1:] {
		if arc < 0 || i == 0 && arc > 1<<30 {
			return ""
		}
		n := uint(arc)
		if i == 0 {
			n += 40 * uint(id[0])
		}
		for shift := max(0, bits.Len(n)-1) / 7 * 7; shift > 0; shift -= 7 {
			b = append(b, byte(n>>shift)|0x80)
		}
		b = append(b, byte(n)&0x7f)
	}
	return code.OID(b)
}

func attributesOf(list []nameAttribute) []code.Attribute {
	out := make([]code.Attribute, 0, len(list))
	for _, n := range list {
		if s, ok := n.Value.(string); ok {
			out = append(out, code.Attribute{Type: oidOf(n.Type), Value: s})
		}
	}
	return out
}
