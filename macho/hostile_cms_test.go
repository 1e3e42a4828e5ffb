package macho

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// certify issues a certificate like spec for any public key and algorithm.
func certify(t *testing.T, like, issuer fixtures.Identity, pub crypto.PublicKey, alg x509.SignatureAlgorithm) []byte {
	t.Helper()
	c := like.Parsed()
	der, err := x509.CreateCertificate(nil, &x509.Certificate{
		SerialNumber: c.SerialNumber, RawSubject: c.RawSubject, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		ExtraExtensions: c.Extensions, SignatureAlgorithm: alg,
	}, issuer.Parsed(), pub, issuer.Key)
	require.NoError(t, err)
	return der
}

// giantKey is an RSA key whose verification takes long.
func giantKey(bits, exponent int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: exponent}
}

// TestGiantKeyIsRefusedBeforeAnySignature puts keys beyond all use wherever a
// certificate can stand: not one signature may be verified with them about.
func TestGiantKeyIsRefusedBeforeAnySignature(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bits, exponent int
		refused        bool
	}{
		"8192 bits and 2^17-1 are the most": {8192, 1<<17 - 1, false},
		"a key of 8193 bits":                {8193, 65537, true},
		"a key of 32 KiB":                   {32 << 13, 65537, true},
		"an exponent of 2^17+1":             {2048, 1<<17 + 1, true},
		"an exponent of 2^31-1":             {2048, 1<<31 - 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := giantKey(tt.bits, tt.exponent)
			id, ca := fixtures.DeveloperID(), fixtures.DeveloperIDCA()
			spare := certify(t, fixtures.Expired(), ca, key, x509.SHA256WithRSA)

			o := fixtures.Good()
			o.CMS = func(c *fixtures.CMS) { c.Certificates = append(c.Signer.Bag(), spare) }
			s := verifyBytes(t, fixtures.Sign(o))
			if !tt.refused {
				require.NoError(t, s.Verified(), "a certificate that is not used")
				return
			}
			assert.Equal(t, code.Failed, s.Validity.Find("C8").Outcome, "a certificate that is not used: %s", describe(s))
			assert.Equal(t, code.NotRun, s.Validity.Find("C9").Outcome)
			assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status)
			assert.Equal(t, "unknown", appleSays(s), "the limit is ours")

			o.CMS = func(c *fixtures.CMS) { c.Signer.Cert = certify(t, id, ca, key, x509.SHA256WithRSA) }
			s = verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, code.Failed, s.Validity.Find("C8").Outcome, "the signer: %s", describe(s))
			assert.Equal(t, code.NotRun, s.Validity.Find("C9").Outcome)

			o.CMS = func(c *fixtures.CMS) { c.Timestamp.Certificates = append(fixtures.TimestampAuthority().Bag(), spare) }
			s = verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status, "in the timestamp: %s", describe(s))
			assert.Equal(t, code.Failed, s.Validity.Find("C9").Outcome)
		})
	}
}

// TestSignatureAlgorithmMayNameTheBareKey is what older Apple tools write for
// keys on elliptic curves; the library that reads along does not know it.
func TestSignatureAlgorithmMayNameTheBareKey(t *testing.T) {
	t.Parallel()
	for name, algorithm := range map[string][]byte{
		"ecdsa-with-SHA256": {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02},
		"id-ecPublicKey":    {0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01},
	} {
		o := fixtures.Good()
		id := fixtures.ECDSA()
		o.Identity = &id
		o.CMS = func(c *fixtures.CMS) {
			c.Fields = func(parts [][]byte) [][]byte {
				parts[4] = algorithm
				return parts
			}
		}
		s := verifyBytes(t, fixtures.Sign(o))
		require.NoError(t, s.Verified(), name)
		assert.Equal(t, "errSecSuccess", appleSays(s), name)

		o.CMS = func(c *fixtures.CMS) {
			c.Fields = func(parts [][]byte) [][]byte {
				parts[4] = algorithm
				parts[5][len(parts[5])-1] ^= 1
				return parts
			}
		}
		s = verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status, "%s with a wrong signature", name)
	}
}

// decoys are further certificates that fit into the honest chain by name and key:
// an expired edition of the intermediate, and the root signed by an older one.
func decoys() (expired, cross, older fixtures.Identity) {
	day := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	root := fixtures.CertSpec{
		Key: "ca-root", Serial: 1, CommonName: "xpcpolicy Test Root CA", Org: "xpcpolicy Test",
		Units: []string{"Certification Authority"}, CA: true, PathLen: -1, NotBefore: day(2010), NotAfter: day(2049),
	}
	honest := fixtures.Issue(root)
	expired = fixtures.Issue(fixtures.CertSpec{
		Key: "ca-developer-id", Issuer: &honest, Serial: 77, Org: "xpcpolicy Test",
		CommonName: "xpcpolicy Test Developer ID Certification Authority", CA: true,
		Markers: []string{fixtures.MarkerDeveloperIDCA}, NotBefore: day(2012), NotAfter: day(2020),
	})
	older = fixtures.Issue(fixtures.CertSpec{
		Key: "attacker-root", Serial: 9, CommonName: "Old Root", CA: true, PathLen: -1, NotBefore: day(2010), NotAfter: day(2049),
	})
	root.Issuer, root.Serial = &older, 10
	return expired, fixtures.Issue(root), older
}

// permutations calls f with every order of list.
func permutations[T any](list []T, f func([]T)) {
	if len(list) < 2 {
		f(list)
		return
	}
	for i := range list {
		rest := slices.Delete(slices.Clone(list), i, i+1)
		permutations(rest, func(p []T) { f(append([]T{list[i]}, p...)) })
	}
}

func TestChainDoesNotDependOnTheOrderOfTheBag(t *testing.T) {
	t.Parallel()
	expired, cross, older := decoys()
	id := fixtures.DeveloperID()
	certs, err := newAuthorities(9).parse(append(id.Bag(), expired.Cert, cross.Cert, older.Cert))
	require.NoError(t, err)
	leaf := id.Parsed()
	want := [][]byte{id.Cert, id.Chain[0], id.Chain[1]}
	permutations(certs, func(bag []*x509.Certificate) {
		path, err := newAuthorities(9).buildChain(leaf, bag, fixtures.SignedAt, false)
		require.NoError(t, err)
		var got [][]byte
		for _, c := range path {
			got = append(got, c.Raw)
		}
		require.Equal(t, want, got)
	})
}

func TestFurtherCertificatesDoNotChangeTheVerdict(t *testing.T) {
	t.Parallel()
	expired, cross, older := decoys()
	authority := fixtures.TimestampAuthority()
	honest := verifyBytes(t, fixtures.F1())
	require.NoError(t, honest.Verified())
	for name, change := range map[string]func(c *fixtures.CMS){
		"an expired edition of the intermediate first": func(c *fixtures.CMS) {
			c.Certificates = append([][]byte{expired.Cert}, c.Signer.Bag()...)
		},
		"an expired edition of the intermediate last": func(c *fixtures.CMS) {
			c.Certificates = append(c.Signer.Bag(), expired.Cert)
		},
		"a root that another one signed, first": func(c *fixtures.CMS) {
			c.Certificates = append([][]byte{cross.Cert, older.Cert}, c.Signer.Bag()...)
		},
		"a root that another one signed, last": func(c *fixtures.CMS) {
			c.Certificates = append(c.Signer.Bag(), cross.Cert, older.Cert)
		},
		"the same in the timestamp, first": func(c *fixtures.CMS) {
			c.Timestamp.Certificates = append([][]byte{cross.Cert, older.Cert}, authority.Bag()...)
		},
		"the same in the timestamp, last": func(c *fixtures.CMS) {
			c.Timestamp.Certificates = append(authority.Bag(), cross.Cert, older.Cert)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			o.CMS = change
			s := verifyBytes(t, fixtures.Sign(o))
			require.NoError(t, s.Verified())
			assert.Equal(t, "errSecSuccess", appleSays(s))
			assert.Equal(t, honest.Certs, s.Certs)
			assert.Equal(t, honest.SignedAt, s.SignedAt)
			assert.Empty(t, s.Validity.Warnings)
		})
	}
}

// TestSignerCannotVouchForItsOwnTime has an expired leaf that may stamp times too
// and dates its own signature back.
func TestSignerCannotVouchForItsOwnTime(t *testing.T) {
	t.Parallel()
	for name, usages := range map[string][]string{
		"code signing first":  {fixtures.UsageCodeSigning, fixtures.UsageTimeStamping},
		"time stamping first": {fixtures.UsageTimeStamping, fixtures.UsageCodeSigning},
	} {
		spec := fixtures.DeveloperIDSpec()
		spec.Usages = usages
		spec.NotBefore = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
		spec.NotAfter = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
		id := fixtures.Issue(spec)
		o := fixtures.Good()
		o.Identity = &id
		o.SigningTime = time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
		o.CMS = func(c *fixtures.CMS) { c.Timestamp.Signer, c.Timestamp.Time = &id, o.SigningTime }
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusTimestampNotTrusted, s.Validity.Status, "%s: %s", name, describe(s))
		assert.Equal(t, "unknown", appleSays(s), name)
		assert.False(t, s.SignedAt.IsKnown(), name)
	}
}

func TestUnsignedAttributesAreATimestampOrNothing(t *testing.T) {
	t.Parallel()
	other := []byte{0x30, 0x0d, 0x06, 0x06, 0x2b, 0x06, 1, 4, 1, 1, 0x31, 0x03, 0x04, 1, 1}
	for name, tt := range map[string]struct {
		timestamp bool
		unsigned  [][]byte
		want      code.Status
		apple     string
	}{
		"none":                            {false, nil, code.StatusSuccess, "errSecSuccess"},
		"the timestamp":                   {true, nil, code.StatusSuccess, "errSecSuccess"},
		"another and no timestamp":        {false, [][]byte{other}, code.StatusSignatureFailed, "errSecCSSignatureFailed"},
		"another beside the timestamp":    {true, [][]byte{other}, code.StatusSignatureFailed, "unknown"},
		"another twice, beside timestamp": {true, [][]byte{other, other}, code.StatusSignatureFailed, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			o.Timestamp = tt.timestamp
			o.CMS = func(c *fixtures.CMS) { c.Unsigned = tt.unsigned }
			s := verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s))
		})
	}
}
