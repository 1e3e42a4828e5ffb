package requirement

// kind is the kind of a lexeme. Kinds below 64 fit the stop sets of recovery.
type kind uint8

const (
	kEOF kind = iota
	kWord
	kString
	kInteger
	kHash
	kHex
	kPath
	kArrow
	kSemicolon
	kLParen
	kRParen
	kLBracket
	kRBracket
	kLess
	kGreater
	kLessEqual
	kGreaterEqual
	kComma
	kEqual
	kEqualEqual
	kTilde
	kMinus
	kBang
	kStar

	// The 29 keywords. firstKeyword is the first of them.
	kGuest
	kHost
	kDesignated
	kLibrary
	kPlugin
	kOr
	kAnd
	kAlways
	kTrue
	kNever
	kFalse
	kIdentifier
	kCDHash
	kPlatform
	kNotarized
	kLegacy
	kAnchor
	kApple
	kGeneric
	kCertificate
	kCert
	kTrusted
	kInfo
	kEntitlement
	kExists
	kAbsent
	kLeaf
	kRoot
	kTimestamp

	firstKeyword = kGuest
)

// lexeme is one word of the text: offsets only, positions are computed for errors.
// (A second small field beside kind would be written and copied in different
// sizes, which stalls processors at each lexeme.)
type lexeme struct {
	start, end int
	kind       kind
}

// lexFault is how the lexer failed. want is the character that would have been
// right, in Apple's spelling; empty when there was a choice.
type lexFault struct {
	off   int
	want  string
	where lexPlace
	start int // where the broken lexeme or comment begins
}

// lexPlace says what the lexer was reading when it failed.
type lexPlace uint8

const (
	inNothing lexPlace = iota
	inWord
	inString
	inHash
	inHex
	inPath
	inComment
)
