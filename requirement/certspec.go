package requirement

import (
	"strings"
)

func (p *parser) certSpec() *Expr {
	anchor := p.tok.kind == kAnchor
	switch k := p.peek(); {
	case k == kTrusted:
		p.advance()
		return p.word(OpTrustedCerts)
	case anchor && k == kApple:
		p.advance()
		return p.appleAnchor(p.word(OpAppleAnchor))
	case anchor && k == kGeneric:
		p.advance()
		e := p.word(OpAppleGeneric)
		p.match(kApple, stopPrimary)
		return e
	case anchor && firstSlotSpec.has(k):
		e := p.word(OpAnchorHash)
		e.Slot = SlotRoot
		return p.slotSpec(e)
	case !anchor && firstSlot.has(k):
		e := p.word(OpAnchorHash)
		e.Slot = p.slot()
		switch {
		case firstSlotSpec.has(p.tok.kind):
			return p.slotSpec(e)
		case p.tok.kind == kTrusted:
			p.advance()
			e.Op = OpTrustedCert
			return e
		}
		p.unexpected(p.tok, wantSlotSpec)
		p.recover(stopPrimary)
		return e
	}
	want := wantSlot
	if anchor {
		want = wantAnchor
	}
	p.unexpectedPair(want)
	p.recover(stopPrimary)
	return p.nodes.zero()
}

func (p *parser) appleAnchor(e *Expr) *Expr {
	switch k := p.tok.kind; {
	case k == kGeneric:
		p.advance()
		e.Op = OpAppleGeneric
	case firstText.has(k):
		e.Op = OpNamedAnchor
		e.Value = p.identifier()
	case !stopPrimary.has(k):
		p.unexpected(p.tok, wantAfterApple)
		p.recover(stopPrimary)
	}
	return e
}

func (p *parser) slot() int32 {
	t := p.tok
	switch t.kind {
	case kInteger:
		p.advance()
		return int32(p.number(t))
	case kMinus:
		p.advance()
		return -int32(p.integer())
	case kRoot:
		p.advance()
		return SlotRoot
	}
	p.advance()
	return SlotLeaf
}

// slotSpec reads what a certificate must be: a hash, or a field and a comparison.
func (p *parser) slotSpec(e *Expr) *Expr {
	if p.tok.kind != kLBracket {
		p.eql()
		e.Value = p.digest()
		return e
	}
	p.peek()
	key := p.ahead
	text := p.bracketKey()
	if !p.certKey(e, text) {
		p.unknownKey(key, text)
		p.skipTo(stopPrimary)
		return e
	}
	p.suffix(e)
	return e
}

// certKey sets the operator and key of a term about a certificate's field.
//
// Apple: an object identifier is not checked; see appendOID.
func (p *parser) certKey(e *Expr, key string) bool {
	prefix := 0
	switch {
	case strings.HasPrefix(key, "subject."):
		e.Op, e.Key = OpCertField, key
		return true
	case strings.HasPrefix(key, "field."):
		e.Op, prefix = OpCertGeneric, len("field.")
	case strings.HasPrefix(key, "extension."):
		e.Op, prefix = OpCertGeneric, len("extension.")
	case strings.HasPrefix(key, "policy."):
		e.Op, prefix = OpCertPolicy, len("policy.")
	case strings.HasPrefix(key, "timestamp."):
		e.Op, prefix = OpCertDate, len("timestamp.")
	default:
		return false
	}
	var room [32]byte
	e.Key = p.keep(appendOID(room[:0], key[prefix:]))
	return true
}
