package coreder

import (
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Encode writes a dictionary as codesign does, data as OCTET STRINGs. Reals,
// dates, strings with a NUL, more than 64 levels and roots of another kind have no
// encoding and are an error.
func Encode(v plist.Value) ([]byte, error) {
	if v.Kind() != plist.KindDict {
		return nil, fmt.Errorf("coreder: got a %s as root, want a dictionary", v.Kind())
	}
	dict, err := appendValue([]byte{tagInteger, 1, version}, v, 0)
	if err != nil {
		return nil, err
	}
	out := appendElement(nil, tagRoot, dict)
	if len(out) > maxSize {
		return nil, fmt.Errorf("coreder: got %d bytes of encoding, want at most %d", len(out), maxSize)
	}
	return out, nil
}

// appendValue writes a value that stands inside depth containers.
func appendValue(b []byte, v plist.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case plist.KindBool:
		c := byte(0)
		if on, _ := v.Boolean(); on {
			c = 0xff
		}
		return append(b, tagBool, 1, c), nil
	case plist.KindInteger:
		n, _ := v.Int64()
		return appendElement(b, tagInteger, integerBytes(n)), nil
	case plist.KindString:
		s, _ := v.Str()
		return appendText(b, s)
	case plist.KindData:
		data, _ := v.Bytes()
		return appendElement(b, tagData, data), nil
	case plist.KindArray, plist.KindDict:
		if depth == maxDepth {
			return nil, fmt.Errorf("coreder: more than %d levels", maxDepth)
		}
		return appendContainer(b, v, depth+1)
	}
	return nil, fmt.Errorf("coreder: a %s has no encoding", v.Kind())
}

func appendContainer(b []byte, v plist.Value, depth int) ([]byte, error) {
	var body []byte
	var err error
	for item := range v.Items() {
		if body, err = appendValue(body, item, depth); err != nil {
			return nil, err
		}
	}
	for key, val := range v.All() {
		pair, err := appendText(nil, key)
		if err != nil {
			return nil, err
		}
		if pair, err = appendValue(pair, val, depth); err != nil {
			return nil, err
		}
		body = appendElement(body, tagSequence, pair)
	}
	if v.Kind() == plist.KindDict {
		return appendElement(b, tagDict, body), nil
	}
	return appendElement(b, tagSequence, body), nil
}

func appendText(b []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, fmt.Errorf("coreder: the string %q has a NUL", s)
	}
	return appendElement(b, tagString, []byte(s)), nil
}

// appendElement writes a tag, the shortest length and the content.
func appendElement(b []byte, tag byte, body []byte) []byte {
	b = append(b, tag)
	if n := len(body); n < 0x80 {
		b = append(b, byte(n))
	} else {
		var size []byte
		for ; n > 0; n >>= 8 {
			size = append([]byte{byte(n)}, size...)
		}
		b = append(append(b, 0x80|byte(len(size))), size...)
	}
	return append(b, body...)
}

// integerBytes is the shortest two's complement of n.
func integerBytes(n int64) []byte {
	b := []byte{byte(n)}
	for n >>= 8; n != int64(int8(b[0]))>>8; n >>= 8 {
		b = append([]byte{byte(n)}, b...)
	}
	return b
}
