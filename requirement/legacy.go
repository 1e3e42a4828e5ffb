package requirement

import (
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Apple's cut-off dates for Developer ID code that needs no notarisation
// (legacydevid.cpp).
//
// Apple: preferences of com.apple.security.syspolicy can move them earlier.
var (
	legacyAccount = float64(576374400)                          // 2019-04-08T00:00:00Z in seconds since 2001
	legacySigned  = time.Date(2019, 6, 1, 0, 0, 0, 0, time.UTC) // of the secure timestamp
)

// legacy evaluates `legacy`: Developer ID code of an account or a signature from
// before the cut-off, or on Apple's list.
func (v *evaluator) legacy() Outcome {
	out, _ := legacy(v.s)
	return out
}

// legacy also returns in words what decided.
func legacy(s *code.Subject) (Outcome, string) {
	leaf, ok, err := s.Leaf().Get()
	switch {
	case err != nil:
		return Unknown, "certificates"
	case !ok:
		return False, "there is no certificate"
	}
	if leaf.HasExtension(code.OIDDeveloperIDDate) {
		d, ok := leaf.Date(code.OIDDeveloperIDDate)
		switch {
		case !ok || d == 0:
			return False, "the leaf's Developer ID date (6.1.33) cannot be read"
		case d >= legacyAccount:
			return False, "the leaf's Developer ID account is from " + dateText(int64(d)) + ", which is not before 2019-04-08"
		}
	}
	signed, ok, err := s.SignedAt.Get()
	if ok && signed.Before(legacySigned) {
		return True, "the secure timestamp is before 2019-06-01"
	}
	listed := known(s.LegacyListed)
	switch {
	case listed == True:
		return True, "it is on Apple's list"
	case listed == Unknown:
		return Unknown, "legacy_listed"
	case err != nil:
		return Unknown, "signed_at"
	}
	return False, "no secure timestamp before 2019-06-01, and not on Apple's list"
}

// dateText is a date for people, as in "2019-04-08 00:00:00 +0000".
func dateText(seconds int64) string { return string(appendDumpDate(nil, seconds)) }
