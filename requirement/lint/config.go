package lint

import (
	"fmt"
	"strings"
)

// Target says what a requirement is for. The zero value is the strictest.
type Target uint8

// The targets.
const (
	XPCPeer    Target = iota // who may connect to a service
	SMJobBless               // who may install a privileged helper, and which helper
	Keychain                 // who may read a keychain item
	PPPC                     // who is granted privacy permissions by a profile
	AutoPkg                  // whether a download is the vendor's
	Gatekeeper               // classes of software, as in a system rule
)

var targetNames = [...]string{"xpc-peer", "smjobbless", "keychain", "pppc", "autopkg", "gatekeeper"}

// String returns the name used on command lines, as in "xpc-peer".
func (t Target) String() string {
	if int(t) < len(targetNames) {
		return targetNames[t]
	}
	return fmt.Sprintf("target %d", uint8(t))
}

// MarshalText returns the text of String.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the text of String.
func (t *Target) UnmarshalText(b []byte) error {
	for i, name := range targetNames {
		if name == string(b) {
			*t = Target(i)
			return nil
		}
	}
	return fmt.Errorf("target is %q, want one of %s", b, strings.Join(targetNames[:], ", "))
}

// Release says which builds a requirement is meant to admit. The zero value is
// the strictest.
type Release uint8

// The releases.
const (
	Production  Release = iota // what customers run
	Development                // what developers run on their own machines
)

var releaseNames = [...]string{"production", "development"}

// String returns "production" or "development".
func (r Release) String() string {
	if int(r) < len(releaseNames) {
		return releaseNames[r]
	}
	return fmt.Sprintf("release %d", uint8(r))
}

// MarshalText returns the text of String.
func (r Release) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the text of String.
func (r *Release) UnmarshalText(b []byte) error {
	for i, name := range releaseNames {
		if name == string(b) {
			*r = Release(i)
			return nil
		}
	}
	return fmt.Errorf("release is %q, want production or development", b)
}

// Config chooses how severe findings are. The zero value is the strictest: a
// production requirement for the peers of a service.
type Config struct {
	Target  Target
	Release Release
	// Set says that a requirement set is wanted, as by `codesign -r`: its designated
	// requirement is judged. Otherwise a set is an error.
	Set bool
}
