package requirement

// keywords lists the reserved words in the order of their kinds.
var keywords = [...]string{
	"guest", "host", "designated", "library", "plugin", "or", "and", "always", "true", "never", "false",
	"identifier", "cdhash", "platform", "notarized", "legacy", "anchor", "apple", "generic", "certificate",
	"cert", "trusted", "info", "entitlement", "exists", "absent", "leaf", "root", "timestamp",
}

// keyword returns the kind of an undotted word: a keyword's, or kWord.
func keyword(s string) kind {
	switch len(s) {
	case 2:
		if s == "or" {
			return kOr
		}
	case 3:
		if s == "and" {
			return kAnd
		}
	case 4:
		switch s {
		case "host":
			return kHost
		case "true":
			return kTrue
		case "cert":
			return kCert
		case "info":
			return kInfo
		case "leaf":
			return kLeaf
		case "root":
			return kRoot
		}
	case 5:
		switch s {
		case "guest":
			return kGuest
		case "never":
			return kNever
		case "false":
			return kFalse
		case "apple":
			return kApple
		}
	case 6:
		switch s {
		case "plugin":
			return kPlugin
		case "always":
			return kAlways
		case "cdhash":
			return kCDHash
		case "legacy":
			return kLegacy
		case "anchor":
			return kAnchor
		case "exists":
			return kExists
		case "absent":
			return kAbsent
		}
	case 7:
		switch s {
		case "library":
			return kLibrary
		case "generic":
			return kGeneric
		case "trusted":
			return kTrusted
		}
	case 8:
		if s == "platform" {
			return kPlatform
		}
	case 9:
		switch s {
		case "notarized":
			return kNotarized
		case "timestamp":
			return kTimestamp
		}
	case 10:
		switch s {
		case "designated":
			return kDesignated
		case "identifier":
			return kIdentifier
		}
	case 11:
		switch s {
		case "certificate":
			return kCertificate
		case "entitlement":
			return kEntitlement
		}
	}
	return kWord
}

// IsKeyword reports whether a word is reserved: as a value or key it must be
// quoted.
func IsKeyword(word string) bool { return keyword(word) != kWord }
