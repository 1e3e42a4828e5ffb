package requirement

func (p *parser) keyed(op Op) *Expr {
	e := p.word(op)
	e.Key = p.bracketKey()
	p.suffix(e)
	return e
}

// suffix reads the comparison at the end of a term.
func (p *parser) suffix(e *Expr) {
	k := p.tok.kind
	switch k {
	case kExists:
		p.advance()
		return
	case kAbsent:
		p.advance()
		e.Match = MatchAbsent
		return
	case kTilde:
		p.advance()
		e.Match = MatchContains
		e.Value = p.data()
		return
	case kEqual, kEqualEqual:
		if p.peek() == kStar || firstData.has(p.ahead.kind) {
			p.equality(e)
			return
		}
	case kLess, kGreater, kLessEqual, kGreaterEqual:
		if firstData.has(p.peek()) {
			p.advance()
			e.Match = comparison(k)
			e.Value = p.data()
			return
		}
	default:
		if !stopPrimary.has(k) {
			p.unexpected(p.tok, wantSuffix)
			p.recover(stopPrimary)
		}
		return
	}
	if p.peek() == kTimestamp {
		p.advance()
		e.Match = comparison(k) + (MatchBefore - MatchLess)
		e.Value = dateValue(p.timestamp())
		return
	}
	p.unexpectedPair(wantValue)
	p.recover(stopPrimary)
}

// comparison returns the comparison that a sign means; that of `=` is chosen so
// that the step to the comparison of dates is the same for all.
func comparison(k kind) MatchOp {
	switch k {
	case kLess:
		return MatchLess
	case kGreater:
		return MatchGreater
	case kLessEqual:
		return MatchLessEqual
	case kGreaterEqual:
		return MatchGreaterEqual
	}
	return MatchOn - (MatchBefore - MatchLess)
}

func (p *parser) equality(e *Expr) {
	p.advance()
	e.Match = MatchEqual
	if p.tok.kind == kStar {
		p.advance()
		e.Match = MatchEndsWith
	}
	e.Value = p.data()
	switch k := p.tok.kind; {
	case k == kStar:
		p.advance()
		if e.Match == MatchEndsWith {
			e.Match = MatchContains
		} else {
			e.Match = MatchBeginsWith
		}
	case !stopPrimary.has(k):
		p.unexpected(p.tok, wantAfterTerm)
		p.recover(stopPrimary)
	}
}
