package requirement

import (
	"crypto/sha1" // requirements name certificates by SHA-1
	"encoding/hex"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// eql takes the optional `=` of identifier, cdhash, platform and hashes.
func (p *parser) eql() {
	switch k := p.tok.kind; {
	case k == kEqual || k == kEqualEqual:
		p.advance()
	case !stopEql.has(k) || k == kEOF:
		p.unexpected(p.tok, wantOperand)
		p.recover(stopEql)
	}
}

func (p *parser) identifier() string {
	if !firstText.has(p.tok.kind) {
		p.unexpected(p.tok, wantName)
		p.recover(stopPrimary)
		return ""
	}
	return p.take()
}

// take returns the text of the next lexeme, a word or string, and goes past it.
func (p *parser) take() string {
	s := p.content(p.tok)
	p.advance()
	return s
}

// content is the text of a lexeme without quotes and prefixes, as Apple's lexer
// hands it on.
func (p *parser) content(t lexeme) string {
	s := p.lex.text[t.start:t.end]
	switch t.kind {
	case kString:
		s = s[1 : len(s)-1]
		if strings.IndexByte(s, '\\') >= 0 {
			return p.unescape(s)
		}
	case kHash:
		return s[2 : len(s)-1]
	case kHex:
		return s[2:]
	}
	return s
}

// keep returns b as a string from the one buffer that all such strings share.
func (p *parser) keep(b []byte) string {
	p.room(len(b))
	from := p.bytes.Len()
	p.bytes.Write(b)
	return p.bytes.String()[from:]
}

func (p *parser) room(n int) {
	if p.bytes.Cap()-p.bytes.Len() < n {
		p.bytes.Grow(n + min((len(p.text)-p.tok.start)/4, 1<<16))
	}
}

func (p *parser) unescape(s string) string {
	p.room(len(s))
	from := p.bytes.Len()
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			break
		}
		p.bytes.WriteString(s[:i])
		p.bytes.WriteByte(s[i+1])
		s = s[i+2:]
	}
	p.bytes.WriteString(s)
	return p.bytes.String()[from:]
}

// unhex returns the bytes that an even number of hexadecimal digits means.
func (p *parser) unhex(s string) string {
	n := len(s) / 2
	p.room(n)
	from := p.bytes.Len()
	for i := range n {
		p.bytes.WriteByte(nibble(s[2*i])<<4 | nibble(s[2*i+1]))
	}
	return p.bytes.String()[from:]
}

func nibble(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	if c >= 'A' {
		return c - 'A' + 10
	}
	return c - '0'
}

func (p *parser) hash() string {
	t := p.tok
	if t.kind != kHash {
		p.expected(kHash)
		p.recover(stopPrimary)
		return ""
	}
	p.advance()
	digits := p.content(t)
	if len(digits) != 2*sha1.Size {
		p.hashLength(t, len(digits))
		p.skipTo(stopPrimary)
		return ""
	}
	return p.unhex(digits)
}

// digest reads the hash of a certificate, or the path of a file that holds one.
func (p *parser) digest() string {
	switch t := p.tok; {
	case t.kind == kHash:
		return p.hash()
	case firstDigest.has(t.kind):
		path := p.take()
		if p.opt.ReadFile == nil {
			p.pathRefused(t, path)
		} else if b, err := p.opt.ReadFile(path); err != nil {
			p.semantic(t, path+": not found", diag.Diagnostic{Summary: "cannot read the certificate " + quoted(path) + ": " + err.Error()})
		} else {
			sum := sha1.Sum(b)
			return p.keep(sum[:])
		}
		p.skipTo(stopPrimary)
	default:
		p.unexpected(t, wantDigest)
		p.recover(stopPrimary)
	}
	return ""
}

// data reads a value to compare with: a word, a string or 0x hexadecimal.
func (p *parser) data() string {
	switch t := p.tok; {
	case t.kind == kHex:
		p.advance()
		digits := p.content(t)
		if len(digits)%2 != 0 {
			p.semantic(t, "odd number of digits", diag.Diagnostic{
				Summary: "a hexadecimal value has two digits for each byte, this one has " + itoa(len(digits)),
				Fix:     "0x0" + digits,
			})
			p.skipTo(stopData)
			return ""
		}
		return p.unhex(digits)
	case firstText.has(t.kind):
		return p.take()
	}
	p.unexpected(p.tok, wantValue)
	p.recover(stopData)
	return ""
}

func (p *parser) bracketKey() string {
	if !p.match(kLBracket, stopKey) {
		return ""
	}
	key := ""
	if firstText.has(p.tok.kind) {
		key = p.take()
	} else {
		p.unexpected(p.tok, wantKey)
		p.recover(stopString)
	}
	p.match(kRBracket, stopKey)
	return key
}

// integer reads a number without sign.
func (p *parser) integer() int64 {
	t := p.tok
	if !p.match(kInteger, stopInteger) {
		return 0
	}
	return p.number(t)
}

// number converts digits as C's atol does.
//
// Apple: saturates at 2^63-1; its callers keep the low 32 bits.
func (p *parser) number(t lexeme) int64 {
	const most = 1<<63 - 1
	n := int64(0)
	for _, c := range []byte(p.lex.text[t.start:t.end]) {
		d := int64(c - '0')
		if n > (most-d)/10 {
			return most
		}
		n = n*10 + d
	}
	return n
}

// timestamp reads `timestamp "…"`.
//
// Apple: a text that is no date compiles to 0 without an error.
func (p *parser) timestamp() int64 {
	p.advance()
	t := p.tok
	if !p.match(kString, stopPrimary) {
		return 0
	}
	seconds, ok := parseTimestamp(p.content(t))
	if !ok {
		return 0
	}
	return seconds
}

func hexText(s string) string { return hex.EncodeToString([]byte(s)) }
