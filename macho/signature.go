package macho

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

const adHocSteps = "the code is ad hoc"

func (s *slice) cmsFailed(status code.Status, format string, args ...any) problem {
	return rejected(status, "CMS signature", s.blob.blobOffset(slotCMS), format, args...)
}

func (s *slice) checkCMSPresent() check {
	switch {
	case s.adHoc:
		return notApplicable(adHocSteps)
	case !s.blob.has(slotCMS):
		return failed(s.cmsFailed(code.StatusUnsigned, "there is none, and the code does not say that it is ad hoc"))
	}
	return passed()
}

func (s *slice) checkCMSDecodes() check {
	if s.adHoc {
		return notApplicable(adHocSteps)
	}
	b := payload(s.blob.blob(slotCMS))
	undecodable := func(err error) check {
		return failed(unjudged(code.StatusSignatureFailed, "CMS signature", s.blob.blobOffset(slotCMS), "%w", err))
	}
	if len(b) == 0 {
		return undecodable(errors.New("it is empty, and the code does not say that it is ad hoc"))
	}
	cms, err := parseSignedData(b)
	if err != nil {
		return undecodable(err)
	}
	if s.bag, err = s.v.known.parse(cms.certs); err != nil {
		return undecodable(err)
	}
	s.cms = cms
	if cms.trailing > 0 {
		s.warn("cmsPadding", "%d zero bytes follow the CMS signature", cms.trailing)
	}
	if d, ok := digestAlgorithms[cms.digest]; ok {
		s.facts.Signature.CMSDigest = d.name
		if cms.digest == oidSHA1 {
			s.warn("weakDigest", "the CMS signature uses SHA-1")
		}
	}
	return passed()
}

func (s *slice) checkCMSSignature() check {
	if s.adHoc {
		return notApplicable(adHocSteps)
	}
	cert, err := s.cms.signer(s.bag)
	if err != nil {
		return failed(s.cmsFailed(code.StatusSignatureFailed, "%w", err))
	}
	if s.cms.content != nil {
		return failed(unjudged(code.StatusSignatureFailed, "CMS signature", s.blob.blobOffset(slotCMS), "it carries its own content instead of signing the CodeDirectory"))
	}
	primary := newContent(s.blob.blob(slotCodeDirectory))
	if d := s.dirs[0]; d.Slot == slotCodeDirectory && d.HashType == code.HashSHA256 {
		primary.sums[crypto.SHA256] = d.CDHash.Full // the same bytes, hashed before
	}
	if err := s.cms.verify(cert, primary, oidData); err != nil {
		p := s.cmsFailed(code.StatusSignatureFailed, "%w", err)
		// Apple accepts a signature over the bare content.
		_, accepted := digestAlgorithms[s.cms.digest]
		var own ownRule
		if len(s.cms.attrs) == 0 || !accepted || errors.As(err, &own) {
			p.apple = code.Unknown[code.Status](err)
		}
		return failed(p)
	}
	if err := s.cms.crossCheck(primary, s.bag); err != nil {
		return failed(unjudged(code.StatusSignatureFailed, "CMS signature", s.blob.blobOffset(slotCMS), "%w", err))
	}
	s.signer = cert
	s.stamp, s.stampErr = s.cms.checkTimestamp(s.v.known)
	if s.stampErr != nil && !errors.Is(s.stampErr, errTimestampUntrusted) {
		p := s.cmsFailed(code.StatusSignatureFailed, "timestamp: %w", s.stampErr)
		var own ownRule
		if errors.As(s.stampErr, &own) {
			p.apple = code.Unknown[code.Status](s.stampErr)
		}
		return failed(p)
	}
	c := passed()
	if s.stamp != nil && s.stamp.newDigest {
		c.unsure = "Apple's code knows only SHA-1 and SHA-256 in timestamps"
	}
	return c
}

// checkAgility compares the hash lists in the signed attributes with all
// CodeDirectories. They are the only thing that signs an alternate directory, so
// they are mandatory where there is one.
func (s *slice) checkAgility() check {
	if s.adHoc {
		return notApplicable(adHocSteps)
	}
	v1, has1 := s.cms.attr(oidAgilityV1)
	v2, has2 := s.cms.attr(oidAgilityV2)
	if has1 {
		if err := s.agilityV1(v1); err != nil {
			return failed(s.cmsFailed(code.StatusSignatureFailed, "hash agility v1: %w", err))
		}
	}
	if has2 {
		if err := s.agilityV2(v2); err != nil {
			return failed(s.cmsFailed(code.StatusSignatureFailed, "hash agility v2: %w", err))
		}
	}
	if !has1 && !has2 && len(s.dirs) > 1 {
		return failed(stricter(code.StatusSignatureFailed, "CMS signature", s.blob.blobOffset(slotCMS), "it signs the primary CodeDirectory alone; nothing vouches for the %d alternates", len(s.dirs)-1))
	}
	if !has1 && !has2 {
		return notApplicable("the signature lists no hashes, and there is one CodeDirectory")
	}
	return passed()
}

func (s *slice) agilityV1(values []byte) error {
	b, err := single(values, tagOctets, "the list")
	if err != nil {
		return err
	}
	v, err := plist.ParseXML(b, plist.Options{MaxValues: 64})
	if err != nil {
		return err
	}
	list, ok := v.Get("cdhashes")
	if !ok || list.Kind() != plist.KindArray || list.Len() != len(s.dirs) {
		return fmt.Errorf("want a list of %d hashes, found %d", len(s.dirs), list.Len())
	}
	for i, d := range s.byType() {
		item, _ := list.Index(i)
		if h, ok := item.Bytes(); !ok || !bytes.Equal(h, d.CDHash.Hash[:]) {
			return fmt.Errorf("hash %d is %.8x…, the %s has %.8x…", i, h, d.part(), d.CDHash.Hash[:])
		}
	}
	return nil
}

var agilityDigest = map[code.HashType]code.OID{
	code.HashSHA1: oidSHA1, code.HashSHA256: oidSHA256, code.HashSHA256Truncated: oidSHA256, code.HashSHA384: oidSHA384,
}

func (s *slice) agilityV2(values []byte) error {
	type entry struct {
		digest code.OID
		hash   []byte
	}
	var entries []entry
	for rest := values; len(rest) > 0; {
		seq, r, err := want(rest, tagSequence, "the list")
		if err != nil {
			return err
		}
		oid, body, err := want(seq.body, tagOID, "digest")
		if err != nil {
			return err
		}
		h, body, err := want(body, tagOctets, "hash")
		if err != nil {
			return err
		}
		if len(body) != 0 {
			return derError("an entry with more than two parts")
		}
		entries, rest = append(entries, entry{code.OID(oid.body), h.body}), r
	}
	if len(entries) != len(s.dirs) {
		return fmt.Errorf("it lists %d hashes, there are %d CodeDirectories", len(entries), len(s.dirs))
	}
	for _, d := range s.dirs {
		found := false
		for _, e := range entries {
			if e.digest == agilityDigest[d.HashType] {
				if !bytes.Equal(e.hash, d.CDHash.Full) && !bytes.Equal(e.hash, s.untruncated(d)) {
					return fmt.Errorf("its %s hash is %.8x…, the %s has %.8x…", d.HashType, e.hash, d.part(), []byte(d.CDHash.Full))
				}
				found = true
				break
			}
		}
		if !found {
			return fmt.Errorf("it lists no %s hash for the %s", d.HashType, d.part())
		}
	}
	return nil
}

// untruncated is the whole SHA-256 of a directory whose type truncates it.
func (s *slice) untruncated(d *directory) []byte {
	if d.HashType != code.HashSHA256Truncated {
		return d.CDHash.Full
	}
	var buf [64]byte
	return append([]byte(nil), sum(code.HashSHA256, d.raw, &buf)...)
}

func (s *slice) checkSigningTime() check {
	if s.adHoc {
		s.facts.SigningTime = code.Absent[time.Time]()
		return notApplicable(adHocSteps)
	}
	t, ok, err := s.cms.signingTime()
	if err != nil {
		return failed(unjudged(code.StatusSignatureFailed, "signing time", s.blob.blobOffset(slotCMS), "%w", err))
	}
	if !ok {
		s.facts.SigningTime = code.Absent[time.Time]()
		return passed()
	}
	s.claimed = t.UTC()
	s.facts.SigningTime = code.Known(s.claimed)
	if !s.v.opts.Now.IsZero() && t.After(s.v.opts.Now.Add(24*time.Hour)) {
		s.warn("futureSigningTime", "the signer claims to have signed on %s, which is in the future", t.Format(time.DateOnly))
	}
	return passed()
}

func (s *slice) checkSecureTimestamp() check {
	switch {
	case s.adHoc:
		s.facts.SignedAt = code.Absent[time.Time]()
		return notApplicable(adHocSteps)
	case s.stampErr != nil:
		return failed(unjudged(code.StatusTimestampNotTrusted, "timestamp", s.blob.blobOffset(slotCMS), "%w", s.stampErr))
	case s.stamp == nil:
		s.facts.SignedAt = code.Absent[time.Time]()
		return notApplicable("the signature has no secure timestamp")
	}
	return passed()
}

func (s *slice) checkChain() check {
	if s.adHoc {
		s.facts.Certs = code.Absent[[]code.Certificate]()
		return notApplicable(adHocSteps)
	}
	when := s.claimed
	if s.stamp != nil {
		when = s.stamp.time
	} else if when.IsZero() {
		when = s.v.opts.Now
	}
	path, err := s.v.known.buildChain(s.signer, s.bag, when, false)
	if err != nil {
		return failed(rejected(code.StatusNotTrusted, "certificate chain", -1, "%q: %w", s.signer.Subject.CommonName, err))
	}
	if err := checkChain(path, false); err != nil {
		p := rejected(code.StatusNotTrusted, "certificate chain", -1, "%w", err)
		var own ownRule
		if errors.As(err, &own) {
			p.apple = code.Unknown[code.Status](err)
		}
		return failed(p)
	}
	if p := checkLeaf(s.signer); p != nil {
		return failed(*p)
	}
	if s.stamp != nil {
		if status, err := checkValidity(path, s.stamp.time); err != nil {
			return failed(rejected(status, "certificate chain", -1, "at the time of the secure timestamp: %w", err))
		}
	} else {
		s.judgeWithoutTimestamp(path)
	}
	s.path = path
	certs := make([]code.Certificate, len(path))
	for i, c := range path {
		certs[i] = s.v.known.facts(c)
	}
	s.facts.Certs = code.Known(certs)
	return s.checkRevocation()
}

// judgeWithoutTimestamp tolerates an expired chain, as Apple does, and keeps the
// reason: the time that counts is the signer's own claim.
func (s *slice) judgeWithoutTimestamp(path []*x509.Certificate) {
	when := s.claimed
	if when.IsZero() {
		when = s.v.opts.Now
	}
	if when.IsZero() {
		s.expired = errors.New("nobody knows the time")
		return
	}
	if _, err := checkValidity(path, when); err != nil {
		s.expired = err
	}
	if s.v.opts.Now.IsZero() {
		return
	}
	if _, err := checkValidity(path, s.v.opts.Now); err != nil {
		s.warn("certExpiredNow", "%v, and no secure timestamp shows that it was valid when it signed", err)
	}
}

func (s *slice) checkTeam() check {
	if s.adHoc {
		return notApplicable(adHocSteps)
	}
	team := s.best.TeamID
	certs := s.facts.Certs.Or(nil)
	if team == "" || !isAppleRoot(s.path[len(s.path)-1]) || !code.DeveloperType(certs) {
		return notApplicable("no certificate of an Apple developer vouches for a team identifier")
	}
	ou, ok := certs[0].First(code.OIDOrganizationalUnit)
	if !ok || ou != team {
		return failed(rejected(code.StatusBadTeamIdentifier, "team identifier", s.best.off, "the CodeDirectory says %q, the certificate %q", team, ou))
	}
	return passed()
}

func (s *slice) checkTimestampRoot() check {
	switch {
	case s.adHoc:
		return notApplicable(adHocSteps)
	case s.stamp == nil:
		return notApplicable("the signature has no secure timestamp")
	}
	if status, ok := s.stamp.trustedFor(s.path[len(s.path)-1]); !ok {
		return failed(unjudged(status, "timestamp", s.blob.blobOffset(slotCMS), "its authority's chain ends in %q, neither Apple's root nor the root of the code", s.stamp.root.Subject.CommonName))
	}
	s.facts.SignedAt = code.Known(s.stamp.time.UTC())
	return passed()
}

func (s *slice) checkExpiration() check {
	switch {
	case s.adHoc:
		return notApplicable(adHocSteps)
	case s.best.Flags&code.FlagForceExpiration == 0:
		return notApplicable("the code does not ask for it")
	case s.expired != nil:
		return failed(rejected(code.StatusCertExpired, "certificate chain", -1, "%w", s.expired))
	}
	return passed()
}
