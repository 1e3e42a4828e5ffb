package requirement

// kinds is a set of lexeme kinds.
type kinds uint64

func setOf(ks ...kind) kinds {
	s := kinds(0)
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

func (s kinds) has(k kind) bool { return s>>k&1 != 0 }

// What may follow each rule of the grammar, where recovery stops. The end of the
// text is in every set.
var (
	stopEnd     = setOf(kEOF)
	stopElement = stopEnd | setTypes
	stopExpr    = stopElement | setOf(kSemicolon, kRParen)
	stopTerm    = stopExpr | setOf(kOr)
	stopPrimary = stopTerm | setOf(kAnd)
	stopData    = stopPrimary | setOf(kStar)
	stopString  = stopData | setOf(kRBracket)
	stopKey     = stopPrimary | setOf(kExists, kAbsent, kEqual, kEqualEqual, kTilde, kLess, kGreater, kLessEqual, kGreaterEqual)
	stopEql     = stopEnd | setOf(kHash, kWord, kString, kPath, kInteger)
	stopSlot    = stopEnd | setOf(kTrusted) | firstSlotSpec
	stopInteger = stopPrimary | stopSlot | setOf(kArrow)
)

// What may begin some rules.
var (
	setTypes      = setOf(kGuest, kHost, kDesignated, kLibrary, kPlugin, kInteger)
	firstDigest   = setOf(kHash, kWord, kString, kPath)
	firstSlotSpec = firstDigest | setOf(kEqual, kEqualEqual, kLBracket)
	firstSlot     = setOf(kInteger, kMinus, kLeaf, kRoot)
	firstText     = setOf(kWord, kString)
	firstData     = firstText | setOf(kHex)
	firstPrimary  = setOf(kLParen, kBang, kAlways, kTrue, kNever, kFalse, kAnchor, kCertificate, kCert, kInfo,
		kEntitlement, kIdentifier, kCDHash, kPlatform, kNotarized, kLegacy)
)

// recover goes on after a rule failed: it drops the lexeme at which it failed,
// and then all that cannot follow the rule. Its caller goes on as if nothing had
// happened, so one text can yield several errors, at the same places as Apple's.
func (p *parser) recover(stop kinds) {
	p.advance()
	p.skipTo(stop)
}

// skipTo drops lexemes that cannot follow a rule.
func (p *parser) skipTo(stop kinds) {
	for !stop.has(p.tok.kind) && p.tok.kind != kEOF {
		p.advance()
	}
}
