package requirement

import (
	"encoding/binary"
	"iter"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Op says what an [Expr] tests. The first 24 are Apple's opcodes, by number.
type Op uint8

// The operators, with Apple's names. The zero Op is never true.
const (
	OpFalse        Op = iota // opFalse: `never`
	OpTrue                   // opTrue: `always`
	OpIdent                  // opIdent: `identifier Value`
	OpAppleAnchor            // opAppleAnchor: `anchor apple`
	OpAnchorHash             // opAnchorHash: `certificate Slot = H"Value"`; Value holds the raw bytes
	OpInfoValue              // opInfoKeyValue: `info[Key] = Value`, old binaries only
	OpAnd                    // opAnd: X and Y
	OpOr                     // opOr: X or Y
	OpCDHash                 // opCDHash: `cdhash H"Value"`; Value holds the raw bytes
	OpNot                    // opNot: `! X`
	OpInfo                   // opInfoKeyField: `info[Key]` Match
	OpCertField              // opCertField: `certificate Slot[Key]` Match; Key includes "subject."
	OpTrustedCert            // opTrustedCert: `certificate Slot trusted`
	OpTrustedCerts           // opTrustedCerts: `anchor trusted`
	OpCertGeneric            // opCertGeneric: `certificate Slot[field.OID]` Match; Key holds the OID's content octets
	OpAppleGeneric           // opAppleGenericAnchor: `anchor apple generic`
	OpEntitlement            // opEntitlementField: `entitlement[Key]` Match
	OpCertPolicy             // opCertPolicy: `certificate Slot[policy.OID]` Match; Key as for OpCertGeneric
	OpNamedAnchor            // opNamedAnchor: `anchor apple Value`
	OpNamedCode              // opNamedCode: `(Value)`
	OpPlatform               // opPlatform: `platform = Slot`
	OpNotarized              // opNotarized: `notarized`
	OpCertDate               // opCertFieldDate: `certificate Slot[timestamp.OID]` Match; Key as for OpCertGeneric
	OpLegacy                 // opLegacyDevID: `legacy`

	// OpUnknown is an opcode that this package does not know, kept so that
	// encoding gives the same bytes: Slot is its number (24 bits), Flags its high
	// byte. With [FlagFalse] or [FlagSkip], Value is the payload; with FlagSkip
	// alone, X is the expression that stands in its place.
	OpUnknown Op = 0xfe
	// OpConstraint is a whole requirement of kind 2: a launch constraint. Value
	// is the program, a length and DER, as it stands.
	OpConstraint Op = 0xff
)

const opCount = 24 // exprOpCount

// The flag bits of an opcode's high byte that mean something, and only on
// opcodes that are not known. (opGenericFalse, opGenericSkip)
const (
	FlagFalse uint8 = 0x80 // a reader that does not know the opcode takes it as false
	FlagSkip  uint8 = 0x40 // … evaluates the expression after it instead
)

// MatchOp is the comparison at the end of a term, by Apple's numbers. Numbers
// that are not listed can come out of binaries and never match anything.
type MatchOp uint32

// The comparisons. Those on dates use [Expr.Date], the others [Expr.Value].
const (
	MatchExists       MatchOp = iota // matchExists: nothing, or `exists`
	MatchEqual                       // matchEqual: `= v`
	MatchContains                    // matchContains: `~ v`, `= *v*`
	MatchBeginsWith                  // matchBeginsWith: `= v*`
	MatchEndsWith                    // matchEndsWith: `= *v`
	MatchLess                        // matchLessThan: `< v`
	MatchGreater                     // matchGreaterThan: `> v`
	MatchLessEqual                   // matchLessEqual: `<= v`
	MatchGreaterEqual                // matchGreaterEqual: `>= v`
	MatchOn                          // matchOn: `= timestamp "…"`
	MatchBefore                      // matchBefore: `< timestamp "…"`
	MatchAfter                       // matchAfter: `> timestamp "…"`
	MatchOnOrBefore                  // matchOnOrBefore: `<= timestamp "…"`
	MatchOnOrAfter                   // matchOnOrAfter: `>= timestamp "…"`
	MatchAbsent                      // matchAbsent: `absent`

	matchCount
)

// HasDate reports whether the comparison is one of dates.
func (m MatchOp) HasDate() bool { return m >= MatchOn && m <= MatchOnOrAfter }

// HasValue reports whether the comparison carries a [Expr.Value]; unknown
// comparisons do.
func (m MatchOp) HasValue() bool {
	return m != MatchExists && m != MatchAbsent && !m.HasDate()
}

// The slots with a name of their own. Others count from the leaf when positive
// and from the root when negative.
const (
	SlotLeaf int32 = 0
	SlotRoot int32 = -1
)

// Expr is one node of a requirement: an operator and its operands. Which fields
// matter is said at each [Op]; the others are zero. A tree that was parsed or
// decoded is immutable and may be shared; its text is that of the source, so it
// keeps the source in memory.
//
// Its size counts: what reading a requirement takes is mostly the memory of its
// nodes.
type Expr struct {
	Op         Op
	Flags      uint8   // the high byte of the opcode; Apple ignores it on known ones
	Slot       int32   // the certificate, counted from the leaf; or the platform's number
	Match      MatchOp // the comparison
	start, end uint32  // see Span; texts are not longer than MaxText
	X, Y       *Expr
	Key        string
	// Value is a text, or raw bytes where the Op says so; with a comparison of
	// dates the eight bytes of the Date. Text that an evaluation uses ends at its
	// first NUL.
	Value string

	odd *oddity // what a binary held beyond its meaning; mostly nil
}

// Span places the term in its source; zero when it was decoded.
func (e *Expr) Span() diag.Span { return diag.Span{Start: int(e.start), End: int(e.end)} }

// Date is the operand of a comparison of dates, else 0: seconds since
// 2001-01-01T00:00:00Z.
func (e *Expr) Date() int64 {
	if len(e.Value) != dateSize || !e.Match.HasDate() {
		return 0
	}
	return int64(binary.BigEndian.Uint64([]byte(e.Value)))
}

const dateSize = 8

// dateValue returns the Value that means a date.
func dateValue(seconds int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(seconds)))
}

// oddity keeps bytes that Apple's reader ignores, so that encoding brings them back.
type oddity struct {
	pads [2]string // padding after Key and after Value when it is not plain zeros
	set  [2]bool
	tail string // bytes after the whole expression; on the root only
}

// hasMatch reports whether a term of this kind ends in a comparison.
func (o Op) hasMatch() bool {
	switch o {
	case OpInfo, OpEntitlement, OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		return true
	}
	return false
}

// operands returns how many expressions follow.
func (e *Expr) operands() int {
	switch e.Op {
	case OpAnd, OpOr:
		return 2
	case OpNot:
		return 1
	case OpUnknown:
		if e.Flags&(FlagFalse|FlagSkip) == FlagSkip {
			return 1
		}
	}
	return 0
}

// after returns the node that follows e in the order of the binary form: a node,
// then X, then Y; nil at the end. later holds what is still to come. Nothing
// recurses, because trees are as deep as texts are long. (later is handed on and
// returned so that it can live on the caller's stack.)
func after(e *Expr, later []*Expr) (*Expr, []*Expr) {
	operands := 0
	if e.X != nil || e.Y != nil { // terms are most of a tree
		operands = e.operands()
	}
	switch operands {
	case 2:
		if e.X != nil && e.Y != nil {
			return e.X, append(later, e.Y)
		}
		fallthrough
	case 1:
		if e.X != nil {
			return e.X, later
		}
		if e.Op != OpNot && e.Y != nil {
			return e.Y, later
		}
	}
	if n := len(later); n > 0 {
		return later[n-1], later[:n-1]
	}
	return nil, nil
}

// All returns every node of the tree, parents first and left before right. It
// does not recurse.
func All(e *Expr) iter.Seq[*Expr] {
	return func(yield func(*Expr) bool) {
		var room [16]*Expr
		later := room[:0]
		for n := e; n != nil && yield(n); {
			n, later = after(n, later)
		}
	}
}

// slab hands out nodes from a few large allocations. A chunk never moves, so
// pointers into it stay good.
type slab struct {
	chunk []Expr
	used  int // of chunk; an index and no shrinking slice: no pointer to write for each node
	size  int // of the next chunk
}

// newSlab makes room for the nodes that a source of n bytes usually has.
func newSlab(n, perNode int) slab { return slab{size: 1 + min(n/perNode, 1<<12)} }

func (s *slab) node(op Op) *Expr {
	if s.used == len(s.chunk) {
		s.chunk, s.used = make([]Expr, s.size), 0
		s.size = min(2*s.size, 1<<14)
	}
	e := &s.chunk[s.used]
	s.used++
	e.Op = op
	return e
}
