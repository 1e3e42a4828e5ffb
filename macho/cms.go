package macho

import (
	"bytes"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// OIDs of CMS structures, attributes and algorithms.
var (
	oidData        = code.MustOID("1.2.840.113549.1.7.1")
	oidSignedData  = code.MustOID("1.2.840.113549.1.7.2")
	oidTSTInfo     = code.MustOID("1.2.840.113549.1.9.16.1.4")
	oidContentType = code.MustOID("1.2.840.113549.1.9.3")
	oidDigest      = code.MustOID("1.2.840.113549.1.9.4")
	oidSigningTime = code.MustOID("1.2.840.113549.1.9.5")
	oidTimestamp   = code.MustOID("1.2.840.113549.1.9.16.2.14")
	oidAgilityV1   = code.MustOID("1.2.840.113635.100.9.1")
	oidAgilityV2   = code.MustOID("1.2.840.113635.100.9.2")

	oidSHA1   = code.MustOID("1.3.14.3.2.26")
	oidSHA256 = code.MustOID("2.16.840.1.101.3.4.2.1")
	oidSHA384 = code.MustOID("2.16.840.1.101.3.4.2.2")
	oidSHA512 = code.MustOID("2.16.840.1.101.3.4.2.3")
)

// signedData is a CMS SignedData with exactly one signer, taken apart.
type signedData struct {
	layers      layers
	trailing    int // zero bytes behind it
	contentType code.OID
	content     []byte // embedded content; nil when detached
	certs       [][]byte
	digests     []code.OID

	issuer, serial []byte // of the signer's certificate, raw DER
	keyID          []byte // instead of issuer and serial
	digest, sigAlg code.OID
	signedAttrs    []byte // content of the attribute set
	attrs          []attribute
	duplicate      code.OID // a signed attribute that stands there twice
	signature      []byte
	unsigned       []attribute
}

// layers are the elements that lead to the signer, outermost first: ContentInfo,
// its content, SignedData, signerInfos, signerInfo.
type layers [5]layer

// layer is an element around the next one. head is what of it counts before that.
type layer struct {
	tlv
	head []byte
}

// bare is the CMS in the same bytes and the same forms, but without what it does
// not sign: certificates, revocation lists and unsigned attributes.
func (s *signedData) bare() []byte {
	var sizes [len(s.layers)]int // of contents
	total := 0
	for i := len(s.layers) - 1; i >= 0; i-- {
		sizes[i] = total + len(s.layers[i].head)
		total = sizes[i] + len(derHeader(nil, 0, sizes[i]))
		if s.layers[i].indefinite {
			total = 2 + sizes[i] + 2
		}
	}
	out := make([]byte, 0, total)
	for i, l := range s.layers {
		if l.indefinite {
			out = append(out, l.tag, 0x80)
		} else {
			out = derHeader(out, l.tag, sizes[i])
		}
		out = append(out, l.head...)
	}
	for i := len(s.layers) - 1; i >= 0; i-- {
		if s.layers[i].indefinite {
			out = append(out, 0, 0)
		}
	}
	return out
}

// attribute is one CMS attribute: the content of its SET of values.
type attribute struct {
	oid    code.OID
	values []byte
}

// attr returns the values of a signed attribute. A duplicate is refused before
// anything asks.
func (s *signedData) attr(o code.OID) ([]byte, bool) {
	for _, a := range s.attrs {
		if a.oid == o {
			return a.values, true
		}
	}
	return nil, false
}

// parseSignedData takes a CMS apart. Only the layers that Apple's encoder
// streams may have indefinite length.
func parseSignedData(b []byte) (*signedData, error) {
	if len(b) > maxCMS {
		return nil, derError("the CMS has %d bytes, at most %d are accepted", len(b), maxCMS)
	}
	total, err := checkTLV(b)
	if err != nil {
		return nil, err
	}
	if rest := bytes.TrimLeft(b[total:], "\x00"); len(rest) != 0 {
		return nil, derError("%d bytes follow the CMS", len(rest))
	}
	s := &signedData{trailing: len(b) - total}

	info, _, err := want(b, tagSequence, "ContentInfo")
	if err != nil {
		return nil, err
	}
	oid, rest, err := want(info.body, tagOID, "contentType")
	if err != nil {
		return nil, err
	}
	if code.OID(oid.body) != oidSignedData {
		return nil, derError("content type %s, want signed data", code.OID(oid.body))
	}
	wrapper, rest, err := want(rest, tagContext0, "content")
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, derError("more than one content")
	}
	sd, rest, err := want(wrapper.body, tagSequence, "SignedData")
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, derError("more than one SignedData")
	}
	s.layers[0] = layer{info, info.body[:len(info.body)-len(wrapper.raw)]}
	s.layers[1] = layer{wrapper, nil}
	return s, s.parseBody(sd)
}

func (s *signedData) parseBody(sd tlv) error {
	_, b, err := want(sd.body, tagInteger, "SignedData.version")
	if err != nil {
		return err
	}
	algs, b, err := want(b, tagSet, "digestAlgorithms")
	if err != nil {
		return err
	}
	if err := definite(algs.raw, "digestAlgorithms"); err != nil {
		return err
	}
	for rest := algs.body; len(rest) > 0; {
		var o code.OID
		if o, rest, err = algorithm(rest, "digestAlgorithms"); err != nil {
			return err
		}
		s.digests = append(s.digests, o)
	}
	encap, b, err := want(b, tagSequence, "encapContentInfo")
	if err != nil {
		return err
	}
	if err := s.parseContent(encap.body); err != nil {
		return err
	}
	s.layers[2] = layer{sd, sd.body[:len(sd.body)-len(b)]}
	if len(b) > 0 && b[0] == tagContext0 {
		var set tlv
		if set, b, err = next(b); err != nil {
			return err
		}
		if err := s.parseCertificates(set); err != nil {
			return err
		}
	}
	if len(b) > 0 && b[0] == tagContext1 { // revocation lists are carried, not used
		if _, b, err = next(b); err != nil {
			return err
		}
	}
	infos, b, err := want(b, tagSet, "signerInfos")
	if err != nil {
		return err
	}
	if len(b) != 0 {
		return derError("%d bytes follow the signerInfos", len(b))
	}
	if infos.indefinite {
		return derError("signerInfos of indefinite length")
	}
	signer, rest, err := want(infos.body, tagSequence, "signerInfo")
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: there is more than one signer", errDER)
	}
	s.layers[3] = layer{infos, nil}
	return s.parseSigner(signer)
}

func (s *signedData) parseContent(b []byte) error {
	oid, b, err := want(b, tagOID, "eContentType")
	if err != nil {
		return err
	}
	s.contentType = code.OID(oid.body)
	if len(b) == 0 {
		return nil
	}
	wrapper, b, err := want(b, tagContext0, "eContent")
	if err != nil {
		return err
	}
	if len(b) != 0 {
		return derError("%d bytes follow the eContent", len(b))
	}
	octets, rest, err := next(wrapper.body)
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return derError("more than one eContent")
	}
	s.content = []byte{}
	switch octets.tag {
	case tagOctets:
		s.content = octets.body
	case tagOctetsBER:
		for rest := octets.body; len(rest) > 0; {
			var piece tlv
			if piece, rest, err = want(rest, tagOctets, "eContent"); err != nil {
				return err
			}
			s.content = append(s.content, piece.body...)
		}
	default:
		return derError("the eContent has tag %02x, want an octet string", octets.tag)
	}
	return nil
}

func (s *signedData) parseCertificates(set tlv) error {
	if err := definite(set.raw, "certificates"); err != nil {
		return err
	}
	for rest := set.body; len(rest) > 0; {
		c, r, err := want(rest, tagSequence, "certificate")
		if err != nil {
			return err
		}
		if len(s.certs) >= maxCertificates {
			return derError("more than %d certificates", maxCertificates)
		}
		s.certs, rest = append(s.certs, c.raw), r
	}
	return nil
}

func (s *signedData) parseSigner(t tlv) error {
	if t.indefinite {
		return derError("a signerInfo of indefinite length")
	}
	_, b, err := want(t.body, tagInteger, "signerInfo.version")
	if err != nil {
		return err
	}
	sid, b, err := next(b)
	if err != nil {
		return err
	}
	if err := definite(sid.raw, "signer identifier"); err != nil {
		return err
	}
	switch sid.tag {
	case tagSequence:
		issuer, rest, err := want(sid.body, tagSequence, "issuer")
		if err != nil {
			return err
		}
		serial, rest, err := want(rest, tagInteger, "serial number")
		if err != nil {
			return err
		}
		if len(rest) != 0 {
			return derError("the signer identifier has more than two parts")
		}
		s.issuer, s.serial = issuer.raw, serial.body
	case tagPrimitive0:
		s.keyID = sid.body
	default:
		return derError("signer identifier with tag %02x", sid.tag)
	}
	if s.digest, b, err = algorithm(b, "digestAlgorithm"); err != nil {
		return err
	}
	if len(b) > 0 && b[0] == tagContext0 {
		var set tlv
		if set, b, err = next(b); err != nil {
			return err
		}
		if err := definite(set.raw, "signedAttrs"); err != nil {
			return err
		}
		s.signedAttrs = set.body
		if s.attrs, s.duplicate, err = attributes(set.body); err != nil {
			return fmt.Errorf("signedAttrs: %w", err)
		}
	}
	if s.sigAlg, b, err = algorithm(b, "signatureAlgorithm"); err != nil {
		return err
	}
	sig, b, err := want(b, tagOctets, "signature")
	if err != nil {
		return err
	}
	s.signature = sig.body
	s.layers[4] = layer{t, t.body[:len(t.body)-len(b)]}
	if len(b) > 0 && b[0] == tagContext1 {
		var set tlv
		if set, b, err = next(b); err != nil {
			return err
		}
		if s.unsigned, _, err = attributes(set.body); err != nil {
			return fmt.Errorf("unsignedAttrs: %w", err)
		}
		if len(s.unsigned) == 0 {
			return derError("an empty set of unsigned attributes")
		}
	}
	if len(b) != 0 {
		return derError("%d bytes follow the signature", len(b))
	}
	return nil
}

// algorithm reads an AlgorithmIdentifier and returns its OID.
func algorithm(b []byte, what string) (code.OID, []byte, error) {
	seq, rest, err := want(b, tagSequence, what)
	if err != nil {
		return "", nil, err
	}
	if err := definite(seq.raw, what); err != nil {
		return "", nil, err
	}
	oid, _, err := want(seq.body, tagOID, what)
	if err != nil {
		return "", nil, err
	}
	return code.OID(oid.body), rest, nil
}

// attributes reads a set of attributes, and returns the first type that stands
// there twice: readers differ in what they make of such a pair.
func attributes(b []byte) (as []attribute, duplicate code.OID, err error) {
	for len(b) > 0 {
		seq, rest, err := want(b, tagSequence, "attribute")
		if err != nil {
			return nil, "", err
		}
		oid, body, err := want(seq.body, tagOID, "attribute type")
		if err != nil {
			return nil, "", err
		}
		values, body, err := want(body, tagSet, "attribute values")
		if err != nil {
			return nil, "", err
		}
		if len(body) != 0 {
			return nil, "", derError("an attribute with more than two parts")
		}
		a := attribute{code.OID(oid.body), values.body}
		for _, other := range as {
			if other.oid == a.oid && duplicate == "" {
				duplicate = a.oid
			}
		}
		as, b = append(as, a), rest
	}
	return as, duplicate, nil
}

// single returns the only value of an attribute, which must have a tag.
func single(values []byte, tag byte, what string) ([]byte, error) {
	t, rest, err := want(values, tag, what)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, derError("%s has more than one value", what)
	}
	return t.body, nil
}

// signingTime returns the time that the signer claims.
func (s *signedData) signingTime() (t time.Time, ok bool, err error) {
	values, ok := s.attr(oidSigningTime)
	if !ok {
		return t, false, nil
	}
	v, rest, err := next(values)
	if err != nil || len(rest) != 0 {
		return t, false, derError("the signing time is not one value")
	}
	t, err = derTime(v)
	return t, err == nil, err
}

// derTime reads a UTCTime or GeneralizedTime in the forms that DER allows.
func derTime(v tlv) (time.Time, error) {
	switch {
	case v.tag == tagUTCTime && len(v.body) == 13:
		t, err := time.Parse("060102150405Z", string(v.body))
		if err == nil && t.Year() >= 2050 { // two-digit years mean 1950 to 2049
			t = t.AddDate(-100, 0, 0)
		}
		if err == nil {
			return t, nil
		}
	case v.tag == tagGeneralTime && len(v.body) == 15:
		if t, err := time.Parse("20060102150405Z", string(v.body)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, derError("%q is no time of the form YYYYMMDDhhmmssZ", v.body)
}
