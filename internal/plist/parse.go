package plist

import "bytes"

// Options weaken [Parse]. The zero Options are the strictest.
type Options struct {
	// AllowBOM accepts a UTF-8 byte order mark in front of XML, which some
	// Info.plist files have. Parsers that do not know it read nothing at all
	// there, so entitlements must not have one.
	AllowBOM bool

	// AllowLooseComments accepts two hyphens inside a comment, which XML 1.0
	// forbids and people write as rulers. Every parser that reads on ends the
	// comment at the same place. Entitlements must not have them.
	AllowLooseComments bool

	// MaxValues is how many values the list may hold, keys not counted; zero
	// means 1,000,000. Only the resource seals of the largest applications come
	// near it.
	MaxValues int
}

// defaultValues bounds what a small file may make us hold: about 50 MB.
const defaultValues = 1_000_000

// What the values of one input may take in memory: a fixed part for small files
// and a part in proportion to the size. The proportion leaves room for binary
// lists, which write a repeated string once.
const (
	budgetFloor  = 128 << 10
	budgetFactor = 64
)

func (o Options) budget(size int) budget {
	n := o.MaxValues
	if n <= 0 {
		n = defaultValues
	}
	return budget{values: n, bytes: budgetFloor + budgetFactor*int64(size)}
}

// Parse reads a property list: binary when it begins with "bplist", else XML. The
// Value does not alias b. Every error is a [*SyntaxError].
func Parse(b []byte, o Options) (Value, error) {
	if bytes.HasPrefix(b, []byte("bplist")) {
		return ParseBinary(b, o)
	}
	return ParseXML(b, o)
}
