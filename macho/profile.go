package macho

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

const (
	// maxProfile bounds the property list in a profile. Lists of thousands of
	// devices have some hundred kilobytes.
	maxProfile = 512 << 10
	// maxProfileItems bounds the lists in a profile that are kept.
	maxProfileItems = 1000
)

// Names of embedded profiles: on macOS, and on the systems of phones.
const (
	profileMac   = "embedded.provisionprofile"
	profilePhone = "embedded.mobileprovision"
)

// The only signer of profiles for phones, by the names that Apple compares.
const (
	phoneProfileSigner = "Apple iPhone OS Provisioning Profile Signing"
	phoneProfileIssuer = "Apple iPhone Certification Authority"
)

// judgeEntitlements reads the embedded profile and says of each slice which
// entitlements it does not authorise. Code without a chain has nothing to revoke.
func (v *verification) judgeEntitlements(subject *code.Subject, slices []*slice) {
	subject.Profile = v.profile()
	if p, ok, _ := subject.Profile.Get(); ok && p.Valid {
		p.CertMatch, p.AppIDMatch = eachSlice(slices, func(s *code.Slice) code.Fact[bool] {
			leaf, ok, err := s.Leaf().Get()
			if err != nil {
				return code.Unknown[bool](err)
			}
			return code.Known(ok && p.Lists(leaf))
		}), eachSlice(slices, p.MadeFor)
		subject.Profile = code.Known(p)
	}
	for _, s := range slices {
		if s.facts.Certs.IsAbsent() {
			s.facts.Revocation = code.Absent[code.Revocation]()
		}
		s.facts.Unauthorised = code.Unauthorised(&s.facts, subject.Profile)
		list, _, _ := s.facts.Unauthorised.Get()
		var keys []string
		var why string
		for _, u := range list {
			if u.Restricted {
				keys, why = append(keys, fmt.Sprintf("%q", u.Key)), u.Detail
			}
		}
		if n := len(keys); n > 0 {
			if n > 5 {
				keys = append(keys[:5], fmt.Sprintf("%d more", n-5))
			}
			s.warn("unauthorisedEntitlements", "no matching profile found for %s: %s. A Mac ends such code when it is launched (\"Unsatisfied entitlements\", error -413)", strings.Join(keys, ", "), why)
		}
	}
}

// eachSlice is true only if an answer is true for every slice.
func eachSlice(slices []*slice, ask func(*code.Slice) code.Fact[bool]) code.Fact[bool] {
	out := code.Known(true)
	for _, s := range slices {
		switch answer := ask(&s.facts); {
		case answer.IsUnknown():
			return answer
		case answer != code.Known(true):
			out = code.Known(false)
		}
	}
	return out
}

// profile reads the profile of a bundle. Only a bundle can have one.
func (v *verification) profile() code.Fact[code.Profile] {
	if v.bundle == nil {
		return code.Absent[code.Profile]()
	}
	var found code.Fact[code.Profile]
	found = code.Absent[code.Profile]()
	for _, name := range []string{profileMac, profilePhone} {
		name = path.Join(v.bundle.support, name)
		data, odd, err := v.bundle.regular(name, maxCMS)
		if err != nil {
			return code.Unknown[code.Profile](fmt.Errorf("%s: %w", name, err))
		}
		if data == nil && !odd {
			continue
		}
		p := code.Profile{Path: name, Size: int64(len(data))}
		switch {
		case odd:
			p.Problem = "it is no plain file, or lies behind a link"
		case found.IsKnown():
			p.Problem = "the bundle has two profiles"
		default:
			if read, err := v.parseProfile(data, path.Base(name) == profilePhone); err != nil {
				p.Problem = err.Error()
			} else {
				read.Path, read.Size = p.Path, p.Size
				p = *read
			}
		}
		found = code.Known(p)
	}
	return found
}

// parseProfile verifies a profile and reads it. Nothing is taken from a profile
// whose signature or signer is not right.
func (v *verification) parseProfile(b []byte, phone bool) (*code.Profile, error) {
	cms, err := parseSignedData(b)
	if err != nil {
		return nil, err
	}
	if cms.content == nil {
		return nil, errors.New("the CMS carries no content")
	}
	if len(cms.unsigned) > 0 {
		return nil, errors.New("the CMS has unsigned attributes")
	}
	certs, err := v.known.parse(cms.certs)
	if err != nil {
		return nil, err
	}
	signer, err := cms.signer(certs)
	if err != nil {
		return nil, err
	}
	content := newContent(cms.content)
	if err := cms.verify(signer, content, oidData); err != nil {
		return nil, err
	}
	if err := cms.crossCheck(content, certs); err != nil {
		return nil, err
	}
	p, err := readProfile(cms.content)
	if err != nil {
		return nil, err
	}
	signed, ok, err := cms.signingTime()
	if err != nil {
		return nil, err
	}
	if !ok {
		signed = p.Created
	}
	// Nothing but the profile's own dates limits how long it counts: its signer must
	// have been valid when it signed.
	chain, err := v.known.buildChain(signer, certs, signed, false)
	if err != nil {
		return nil, err
	}
	if err := checkChain(chain, false); err != nil {
		return nil, err
	}
	if _, err := checkValidity(chain, signed); err != nil {
		return nil, fmt.Errorf("when the profile was signed: %w", err)
	}
	if err := v.checkProfileSigner(chain, phone); err != nil {
		return nil, err
	}
	p.Valid, p.Signer = true, signer.Subject.CommonName
	p.Expired = code.Unknown[bool](errors.New("nobody knows the time"))
	if now := v.opts.Now; !now.IsZero() {
		p.Expired = code.Known(now.After(p.Expires))
	}
	return p, nil
}

// checkProfileSigner makes sure that a chain is one with which Apple signs profiles.
func (v *verification) checkProfileSigner(chain []*x509.Certificate, phone bool) error {
	root := chain[len(chain)-1]
	trusted := isAppleRoot(root)
	for _, h := range v.opts.AllowProfileRoots {
		trusted = trusted || h == sha256.Sum256(root.Raw)
	}
	leaf := chain[0]
	switch {
	case !trusted:
		return fmt.Errorf("the signer's chain ends in %q, which is not one of Apple's roots", root.Subject.CommonName)
	case phone && len(chain) != 3:
		return fmt.Errorf("the signer's chain has %d certificates, want 3", len(chain))
	case phone && (leaf.Subject.CommonName != phoneProfileSigner || chain[1].Subject.CommonName != phoneProfileIssuer):
		return fmt.Errorf("the signer is %q below %q, want %q below %q", leaf.Subject.CommonName, chain[1].Subject.CommonName, phoneProfileSigner, phoneProfileIssuer)
	case phone:
		return nil
	case len(chain) < 3 || !hasExtension(chain[1], code.OIDWWDRIntermediate):
		return fmt.Errorf("the signer's issuer does not have the extension %s", code.OIDWWDRIntermediate)
	case !hasExtension(leaf, code.OIDProfileSigning):
		return fmt.Errorf("the signer %q does not have the extension %s", leaf.Subject.CommonName, code.OIDProfileSigning)
	case leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return fmt.Errorf("the key usage of the signer %q does not allow signatures", leaf.Subject.CommonName)
	}
	return nil
}

func hasExtension(c *x509.Certificate, want code.OID) bool {
	for _, e := range c.Extensions {
		if oidOf(e.Id) == want {
			return true
		}
	}
	return false
}

// profileDict reads the keys of a profile and keeps the first error.
type profileDict struct {
	dict code.Value
	err  error
}

func (d *profileDict) fail(key string, v code.Value, want string) {
	if d.err == nil {
		d.err = fmt.Errorf("its key %s is a %s, want %s", key, v.Kind(), want)
	}
}

func (d *profileDict) text(key string) (s string) {
	if v, ok := d.dict.Get(key); ok {
		if s, ok = v.Str(); !ok {
			d.fail(key, v, "a string")
		}
	}
	return s
}

func (d *profileDict) flag(key string) (b bool) {
	if v, ok := d.dict.Get(key); ok {
		if b, ok = v.Boolean(); !ok {
			d.fail(key, v, "a boolean")
		}
	}
	return b
}

// list calls add with each item of a list, which must accept it.
func (d *profileDict) list(key, want string, limit int, add func(code.Value) bool) {
	v, ok := d.dict.Get(key)
	if !ok {
		return
	}
	if v.Kind() != plist.KindArray || v.Len() > limit {
		d.fail(key, v, fmt.Sprintf("a list of at most %d items", limit))
		return
	}
	for item := range v.Items() {
		if !add(item) {
			d.fail(key, item, "a list of "+want)
			return
		}
	}
}

func (d *profileDict) texts(key string) (out []string) {
	d.list(key, "strings", maxProfileItems, func(v code.Value) bool {
		s, ok := v.Str()
		out = append(out, s)
		return ok
	})
	return out
}

// date reads a date that must be there.
func (d *profileDict) date(key string) time.Time {
	v, _ := d.dict.Get(key)
	s, ok := v.Seconds()
	const century = 100 * 366 * 24 * 3600 // from 1901 to 2101, so that no sum overflows
	if !ok || !(s > -century && s < century) {
		d.fail(key, v, "a date of this century")
		return time.Time{}
	}
	return referenceDate.Add(time.Duration(s) * time.Second)
}

// readProfile reads the property list of a profile. The newer copy of it in
// DER-Encoded-Profile is not read: the same signature covers both.
func readProfile(content []byte) (*code.Profile, error) {
	if len(content) > maxProfile {
		return nil, fmt.Errorf("its property list has %d bytes, at most %d are accepted", len(content), maxProfile)
	}
	dict, err := plist.ParseXML(content, plist.Options{})
	if err != nil {
		return nil, fmt.Errorf("its property list: %w", err)
	}
	if dict.Kind() != plist.KindDict {
		return nil, fmt.Errorf("its property list is a %s, want a dictionary", dict.Kind())
	}
	d := &profileDict{dict: dict}
	p := &code.Profile{
		UUID: d.text("UUID"), Name: d.text("Name"), AppIDName: d.text("AppIDName"), TeamName: d.text("TeamName"),
		TeamIDs: d.texts("TeamIdentifier"), Prefixes: d.texts("ApplicationIdentifierPrefix"), Platforms: d.texts("Platform"),
		Created: d.date("CreationDate"), Expires: d.date("ExpirationDate"),
		AllDevices: d.flag("ProvisionsAllDevices"), XcodeManaged: d.flag("IsXcodeManaged"),
	}
	if v, ok := dict.Get("Version"); ok && !v.Equal(plist.Int(1)) {
		return nil, errors.New("its version is not 1")
	}
	d.list("DeveloperCertificates", "data", maxProfileItems, func(v code.Value) bool {
		der, ok := v.Bytes()
		sum := sha256.Sum256(der)
		p.Certificates = append(p.Certificates, sum[:])
		return ok && len(der) > 0
	})
	d.list("ProvisionedDevices", "strings", 1<<20, func(v code.Value) bool {
		p.Devices++
		return v.Kind() == plist.KindString
	})
	entitlements, ok := dict.Get("Entitlements")
	if ok && entitlements.Kind() != plist.KindDict {
		d.fail("Entitlements", entitlements, "a dictionary")
	}
	p.Entitlements = code.Absent[code.Value]()
	if ok {
		p.Entitlements = code.Known(entitlements)
	}
	return p, d.err
}
