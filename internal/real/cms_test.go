//go:build real

package real

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// compareCMS compares who signed, with what, and when.
func (s slice) compareCMS() {
	r, g := s.row.CMS, s.got
	if r == nil {
		s.eq("no certificates", true, g.Certs.IsAbsent())
		s.eq("no signing time", true, g.SigningTime.IsAbsent())
		s.eq("no timestamp", true, g.SignedAt.IsAbsent())
		s.eq("ad hoc", true, g.AdHoc().Or(false))
		return
	}
	s.eq("ad hoc", false, g.AdHoc().Or(true))
	s.check("C7", true)
	s.check("C8", len(r.Signers) == 1)
	if len(r.Signers) != 1 {
		return
	}
	padded := slices.ContainsFunc(s.validity.Warnings, func(w code.Warning) bool { return w.ID == "cmsPadding" && w.Arch == s.label })
	s.eq("bytes after the CMS", r.Trailing > 0, padded)
	if blob, err := s.blob(slotNumbers["CMS"]); err != nil || len(blob) < 10 {
		s.differ("CMS bytes", "readable", err)
	} else {
		s.eq("indefinite length", r.Indefinite, blob[9] == 0x80)
	}
	s.compareCertificates(r)
	s.compareSigner(&r.Signers[0])
	s.eq("digest is listed", true, slices.Contains(r.Digests, g.Signature.CMSDigest))
	// What check C9 demands and the subject does not repeat.
	s.eq("content type", "1.2.840.113549.1.7.1", r.Content)
	s.eq("detached", true, r.Detached)
	s.skip("cms.version", "cms.crls", "signer.version", "signer.sig_alg", "signer.signed_attrs", "signer.attrs_der_sorted")
}

func (s slice) compareSigner(r *signerRow) {
	g := s.got
	s.eq("digest algorithm", r.Digest, g.Signature.CMSDigest)
	stampOK := r.Timestamp == nil || r.Timestamp.sound()
	s.check("C9", r.SignatureOK && r.DigestOK && stampOK)
	if r.Agility1OK != nil || r.Agility2OK != nil {
		s.check("C10", or(r.Agility1OK, true) && or(r.Agility2OK, true))
	}
	var full [][]string
	var short []string
	dirs := slices.Clone(g.Signature.Directories)
	slices.SortStableFunc(dirs, func(a, b code.CodeDirectory) int { return int(a.HashType) - int(b.HashType) })
	for _, d := range dirs {
		full = append(full, []string{strings.TrimSuffix(d.HashType.String(), "-truncated"), d.CDHash.Full.String()})
		short = append(short, d.CDHash.String())
	}
	if r.Agility2 != nil && or(r.Agility2OK, false) {
		s.eq("hash agility v2", r.Agility2, full)
	}
	if r.Agility1 != nil && or(r.Agility1OK, false) {
		s.eq("hash agility v1", r.Agility1, short)
	}
	s.check("C11", true)
	s.compareTime("signing time", r.SigningTime, g.SigningTime)
	unsigned := []string{} // check C9 accepts a timestamp and nothing else
	if s.got.SignedAt.IsKnown() {
		unsigned = append(unsigned, "1.2.840.113549.1.9.16.2.14")
	}
	s.eq("unsigned attributes", r.Unsigned, unsigned)
	if r.Timestamp == nil {
		s.compareTime("timestamp", nil, g.SignedAt)
		return
	}
	s.check("C12", stampOK)
	s.check("C15", stampOK)
	s.compareTime("timestamp", &r.Timestamp.Time, g.SignedAt)
	s.eq("timestamp chain ends at Apple", true, slices.Contains(r.Timestamp.Signers[0].Chain, "Apple Root CA"))
	s.skip("timestamp.policy", "timestamp.imprint_alg", "timestamp.certs", "timestamp.detached", "timestamp.signer")
}

func (s slice) compareTime(field string, want *string, got code.Fact[time.Time]) {
	if want == nil {
		s.eq(field+" is absent", true, got.IsAbsent())
		return
	}
	at, known, err := got.Get()
	if !known {
		s.differ(field, *want, err)
		return
	}
	s.eq(field, *want, at.UTC().Format("20060102150405Z"))
}

// compareCertificates compares the verified chain, and each certificate of the
// bag that is part of it.
func (s slice) compareCertificates(r *cmsRow) {
	s.check("C13", r.Signers[0].sound())
	certs, known, err := s.got.Certs.Get()
	if !known {
		s.differ("certificates", r.Signers[0].Chain, err)
		return
	}
	var names []string
	for i := range certs {
		names = append(names, certs[i].CommonName())
	}
	s.eq("chain", r.Signers[0].Chain, names)
	s.eq("leaf common name", r.Signers[0].CN, values(certs[0].Subject, code.OIDCommonName))
	s.eq("Apple's root", names[len(names)-1] == "Apple Root CA", certs[len(certs)-1].AppleRoot)
	for _, want := range r.Certs {
		i := slices.IndexFunc(certs, func(c code.Certificate) bool { return hex.EncodeToString(c.SHA256[:]) == want.SHA256 })
		if i < 0 && !slices.Contains(r.Signers[0].Chain, strings.Join(want.CN, "")) {
			s.skip("certificate outside the chain")
			continue
		}
		s.eq("certificate "+strings.Join(want.CN, "")+" sha256 is in the chain", true, i >= 0)
		if i >= 0 {
			s.compareCertificate(&want, &certs[i])
		}
	}
}

func (s slice) compareCertificate(r *certRow, c *code.Certificate) {
	f := func(name string) string { return "certificate " + c.CommonName() + " " + name }
	s.eq(f("cn"), r.CN, values(c.Subject, code.OIDCommonName))
	s.eq(f("ou"), r.OU, values(c.Subject, code.OIDOrganizationalUnit))
	s.eq(f("o"), r.O, values(c.Subject, code.OIDOrganization))
	s.eq(f("issuer cn"), r.IssuerCN, values(c.Issuer, code.OIDCommonName))
	s.eq(f("issuer ou"), r.IssuerOU, values(c.Issuer, code.OIDOrganizationalUnit))
	s.eq(f("serial"), strings.TrimLeft(r.Serial, "0"), strings.TrimLeft(c.Serial, "0"))
	const layout = "2006-01-02T15:04:05-07:00"
	s.eq(f("not before"), r.NotBefore, c.NotBefore.Format(layout))
	s.eq(f("not after"), r.NotAfter, c.NotAfter.Format(layout))
	apple := []string{}
	for _, o := range c.Extensions {
		if strings.HasPrefix(o.String(), "1.2.840.113635.") {
			apple = append(apple, o.String())
		}
	}
	s.eq(f("Apple's extensions"), sorted(r.AppleOIDs), sorted(apple))
	// The subject keeps the DER and not these facts of it.
	x, err := x509.ParseCertificate(c.DER)
	s.eq(f("DER"), error(nil), err)
	if err != nil {
		return
	}
	var critical []string
	for _, e := range x.Extensions {
		if e.Critical {
			critical = append(critical, e.Id.String())
		}
	}
	s.eq(f("critical extensions"), sorted(r.Critical), sorted(critical))
	s.eq(f("key"), r.Key, keyName(x))
	var outer struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err = asn1.Unmarshal(c.DER, &outer)
	s.eq(f("DER"), error(nil), err)
	s.eq(f("signature algorithm"), r.SigAlg, outer.Algorithm.Algorithm.String())
}

func keyName(x *x509.Certificate) string {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA%d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return fmt.Sprintf("EC%d", k.Curve.Params().BitSize)
	}
	return fmt.Sprintf("%T", x.PublicKey)
}

// values lists all attributes of one type, in order.
func values(name []code.Attribute, o code.OID) []string {
	out := []string{}
	for _, a := range name {
		if a.Type == o {
			out = append(out, a.Value)
		}
	}
	return out
}
