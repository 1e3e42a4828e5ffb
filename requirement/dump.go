package requirement

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Dump returns the text that Apple's dumper prints for the binary form of a
// requirement or a set, byte for byte: what `codesign -d -r-` and `csreq -t` show.
// That includes its misreadings (payloads of unknown opcodes are printed as if
// they were expressions, and so is a requirement of kind 2), so the text may
// parse to something else, or not at all. [Format] is for everything but
// comparison with Apple's tools. Errors are as for [Decode]; no partial text.
//
// Apple: dereferences NULL for entries of a set that are absent or no
// requirement, and reads past the end of a truncated object identifier; here the
// first is an error and the second ends with the bytes. The text of dates depends
// on the system; this is that of macOS.
func Dump(blob []byte) (string, error) {
	if len(blob) >= 4 && binary.BigEndian.Uint32(blob) == magicSet {
		return dumpSet(blob)
	}
	b, err := dumpRequirement(make([]byte, 0, min(2*len(blob), MaxText)), blob, 0)
	if err != nil {
		return "", err
	}
	if len(b) > 0 && b[0] == ' ' { // unknown opcodes begin with a blank
		b = b[1:]
	}
	return string(b), nil
}

func dumpSet(blob []byte) (string, error) {
	index, err := setIndex(blob)
	if err != nil {
		return "", err
	}
	var b []byte
	for _, x := range index {
		if x.off == 0 {
			return "", invalid(headerSize, "an entry of the set is absent")
		}
		if int(x.kind) < len(typeNames) {
			b = append(b, typeNames[x.kind]...)
		} else {
			b = append(b, "/*unknown type*/ "...)
			b = strconv.AppendInt(b, int64(int32(x.kind)), 10)
		}
		b, err = dumpRequirement(append(b, " => "...), blob[x.off:x.end], x.off)
		if err != nil {
			return "", err
		}
		b = append(b, '\n')
		if len(b) > maxDump {
			return "", invalid(x.off, "the entries of the set overlap")
		}
	}
	return string(b), nil
}

// maxDump bounds the text of a set whose entries overlap: no text of a real set
// is this long.
const maxDump = 16 * MaxText

func dumpRequirement(b, blob []byte, off int) ([]byte, error) {
	if _, err := checkRequirement(blob, off); err != nil {
		return nil, err
	}
	d := dumper{b: b, blob: blob, pos: headerSize}
	d.expr()
	if d.failed {
		return nil, &code.Error{Status: code.StatusReqInvalid, Part: "requirement", Off: int64(off + d.pos), Err: errTruncated}
	}
	return d.b, nil
}

// dumper prints a program while it reads it. It does not recurse.
type dumper struct {
	b      []byte
	blob   []byte
	pos    int
	failed bool
}

// dumpItem is something still to print: an expression, or a text.
type dumpItem struct {
	text string
	in   level
	expr bool
}

func (d *dumper) expr() {
	var room [24]dumpItem
	todo := append(room[:0], dumpItem{expr: true})
	for len(todo) > 0 && !d.failed {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !t.expr {
			d.b = append(d.b, t.text...)
			continue
		}
		word := d.uint32()
		if d.failed {
			return
		}
		switch Op(min(word&0xffffff, opCount)) {
		case OpNot:
			d.b = append(d.b, "! "...)
			todo = append(todo, dumpItem{expr: true, in: inNot})
		case OpAnd:
			if t.in > inAnd {
				d.b = append(d.b, '(')
				todo = append(todo, dumpItem{text: ")"})
			}
			todo = append(todo, dumpItem{expr: true, in: inAnd}, dumpItem{text: " and "}, dumpItem{expr: true, in: inAnd})
		case OpOr:
			if t.in > inOr {
				d.b = append(d.b, '(')
				todo = append(todo, dumpItem{text: ")"})
			}
			todo = append(todo, dumpItem{expr: true, in: inOr}, dumpItem{text: " or "}, dumpItem{expr: true, in: inOr})
		default:
			d.term(word)
		}
	}
}

// term prints one node without operands that are expressions.
func (d *dumper) term(word uint32) {
	if word&0xffffff >= opCount {
		d.unknown(word)
		return
	}
	switch op := Op(word & 0xffffff); op {
	case OpIdent:
		d.put("identifier ").word(d.data(), false)
	case OpAnchorHash:
		d.slot()
		d.put(" = ").hash(d.data())
	case OpInfoValue:
		d.put("info[").word(d.data(), true)
		d.put("] = ").word(d.data(), false)
	case OpCDHash:
		d.put("cdhash ").hash(d.data())
	case OpInfo:
		d.put("info[").word(d.data(), true)
		d.match()
	case OpEntitlement:
		d.put("entitlement[").word(d.data(), true)
		d.match()
	case OpCertField:
		d.slot()
		d.put("[").word(d.data(), true)
		d.match()
	case OpCertGeneric, OpCertPolicy, OpCertDate:
		d.slot()
		d.put("[" + oidPrefixes[op]).oid(d.data())
		d.match()
	case OpTrustedCert:
		d.slot()
		d.put("trusted") // Apple: without a blank
	case OpNamedAnchor:
		d.put("anchor apple ").word(d.data(), false)
	case OpNamedCode:
		d.put("(").word(d.data(), false)
		d.put(")")
	case OpPlatform:
		d.put("platform = ")
		d.b = strconv.AppendInt(d.b, int64(int32(d.uint32())), 10)
	default:
		var p printer
		d.b = p.term(d.b, &Expr{Op: op})
	}
}

// unknown prints an opcode that Apple's dumper does not know. Its payload is not
// skipped.
func (d *dumper) unknown(word uint32) {
	n := strconv.Itoa(int(word & 0xffffff))
	switch flags := uint8(word >> 24); {
	case flags&FlagFalse != 0:
		d.put(" false /* opcode " + n + " */")
	case flags&FlagSkip != 0:
		d.put(" /* opcode " + n + " */")
	default:
		d.put("OPCODE " + strconv.Itoa(int(int32(word))) + " NOT UNDERSTOOD (ending print)")
	}
}

func (d *dumper) put(s string) *dumper {
	d.b = append(d.b, s...)
	return d
}

func (d *dumper) uint32() uint32 {
	if d.failed || d.pos+4 > len(d.blob) {
		d.failed = true
		return 0
	}
	v := binary.BigEndian.Uint32(d.blob[d.pos:])
	d.pos += 4
	return v
}

// dumpData is n bytes of data. b runs on to the end of the blob, as oid needs.
type dumpData struct {
	b []byte
	n int
}

// data returns the bytes after a length.
func (d *dumper) data() dumpData {
	size := d.uint32()
	if d.failed || uint64(size) > uint64(max(0, len(d.blob)-d.pos)) {
		d.failed = true
		return dumpData{}
	}
	x := dumpData{d.blob[d.pos:], int(size)}
	d.pos += (x.n + 3) &^ 3 // perhaps past the end: then nothing more can be read
	return x
}

func (d *dumper) slot() {
	d.put("certificate")
	switch s := int32(d.uint32()); s {
	case SlotLeaf:
		d.put(" leaf")
	case SlotRoot:
		d.put(" root")
	default:
		d.b = strconv.AppendInt(append(d.b, ' '), int64(s), 10)
	}
}

func (d *dumper) hash(x dumpData) {
	d.b = append(hex.AppendEncode(append(d.b, `H"`...), x.b[:x.n]), '"')
}

// word prints data as a word, a string or in hexadecimal. In keys a dot counts
// as a letter.
//
// Apple: a word is cut to 255 bytes; a string escapes backslashes, which the
// lexer does not read; any data can come out in hexadecimal, which the grammar
// takes as a value only.
func (d *dumper) word(x dumpData, dots bool) {
	b, n := x.b[:x.n], x.n
	simple, plain := n > 0 && class[b[0]]&cDigit == 0, true
	for _, c := range b {
		if class[c]&cWord == 0 && (c != '.' || !dots) {
			simple = false
		}
		if c >= 0x7f || c < 0x20 && (c < '\t' || c > '\r') {
			plain = false
		}
	}
	switch {
	case simple && (n > 11 || keyword(string(b)) == kWord):
		d.b = append(d.b, b[:min(n, 255)]...)
	case plain:
		d.b = append(d.b, '"')
		for _, c := range b {
			if c == '"' || c == '\\' {
				d.b = append(d.b, '\\')
			}
			d.b = append(d.b, c)
		}
		d.b = append(d.b, '"')
	default:
		d.b = hex.AppendEncode(append(d.b, "0x"...), b)
	}
}

// oid prints the content octets of an object identifier.
//
// Apple: numbers are taken modulo 2^64; the first two share 9 characters and
// each later one has 19 with its dot, longer ones are cut; a last octet with the
// high bit set goes on into the bytes after the data.
func (d *dumper) oid(x dumpData) {
	b := x.b
	for i, first := 0, true; i < x.n; first = false {
		var v uint64
		for i < len(b) {
			c := b[i]
			i++
			v = v<<7 | uint64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		from, room := len(d.b), 19
		if first {
			top := min(v/40, 2)
			d.b = strconv.AppendUint(d.b, top, 10)
			v -= 40 * top
			room = 9
		}
		d.b = strconv.AppendUint(append(d.b, '.'), v, 10)
		d.b = d.b[:min(len(d.b), from+room)]
	}
}

// match prints the end of a key and the comparison after it.
func (d *dumper) match() {
	d.put("]")
	m := MatchOp(d.uint32())
	switch {
	case d.failed:
	case m == MatchExists:
		d.put(" /* exists */")
	case m == MatchAbsent:
		d.put(" absent ") // Apple: with a blank at its end
	case m >= matchCount:
		d.put("MATCH OPCODE " + strconv.Itoa(int(int32(m))) + " NOT UNDERSTOOD")
	case m.HasDate():
		high := d.uint32()
		date := int64(uint64(high)<<32 | uint64(d.uint32()))
		d.put(matchSigns[m] + "<")
		d.b = append(appendDumpDate(d.b, date), '>')
	default:
		d.put(matchSigns[m]).word(d.data(), false)
		if m == MatchBeginsWith {
			d.put("*")
		}
	}
}
