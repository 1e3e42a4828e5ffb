package requirement

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// maxDepth is how deep a decoded tree may be. Nothing deeper than 999 levels can
// be evaluated; printing works without evaluation.
//
// Apple: has no limit, and overflows its stack.
const maxDepth = 100000

// Decode reads the binary form of one requirement. Encoding the result gives the
// same bytes again: padding, flags of opcodes and bytes after the expression are
// kept. Its error is a [*code.Error] with the status that Apple's evaluation
// gives: -67052 for malformed bytes, -67051 for an unknown kind, -67072 when an
// opcode without length comes before the bytes that make no sense.
//
// Apple: creation checks magic and length only, and bytes after the expression
// are ignored.
func Decode(blob []byte) (*Expr, error) {
	kind, err := checkRequirement(blob, 0)
	if err != nil {
		return nil, err
	}
	if kind == kindConstraint {
		return &Expr{Op: OpConstraint, Value: string(blob[headerSize:])}, nil
	}
	d := decoder{s: string(blob), pos: headerSize, nodes: newSlab(len(blob)-headerSize, 17)}
	return d.program()
}

// checkRequirement checks the header of a requirement that lies at offset off of
// a set, and returns its kind.
func checkRequirement(blob []byte, off int) (uint32, error) {
	switch {
	case len(blob) > MaxText:
		return 0, invalid(off, "longer than 16 MiB")
	case len(blob) < headerSize:
		return 0, invalid(off, "%d bytes, the header has 12", len(blob))
	}
	magic, length, kind := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:]), binary.BigEndian.Uint32(blob[8:])
	switch {
	case magic != magicRequirement:
		return 0, invalid(off, "magic is %08x, want fade0c00", magic)
	case uint64(length) != uint64(len(blob)):
		return 0, invalid(off+4, "length says %d bytes, have %d", length, len(blob))
	case kind != kindExpr && kind != kindConstraint:
		return 0, &code.Error{Status: code.StatusReqUnsupported, Part: "requirement", Off: int64(off + 8), Err: fmt.Errorf("kind %d is unknown", kind)}
	}
	return kind, nil
}

func invalid(off int, format string, args ...any) error {
	return &code.Error{Status: code.StatusReqInvalid, Part: "requirement", Off: int64(off), Err: fmt.Errorf(format, args...)}
}

var errTruncated = errors.New("the program ends inside an expression")

// decoder reads a program. It keeps its own place and not a bin.Reader, because
// strings must be cut from one copy of the bytes, and padding may reach past the end.
// After a failure it goes on with zeros: program asks once for each node.
type decoder struct {
	s      string // strings are cut from it
	pos    int    // at most len(s)
	nodes  slab
	failed bool
	// unread is set by an opcode without length: an evaluation ends there.
	unread bool
}

func (d *decoder) uint32() uint32 {
	rest := d.s[d.pos:]
	if len(rest) < 4 {
		d.failed = true
		return 0
	}
	d.pos += 4
	return uint32(rest[0])<<24 | uint32(rest[1])<<16 | uint32(rest[2])<<8 | uint32(rest[3])
}

// take returns n bytes.
func (d *decoder) take(n uint32) string {
	rest := d.s[d.pos:]
	if uint64(n) > uint64(len(rest)) {
		d.failed = true
		return ""
	}
	d.pos += int(n)
	return rest[:n]
}

// data reads a length, bytes and padding, for the Key (0) or Value (1) of e.
//
// Apple: the padding is neither required nor checked.
func (d *decoder) data(e *Expr, which int) string {
	s := d.take(d.uint32())
	if want := -len(s) & 3; want != 0 {
		d.padding(e, which, want)
	}
	return s
}

// padding reads up to three bytes and keeps them unless they are zeros.
func (d *decoder) padding(e *Expr, which, want int) {
	pad := d.s[d.pos:]
	if len(pad) > want {
		pad = pad[:want]
	}
	d.pos += len(pad)
	set := byte(0)
	for i := range len(pad) {
		set |= pad[i]
	}
	if len(pad) == want && set == 0 {
		return
	}
	if e.odd == nil {
		e.odd = &oddity{}
	}
	e.odd.set[which], e.odd.pads[which] = true, pad
}

// program reads one expression and keeps what follows it.
func (d *decoder) program() (*Expr, error) {
	type parent struct {
		e     *Expr
		depth int // of its operands
	}
	var root *Expr
	var room [12]parent
	open := room[:0] // what still wants operands, the innermost last
	for depth := 1; ; {
		start := d.pos
		e := d.node()
		switch {
		case d.failed:
			return nil, d.refuse(start, errTruncated)
		case depth > maxDepth:
			return nil, d.refuse(start, errors.New("more than 100000 levels"))
		}
		if n := len(open); n == 0 {
			root = e
		} else if p := open[n-1].e; p.X != nil {
			p.Y = e
			open = open[:n-1]
		} else {
			p.X = e
			if p.operands() == 1 {
				open = open[:n-1]
			}
		}
		if e.operands() > 0 {
			depth++
			open = append(open, parent{e, depth})
		} else if len(open) == 0 {
			break
		} else {
			depth = open[len(open)-1].depth
		}
	}
	if d.pos < len(d.s) {
		if root.odd == nil {
			root.odd = &oddity{}
		}
		root.odd.tail = d.s[d.pos:]
	}
	return root, nil
}

func (d *decoder) refuse(off int, err error) error {
	e := &code.Error{Status: code.StatusReqInvalid, Part: "requirement", Off: int64(off), Err: err}
	if d.unread {
		e.Status = code.StatusUnimplemented
	}
	return e
}

// node reads one node without the expressions below it.
func (d *decoder) node() *Expr {
	word := d.uint32()
	op := word & 0xffffff
	if op >= opCount {
		return d.unknown(word)
	}
	e := d.nodes.node(Op(op))
	e.Flags = uint8(word >> 24)
	switch e.Op {
	case OpIdent, OpCDHash, OpNamedAnchor, OpNamedCode:
		e.Value = d.data(e, 1)
	case OpAnchorHash:
		e.Slot = int32(d.uint32())
		e.Value = d.data(e, 1)
	case OpInfoValue:
		e.Key = d.data(e, 0)
		e.Value = d.data(e, 1)
	case OpTrustedCert, OpPlatform:
		e.Slot = int32(d.uint32())
	case OpInfo, OpEntitlement:
		e.Key = d.data(e, 0)
		d.match(e)
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		e.Slot = int32(d.uint32())
		e.Key = d.data(e, 0)
		d.match(e)
	}
	return e
}

func (d *decoder) unknown(word uint32) *Expr {
	e := d.nodes.node(OpUnknown)
	e.Slot, e.Flags = int32(word&0xffffff), uint8(word>>24)
	if e.Flags&(FlagFalse|FlagSkip) != 0 {
		e.Value = d.take(d.uint32())
	} else {
		d.unread = true
	}
	return e
}

// match reads a comparison. One that is not known has one operand, as Apple's
// interpreter assumes.
func (d *decoder) match(e *Expr) {
	e.Match = MatchOp(d.uint32())
	switch {
	case e.Match == MatchExists: // the most frequent
	case e.Match.HasDate():
		e.Value = d.take(dateSize)
	case e.Match.HasValue():
		e.Value = d.data(e, 1)
	}
}
