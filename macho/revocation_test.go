package macho

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// revocationList makes a list with the standard library, which shares no code with
// our reader.
func revocationList(t testing.TB, issuer fixtures.Identity, change func(l *x509.RevocationList), serials ...int64) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: fixtures.Clock.AddDate(0, 0, -1), NextUpdate: fixtures.Clock.AddDate(0, 0, 6)}
	for _, n := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: fixtures.Clock.AddDate(0, 0, -2), ReasonCode: 1})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, issuer.Parsed(), issuer.Key)
	require.NoError(t, err)
	return der
}

func rootIdentity() fixtures.Identity {
	return fixtures.Identity{Cert: fixtures.Root(), Key: fixtures.Key("ca-root")}
}

func verifyWithLists(t *testing.T, lists ...[]byte) *code.Subject {
	t.Helper()
	b := fixtures.F1()
	return VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock, CRLs: lists})
}

const leafSerial, caSerial = 100, 2 // of fixtures.DeveloperID and its issuer

func TestRevocationIsUnknownUnlessListsAnswer(t *testing.T) {
	t.Parallel()
	ca, root := fixtures.DeveloperIDCA(), rootIdentity()
	good, above := revocationList(t, ca, nil, 99), revocationList(t, root, nil)
	s := verifyWithLists(t, good, above)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, code.Known(code.Revocation{AsOf: fixtures.Clock.AddDate(0, 0, -1)}), s.Revocation)
	both := append(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: good}), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: above})...)
	assert.True(t, verifyWithLists(t, both).Revocation.IsKnown(), "two lists in one PEM file")

	for name, tt := range map[string]struct {
		lists [][]byte
		why   string
	}{
		"nobody supplied a list":     {nil, "not checked"},
		"no list about the CA":       {[][]byte{good}, "certificate 1"},
		"no list about the leaf":     {[][]byte{above}, "certificate 0"},
		"a list that is stale":       {[][]byte{above, revocationList(t, ca, func(l *x509.RevocationList) { l.NextUpdate = fixtures.Clock.Add(-time.Second) })}, "stale"},
		"a list from the future":     {[][]byte{above, revocationList(t, ca, func(l *x509.RevocationList) { l.ThisUpdate = fixtures.Clock.Add(time.Second) })}, "future"},
		"a list of another key":      {[][]byte{above, forged(t, nil)}, "does not verify"},
		"a list that names too much": {[][]byte{above, revocationList(t, ca, critical)}, "critical"},
		"garbage":                    {[][]byte{[]byte("garbage")}, "malformed"},
		"an empty file":              {[][]byte{{}}, "malformed"},
		"a list cut short":           {[][]byte{good[:len(good)-1]}, "malformed"},
		"bytes behind a list":        {[][]byte{append(bytes.Clone(good), 0)}, "follow"},
		"a PEM file without a list":  {[][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert})}, "malformed"},
		"too many lists":             {manyLists(good), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyWithLists(t, tt.lists...)
			assert.NoError(t, s.Verified(), "what nobody knows is for the policy")
			require.True(t, s.Revocation.IsUnknown())
			assert.Contains(t, s.Revocation.Err().Error(), tt.why)
			assert.Equal(t, len(tt.lists) > 0, hasWarning(s, "revocationUnknown"))
		})
	}
	adhoc := fixtures.AdHoc()
	s = VerifyReader(context.Background(), bytes.NewReader(adhoc), int64(len(adhoc)), Options{})
	assert.True(t, s.Revocation.IsAbsent(), "there is nothing to revoke")
}

func manyLists(one []byte) [][]byte {
	var out [][]byte
	for range maxCRLs + 1 {
		out = append(out, one)
	}
	return out
}

func critical(l *x509.RevocationList) {
	l.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}
}

// forged is a list with the issuer's name, signed with the attacker's key.
func forged(t testing.TB, change func(l *x509.RevocationList), serials ...int64) []byte {
	t.Helper()
	ca := fixtures.DeveloperIDCA().Parsed()
	id := fixtures.Issue(fixtures.CertSpec{Key: "attacker-ca", Serial: 9, Subject: ca.RawSubject, CA: true, PathLen: -1})
	return revocationList(t, id, change, serials...)
}

// TestRevokedCodeIsRefused: whatever its timestamp says, as Apple's validation does
// when it asks.
func TestRevokedCodeIsRefused(t *testing.T) {
	t.Parallel()
	ca, root := fixtures.DeveloperIDCA(), rootIdentity()
	later := func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].RevocationTime = fixtures.Clock }
	for name, tt := range map[string]struct {
		lists [][]byte
		index int
	}{
		"the leaf":                      {[][]byte{revocationList(t, ca, nil, 1, leafSerial)}, 0},
		"the leaf, after the timestamp": {[][]byte{revocationList(t, ca, later, leafSerial)}, 0},
		"the intermediate":              {[][]byte{revocationList(t, ca, nil), revocationList(t, root, nil, caSerial)}, 1},
		"the leaf, in a stale list":     {[][]byte{revocationList(t, ca, func(l *x509.RevocationList) { l.NextUpdate = fixtures.Clock.Add(-time.Second) }, leafSerial)}, 0},
		"the leaf, in one of two lists": {[][]byte{revocationList(t, ca, nil), revocationList(t, ca, nil, leafSerial)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyWithLists(t, tt.lists...)
			assert.Equal(t, code.StatusCertRevoked, s.Validity.Status, describe(s))
			assert.Equal(t, code.StatusCertRevoked, code.StatusOf(s.Verified()))
			assert.Equal(t, code.Known(code.StatusSuccess), s.Validity.Apple, "without network Apple asks nobody")
			r, ok, _ := s.Revocation.Get()
			require.True(t, ok && r.Revoked)
			assert.Equal(t, tt.index, r.Index)
			assert.True(t, s.Certs.IsUnknown(), "nothing is decided on a revoked chain")
		})
	}
	s := verifyWithLists(t, forged(t, nil, leafSerial))
	assert.NoError(t, s.Verified(), "a forged list revokes nothing")
	s = verifyWithLists(t, revocationList(t, root, nil, leafSerial))
	assert.NoError(t, s.Verified(), "the number of another issuer's certificate")
}

func FuzzCRL(f *testing.F) {
	f.Add(revocationList(f, fixtures.DeveloperIDCA(), nil, 1, 2, 100))
	f.Add(revocationList(f, fixtures.DeveloperIDCA(), nil))
	f.Add(revocationList(f, fixtures.DeveloperIDCA(), critical, 7))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: revocationList(f, rootIdentity(), nil, 3)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, der := range splitPEM(b) {
			l, err := parseCRL(der)
			if err != nil {
				continue
			}
			ours := 0
			if err := l.each(func([]byte, time.Time) { ours++ }); err != nil {
				t.Fatalf("parsing let pass what cannot be walked: %v", err)
			}
			// Where the standard library accepts the list too, both see the same.
			if std, err := x509.ParseRevocationList(der); err == nil {
				if len(std.RevokedCertificateEntries) != ours || !std.ThisUpdate.Equal(l.made) || !bytes.Equal(std.RawIssuer, l.issuer) {
					t.Fatalf("%d entries of %v, the standard library sees %d of %v", ours, l.made, len(std.RevokedCertificateEntries), std.ThisUpdate)
				}
			}
		}
	})
}

// TestMalformedListHidesNoRevocation in another one, whatever their order.
func TestMalformedListHidesNoRevocation(t *testing.T) {
	t.Parallel()
	ca, root := fixtures.DeveloperIDCA(), rootIdentity()
	revoked, above := revocationList(t, ca, nil, leafSerial), revocationList(t, root, nil)
	for name, lists := range map[string][][]byte{
		"garbage in front":       {[]byte("garbage"), revoked, above},
		"a list that is refused": {revoked, above, revocationList(t, root, critical)},
		"too many lists":         append([][]byte{revoked}, manyLists(above)...),
	} {
		s := verifyWithLists(t, lists...)
		assert.Equal(t, code.StatusCertRevoked, s.Validity.Status, "%s: %s", name, describe(s))
	}
}
