// Package coreder reads and writes the DER of CoreEntitlements, which holds the
// entitlements (slot 7) and the launch and library constraints (slots 8 to 11) of
// a code signature.
//
//	v, err := coreder.ParseEntitlements(payload)
//	if err != nil {
//		return err
//	}
//	debug, ok := v.Get("com.apple.security.get-task-allow")
//
// There is one encoding of each value: what it accepts, [Encode] turns back into
// the same bytes. It does not check that the bytes are sealed, nor what the keys
// mean, nor that XML entitlements beside them say the same.
//
// The format has no public source. It follows what codesign writes (Security-61901
// names it in EntitlementBlob) and is stricter than the system is known to be:
// two traversals of one encoding that disagreed were CVE-2022-42855.
package coreder

import (
	"fmt"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/internal/bin"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// The tags of CoreEntitlements.
const (
	tagBool     = 0x01
	tagInteger  = 0x02
	tagData     = 0x04 // OCTET STRING
	tagString   = 0x0c // UTF8String
	tagSequence = 0x30 // an array, or one entry of a dictionary
	tagSet      = 0x31 // a dictionary of the old form
	tagRoot     = 0x70 // [APPLICATION 16], constructed
	tagDict     = 0xb0 // [CONTEXT 16], constructed
)

// version is the only version of the encoding.
const version = 1

// maxDepth is how many arrays and dictionaries may stand inside each other. Real
// constraints stay below 10.
const maxDepth = 64

// maxSize bounds the input and with it the memory of the result, which is about
// twenty times as large. Real blobs stay below 100 KiB.
const maxSize = 16 << 20

// SyntaxError says why bytes are not CoreEntitlements DER.
type SyntaxError struct {
	Off int64  // the byte at fault, counted from the start of the input
	Msg string // what stands there and what was expected
}

// Error gives the offset and the message.
func (e *SyntaxError) Error() string { return fmt.Sprintf("offset 0x%x: %s", e.Off, e.Msg) }

func bad(off int64, format string, args ...any) error {
	return &SyntaxError{Off: off, Msg: fmt.Sprintf(format, args...)}
}

// Options say what [Parse] accepts beyond entitlements.
type Options struct {
	// AllowData accepts OCTET STRINGs, as constraints have them for cdhashes. The
	// system takes none in entitlements, so there they are seen by nobody else.
	AllowData bool
}

// ParseEntitlements reads the payload of a blob of entitlements. The Value is a
// dictionary and does not alias b. Every error is a [*SyntaxError].
func ParseEntitlements(b []byte) (plist.Value, error) { return Parse(b, Options{}) }

// Parse reads the payload of a blob of entitlements or constraints: strict DER,
// keys sorted by their bytes. The Value is a dictionary and does not alias b.
// Every error is a [*SyntaxError].
func Parse(b []byte, o Options) (plist.Value, error) {
	d := decoder{data: o.AllowData, dict: tagDict}
	root, err := whole(b, tagRoot)
	if err != nil {
		return plist.Value{}, err
	}
	n, err := expect(&root, tagInteger)
	if err != nil {
		return plist.Value{}, err
	}
	num, err := integer(n)
	if err != nil {
		return plist.Value{}, err
	}
	if v, _ := num.Int64(); v != version {
		return plist.Value{}, bad(n.off, "got version %d, want %d", v, version)
	}
	e, err := expect(&root, tagDict)
	if err != nil {
		return plist.Value{}, err
	}
	if err := end(&root); err != nil {
		return plist.Value{}, err
	}
	return d.dictionary(e, 1)
}

// ParseLegacySet reads the form of 2018 to 2021, in which every dictionary is a
// SET and no version is given. It is for reporting only: nothing that runs today
// grants what such a blob says. The order of the keys is not checked, and [Encode]
// does not write this form.
func ParseLegacySet(b []byte) (plist.Value, error) {
	d := decoder{dict: tagSet}
	body, err := whole(b, tagSet)
	if err != nil {
		return plist.Value{}, err
	}
	return d.dictionary(element{tag: tagSet, off: 0, body: body}, 1)
}

// element is one tag with its content.
type element struct {
	tag  byte
	off  int64 // where the tag stands
	body bin.Reader
}

// next reads the element at the cursor: a tag of one byte and a length that is
// definite and minimal.
func next(r *bin.Reader) (element, error) {
	e := element{off: r.Off(), tag: r.Uint8("tag")}
	n := uint32(r.Uint8("length"))
	if n >= 0x80 {
		size := n & 0x7f
		if size == 0 || size > 4 {
			return element{}, bad(e.off+1, "got length byte 0x%02x, want a definite length of at most 4 bytes", n)
		}
		first := true
		n = 0
		for range size {
			c := r.Uint8("length")
			if first && c == 0 && r.Err() == nil {
				return element{}, bad(e.off+1, "got a length with a leading zero")
			}
			first, n = false, n<<8|uint32(c)
		}
		if n < 0x80 && r.Err() == nil {
			return element{}, bad(e.off+1, "got the length %d in two bytes, want one", n)
		}
	}
	at := r.Off()
	content := r.Bytes(n, "content")
	if err := r.Err(); err != nil {
		return element{}, bad(e.off, "got an element that does not end inside its container: %v", err)
	}
	e.body = bin.NewReader(content, at)
	return e, nil
}

// expect reads the element at the cursor, which must have the tag.
func expect(r *bin.Reader, tag byte) (element, error) {
	e, err := next(r)
	if err == nil && e.tag != tag {
		return element{}, bad(e.off, "got tag 0x%02x, want 0x%02x", e.tag, tag)
	}
	return e, err
}

// end checks that a container has no more content.
func end(r *bin.Reader) error {
	if r.Len() > 0 {
		return bad(r.Off(), "got %d bytes more than the container has elements", r.Len())
	}
	return nil
}

// whole reads the one element that b must be, and returns its content.
func whole(b []byte, tag byte) (bin.Reader, error) {
	if len(b) > maxSize {
		return bin.Reader{}, bad(maxSize, "got %d bytes, want at most %d", len(b), maxSize)
	}
	r := bin.NewReader(b, 0)
	e, err := expect(&r, tag)
	if err != nil {
		return bin.Reader{}, err
	}
	return e.body, end(&r)
}

// decoder knows what values may occur.
type decoder struct {
	data bool // OCTET STRINGs
	dict byte // the tag of dictionaries: tagDict, or tagSet without order
}

// value turns an element inside depth containers into a value.
func (d *decoder) value(e element, depth int) (plist.Value, error) {
	switch {
	case e.tag == tagBool:
		return boolean(e)
	case e.tag == tagInteger:
		return integer(e)
	case e.tag == tagString:
		s, err := text(e)
		if err != nil {
			return plist.Value{}, err
		}
		return plist.String(s), nil
	case e.tag == tagData && d.data:
		return plist.Data(e.body.Bytes(uint32(e.body.Len()), "data")), nil
	case e.tag != tagSequence && e.tag != d.dict:
		return plist.Value{}, bad(e.off, "got tag 0x%02x, which is none of a value here", e.tag)
	case depth == maxDepth:
		return plist.Value{}, bad(e.off, "more than %d levels", maxDepth)
	case e.tag == d.dict:
		return d.dictionary(e, depth+1)
	}
	var items []plist.Value
	for e.body.Len() > 0 {
		item, err := next(&e.body)
		if err != nil {
			return plist.Value{}, err
		}
		v, err := d.value(item, depth+1)
		if err != nil {
			return plist.Value{}, err
		}
		items = append(items, v)
	}
	return plist.Array(items...), nil
}

// dictionary reads the entries of the element, which is container number depth.
func (d *decoder) dictionary(e element, depth int) (plist.Value, error) {
	var entries []plist.Entry
	for e.body.Len() > 0 {
		pair, err := expect(&e.body, tagSequence)
		if err != nil {
			return plist.Value{}, err
		}
		k, err := expect(&pair.body, tagString)
		if err != nil {
			return plist.Value{}, err
		}
		key, err := text(k)
		if err != nil {
			return plist.Value{}, err
		}
		if n := len(entries); n > 0 && d.dict == tagDict && entries[n-1].Key >= key {
			return plist.Value{}, bad(k.off, "got the key %q behind %q, want keys sorted and once each", key, entries[n-1].Key)
		}
		val, err := next(&pair.body)
		if err != nil {
			return plist.Value{}, err
		}
		if err := end(&pair.body); err != nil {
			return plist.Value{}, err
		}
		v, err := d.value(val, depth)
		if err != nil {
			return plist.Value{}, err
		}
		entries = append(entries, plist.Entry{Key: key, Value: v})
	}
	v, err := plist.Dict(entries...)
	if err != nil { // only without order
		return plist.Value{}, bad(e.off, "%v", err)
	}
	return v, nil
}

func boolean(e element) (plist.Value, error) {
	n := e.body.Len()
	if c := e.body.Uint8("boolean"); n == 1 && (c == 0 || c == 0xff) {
		return plist.Bool(c != 0), nil
	}
	return plist.Value{}, bad(e.off, "got a boolean that is neither 00 nor ff")
}

func integer(e element) (plist.Value, error) {
	size := e.body.Len()
	if size < 1 || size > 8 {
		return plist.Value{}, bad(e.off, "got an integer of %d bytes, want 1 to 8", size)
	}
	n := int64(int8(e.body.Uint8("integer")))
	for i := 1; i < size; i++ {
		c := e.body.Uint8("integer")
		if i == 1 && (n == 0 && c < 0x80 || n == -1 && c >= 0x80) {
			return plist.Value{}, bad(e.off, "got an integer of %d bytes that needs fewer", size)
		}
		n = n<<8 | int64(c)
	}
	return plist.Int(n), nil
}

// text reads a UTF8String. A NUL is refused: readers of C strings end there, and
// XML cannot hold one.
func text(e element) (string, error) {
	b := e.body.Bytes(uint32(e.body.Len()), "string")
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			return "", bad(e.off, "got byte 0x%02x in a string, want UTF-8 without NUL", b[i])
		}
		i += n
	}
	return string(b), nil
}
