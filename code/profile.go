package code

import (
	"fmt"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Profile is the provisioning profile that is embedded in a bundle. A profile is
// what lets code carry restricted entitlements; who signed the code is another
// question, and the verdict on the signature does not depend on it.
//
// Whether THIS Mac is one of the devices, and whether its user has a profile
// installed elsewhere, only that Mac knows.
type Profile struct {
	// Path is where the profile lies in the bundle, Size its length in bytes.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Valid says that the profile's signature holds and that its signer is the one
	// with which Apple signs profiles. When it is false, Problem says why, and
	// nothing below was taken from the profile.
	Valid   bool   `json:"valid"`
	Problem string `json:"problem,omitempty"`

	Signer    string    `json:"signer,omitempty"` // common name of the signer
	UUID      string    `json:"uuid,omitempty"`
	Name      string    `json:"name,omitempty"`
	AppIDName string    `json:"app_id_name,omitempty"`
	TeamName  string    `json:"team_name,omitempty"`
	TeamIDs   []string  `json:"team_ids,omitempty"`
	Prefixes  []string  `json:"app_id_prefixes,omitempty"`
	Platforms []string  `json:"platforms,omitempty"` // "OSX", "iOS", …; empty: the profile names none
	Created   time.Time `json:"created,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	// Expired compares Expires with the time of verification.
	Expired Fact[bool] `json:"expired,omitzero"`
	// AllDevices is set when every device may run the code; else Devices is the
	// number of those that the profile lists.
	AllDevices   bool `json:"all_devices,omitempty"`
	Devices      int  `json:"devices,omitempty"`
	XcodeManaged bool `json:"xcode_managed,omitempty"`
	// Certificates are the SHA-256 of the certificates that may sign.
	Certificates []Hex `json:"certificates,omitempty"`
	// CertMatch says that the leaf of each slice is one of them, byte for byte.
	CertMatch Fact[bool] `json:"cert_match,omitzero"`
	// AppIDMatch says that the profile was made for the application identifier of
	// each slice.
	AppIDMatch Fact[bool] `json:"app_id_match,omitzero"`
	// Entitlements are what the profile authorises: values, or patterns that end in *.
	Entitlements Fact[Value] `json:"entitlements,omitzero"`
}

// appIDKeys are the names of the application identifier, on macOS and elsewhere.
var appIDKeys = [...]string{"com.apple.application-identifier", "application-identifier"}

// Lists reports whether a certificate is one of those that may sign.
func (p *Profile) Lists(c *Certificate) bool {
	for _, h := range p.Certificates {
		if string(h) == string(c.SHA256[:]) {
			return true
		}
	}
	return false
}

// Authorises reports whether the profile lets code carry an entitlement with a
// value: the profile has the same value, or a text that ends in * and whose rest
// begins the value. Of an array each element must be authorised; an array in the
// profile offers a choice. A * anywhere else is an ordinary character.
func (p *Profile) Authorises(key string, value Value) bool {
	dict, ok, err := p.Entitlements.Get()
	if !p.Valid || !ok || err != nil {
		return false
	}
	allowed, ok := dict.Get(key)
	return ok && authorises(allowed, value)
}

func authorises(allowed, value Value) bool {
	if allowed.Equal(value) {
		return true
	}
	if value.Kind() == plist.KindArray {
		for v := range value.Items() {
			if v.Kind() == plist.KindArray || !authorises(allowed, v) {
				return false
			}
		}
		return true // an empty list asks for nothing
	}
	if allowed.Kind() == plist.KindArray {
		for a := range allowed.Items() {
			if a.Kind() != plist.KindArray && authorises(a, value) {
				return true
			}
		}
		return false
	}
	pattern, isText := allowed.Str()
	text, isText2 := value.Str()
	prefix, wild := strings.CutSuffix(pattern, "*")
	return isText && isText2 && wild && strings.HasPrefix(text, prefix)
}

// MadeFor reports whether the profile is one for the slice's application
// identifier: the one in its entitlements, else a prefix of the profile and the
// signing identifier.
func (p *Profile) MadeFor(s *Slice) Fact[bool] {
	claims, hasClaims, err := s.Entitlements.Get()
	if err != nil {
		return Unknown[bool](err)
	}
	allowed, ok, _ := p.Entitlements.Get()
	if !p.Valid || !ok {
		return Known(false)
	}
	var patterns []Value
	for _, key := range appIDKeys {
		if v, ok := allowed.Get(key); ok {
			patterns = append(patterns, v)
		}
	}
	fits := func(id Value) bool {
		for _, a := range patterns {
			if authorises(a, id) {
				return true
			}
		}
		return false
	}
	found := false
	for _, key := range appIDKeys {
		if id, ok := claims.Get(key); hasClaims && ok {
			if found = true; id.Kind() != plist.KindString || !fits(id) {
				return Known(false)
			}
		}
	}
	if found {
		return Known(true)
	}
	identifier, ok, err := s.Identifier.Get()
	if err != nil {
		return Unknown[bool](err)
	}
	for _, prefix := range p.Prefixes {
		if ok && fits(plist.String(prefix+"."+identifier)) {
			return Known(true)
		}
	}
	return Known(false)
}

// consistent refuses a profile that says something although it is not valid.
func (p *Profile) consistent() error {
	if !p.Valid && (p.Entitlements.IsKnown() || len(p.Certificates) > 0 || len(p.TeamIDs) > 0) {
		return fmt.Errorf("a provisioning profile that is not valid has content")
	}
	if v, ok, _ := p.Entitlements.Get(); ok && v.Kind() != plist.KindDict {
		return fmt.Errorf("the entitlements of the provisioning profile are a %s, want a dictionary", v.Kind())
	}
	return nil
}

// Channel is [Slice.Channel], which cannot tell enterprise distribution by the
// certificates: there the embedded profile is for all devices of a system that
// gives such profiles to enterprises alone.
func (s *Subject) Channel() Fact[Channel] {
	c := s.Slice.Channel()
	p, ok, _ := s.Profile.Get()
	if c != Known(ChannelDistribution) || !ok || !p.Valid || !p.AllDevices || p.CertMatch != Known(true) {
		return c
	}
	for _, system := range p.Platforms {
		if system == "OSX" {
			return c
		}
	}
	if len(p.Platforms) == 0 {
		return c
	}
	return Known(ChannelEnterprise)
}
