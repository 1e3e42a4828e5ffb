package macho

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// timestamp is a verified timestamp token.
type timestamp struct {
	time time.Time
	root *x509.Certificate
	// newDigest says that the imprint uses a digest that Apple's code does not know.
	newDigest bool
}

// errTimestampUntrusted says that the token's own chain does not hold.
var errTimestampUntrusted = errors.New("the timestamp authority's chain does not hold")

// parseTimestamp verifies a timestamp token over the signature that it counts
// for. The authority's chain must verify whatever the date is today; only the
// time in the token must lie in its leaf's validity.
func (a *authorities) parseTimestamp(token, signature []byte) (*timestamp, error) {
	s, err := parseSignedData(token)
	if err != nil {
		return nil, err
	}
	if s.content == nil {
		return nil, derError("the token carries no content")
	}
	certs, err := a.parse(s.certs)
	if err != nil {
		return nil, err
	}
	cert, err := s.signer(certs)
	if err != nil {
		return nil, err
	}
	content := newContent(s.content)
	if err := s.verify(cert, content, oidTSTInfo); err != nil {
		return nil, err
	}
	if err := s.crossCheck(content, certs); err != nil {
		return nil, err
	}
	when, imprint, err := parseTSTInfo(s.content, signature)
	if err != nil {
		return nil, err
	}
	if when.Before(cert.NotBefore) || when.After(cert.NotAfter) {
		return nil, fmt.Errorf("the time %s lies outside the authority's validity", when.Format(time.RFC3339))
	}
	stamping := false
	for _, u := range cert.ExtKeyUsage {
		stamping = stamping || u == x509.ExtKeyUsageTimeStamping
	}
	if !stamping {
		return nil, fmt.Errorf("%w: %q may not stamp times", errTimestampUntrusted, cert.Subject.CommonName)
	}
	path, err := a.buildChain(cert, certs, when, true)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTimestampUntrusted, err)
	}
	if err := checkChain(path, true); err != nil {
		return nil, fmt.Errorf("%w: %w", errTimestampUntrusted, err)
	}
	root := path[len(path)-1]
	if !isAppleRoot(root) && (len(cert.ExtKeyUsage) != 1 || len(cert.UnknownExtKeyUsage) != 0) {
		// RFC 3161: a certificate that may do anything else could vouch for itself.
		return nil, fmt.Errorf("%w: %q may do more than stamp times", errTimestampUntrusted, cert.Subject.CommonName)
	}
	return &timestamp{when, root, imprint != oidSHA1 && imprint != oidSHA256}, nil
}

// parseTSTInfo reads the time and compares the imprint with the signature. It
// returns the imprint's digest algorithm too.
func parseTSTInfo(b, signature []byte) (when time.Time, alg code.OID, err error) {
	total, err := checkTLV(b)
	if err != nil {
		return when, "", err
	}
	if total != len(b) {
		return when, "", derError("%d bytes follow the TSTInfo", len(b)-total)
	}
	if err := definite(b, "TSTInfo"); err != nil {
		return when, "", err
	}
	seq, _, err := want(b, tagSequence, "TSTInfo")
	if err != nil {
		return when, "", err
	}
	_, rest, err := want(seq.body, tagInteger, "TSTInfo.version")
	if err != nil {
		return when, "", err
	}
	if _, rest, err = want(rest, tagOID, "TSTInfo.policy"); err != nil {
		return when, "", err
	}
	imprint, rest, err := want(rest, tagSequence, "messageImprint")
	if err != nil {
		return when, "", err
	}
	alg, hashed, err := algorithm(imprint.body, "messageImprint")
	if err != nil {
		return when, "", err
	}
	digest, _, err := want(hashed, tagOctets, "messageImprint")
	if err != nil {
		return when, "", err
	}
	d, ok := digestAlgorithms[alg]
	if !ok {
		return when, "", fmt.Errorf("the imprint's digest algorithm %s is not accepted", alg)
	}
	h := d.hash.New()
	h.Write(signature)
	if !bytes.Equal(h.Sum(nil), digest.body) {
		return when, "", errors.New("the token was made for another signature")
	}
	if _, rest, err = want(rest, tagInteger, "TSTInfo.serialNumber"); err != nil {
		return when, "", err
	}
	gen, _, err := want(rest, tagGeneralTime, "genTime")
	if err != nil {
		return when, "", err
	}
	when, err = derTime(gen)
	return when, alg, err
}

// checkTimestamp verifies the unsigned attributes: none, or exactly one
// timestamp. It returns nil without a problem when there is none.
func (s *signedData) checkTimestamp(a *authorities) (*timestamp, error) {
	if len(s.unsigned) == 0 {
		return nil, nil
	}
	stamps := 0
	for _, a := range s.unsigned {
		if a.oid == oidTimestamp {
			stamps++
		}
	}
	switch {
	case stamps != 1:
		return nil, fmt.Errorf("there are unsigned attributes and %d timestamps, want one", stamps)
	case len(s.unsigned) > 1:
		return nil, ownRule{fmt.Errorf("there are %d unsigned attributes, want the timestamp alone", len(s.unsigned))}
	}
	token, rest, err := want(s.unsigned[0].values, tagSequence, "timestamp")
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, derError("more than one timestamp")
	}
	return a.parseTimestamp(token.raw, s.signature)
}

// trustedFor reports whether a timestamp's root counts for a code chain: Apple's
// roots always, any other only when the code chain ends in the same one.
func (t *timestamp) trustedFor(codeRoot *x509.Certificate) (code.Status, bool) {
	if isAppleRoot(t.root) {
		return code.StatusSuccess, true
	}
	if isAppleRoot(codeRoot) {
		return code.StatusNotTrusted, false
	}
	return code.StatusTimestampNotTrusted, bytes.Equal(t.root.Raw, codeRoot.Raw)
}
