package macho

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// seal is a parsed CodeResources file: what every file below the support
// directory must be.
type seal struct {
	version   int // of the envelope: 1 or 2
	dict      plist.Value
	rules     rules
	entries   map[string]*sealed
	hashTypes []code.HashType // those of all CodeDirectories
}

// sealed is one entry of the seal, by path below the support directory. Exactly
// one of hashes, link and requirement is set.
type sealed struct {
	hashes      []sealedHash // one for each hash type of the signature
	link        string
	isLink      bool
	requirement string // of nested code
	isCode      bool
	cdhash      []byte
	optional    bool
	// seen is set by the walk, which is one goroutine.
	seen bool
}

type sealedHash struct {
	typ    code.HashType
	digest []byte
}

// hashKeys are the keys of digests in an entry.
var hashKeys = map[code.HashType]string{
	code.HashSHA1: "hash", code.HashSHA256: "hash2", code.HashSHA256Truncated: "hash3", code.HashSHA384: "hash4",
}

// parse reads the property list.
func (s *seal) parse(b []byte) *problem {
	dict, err := plist.Parse(b, plist.Options{})
	if err != nil {
		p := unjudged(code.StatusBadDictionaryFormat, "CodeResources", -1, "%w", err)
		var syntax *plist.SyntaxError
		if errors.As(err, &syntax) && syntax.Cycle { // otherwise our reader may refuse more than Apple's
			p = rejected(code.StatusBadDictionaryFormat, "CodeResources", -1, "%w", err)
		}
		return &p
	}
	s.dict = dict
	return nil
}

// form looks for the two dictionaries without which it is no resource directory.
func (s *seal) form() *problem {
	for _, key := range []string{"rules", "files"} {
		if v, ok := s.dict.Get(key); !ok || v.Kind() != plist.KindDict {
			p := rejected(code.StatusResourcesNotFound, "CodeResources", -1, "it has no dictionary %q", key)
			return &p
		}
	}
	return nil
}

// envelope chooses the version and reads its entries.
func (s *seal) envelope() *problem {
	bad := func(format string, args ...any) *problem {
		p := rejected(code.StatusResourcesInvalid, "CodeResources", -1, format, args...)
		return &p
	}
	s.version = 1
	files, has := s.dict.Get("files2")
	rules2, hasRules := s.dict.Get("rules2")
	switch {
	case has && (!hasRules || files.Kind() != plist.KindDict || rules2.Kind() != plist.KindDict):
		return bad("it has files2 but no rules2, or they are no dictionaries")
	case has:
		s.version = 2
	case hasRules:
		// Apple: takes it for version 1, which strict validation refuses.
		p := bad("it has rules2 but no files2")
		p.apple = code.Known(code.StatusWeakResourceEnvelope)
		return p
	default:
		return nil // step R5 refuses version 1, whatever it says
	}
	s.entries = make(map[string]*sealed, files.Len())
	all := make([]sealed, files.Len())
	i := 0
	for name, v := range files.All() {
		if err := all[i].read(v, s.hashTypes); err != nil {
			// Apple: looks at an entry when it meets the file, and compares what is there.
			p := unjudged(code.StatusResourcesInvalid, "CodeResources", -1, "the entry of %.200q: %w", name, err)
			return &p
		}
		s.entries[name] = &all[i]
		i++
	}
	return nil
}

// read takes one entry of the files dictionary.
func (e *sealed) read(v plist.Value, types []code.HashType) error {
	if b, ok := v.Bytes(); ok { // a bare SHA-1, as in version 1
		return e.readHashes(types, func(t code.HashType) ([]byte, bool) { return b, t == code.HashSHA1 })
	}
	if v.Kind() != plist.KindDict {
		return fmt.Errorf("it is a %s, want data or a dictionary", v.Kind())
	}
	if x, ok := v.Get("optional"); ok {
		if e.optional, ok = x.Boolean(); !ok {
			return errors.New("optional is no boolean")
		}
	}
	link, isLink := v.Get("symlink")
	req, isCode := v.Get("requirement")
	hashed := false
	for _, key := range hashKeys {
		if _, ok := v.Get(key); ok {
			hashed = true
		}
	}
	switch {
	case isLink && isCode, isLink && hashed, isCode && hashed:
		return errors.New("it says of one file that it is two kinds of thing")
	case isLink:
		e.isLink = true
		if e.link, isLink = link.Str(); !isLink {
			return errors.New("symlink is no string")
		}
		return nil
	case isCode:
		e.isCode = true
		if e.requirement, isCode = req.Str(); !isCode {
			return errors.New("requirement is no string")
		}
		if x, ok := v.Get("cdhash"); ok {
			if e.cdhash, ok = x.Bytes(); !ok || len(e.cdhash) != 20 {
				return errors.New("cdhash is not 20 bytes of data")
			}
		}
		return nil
	}
	return e.readHashes(types, func(t code.HashType) ([]byte, bool) {
		x, ok := v.Get(hashKeys[t])
		if !ok {
			return nil, false
		}
		b, ok := x.Bytes()
		return b, ok
	})
}

// readHashes wants a digest of the right length for each type.
//
// Apple: where the digest of a type is missing it compares with the SHA-1 one.
func (e *sealed) readHashes(types []code.HashType, get func(code.HashType) ([]byte, bool)) error {
	for _, t := range types {
		b, ok := get(t)
		switch {
		case !ok:
			return fmt.Errorf("it has no %s, which the signature uses", t)
		case len(b) != t.Size():
			return fmt.Errorf("its %s has %d bytes, want %d", t, len(b), t.Size())
		}
		e.hashes = append(e.hashes, sealedHash{t, b})
	}
	return nil
}

// compile reads the rules.
func (s *seal) compile() *problem {
	dict, _ := s.dict.Get("rules2")
	var err error
	if s.rules, err = parseRules(dict); err != nil {
		p := unjudged(code.StatusResourceRulesInvalid, "CodeResources", -1, "%w", err)
		return &p
	}
	s.dict = plist.Value{} // everything was taken out of it
	return nil
}

// strict refuses seals that leave out what codesign would seal today.
func (s *seal) strict(resources bool) *problem {
	if s.version == 1 {
		p := rejected(code.StatusWeakResourceEnvelope, "CodeResources", -1, "it has a version 1 envelope, which seals neither nested code nor anything outside Resources: sign it again")
		return &p
	}
	dict, _ := s.dict.Get("rules2")
	if why := weakRules(dict, resources); why != "" {
		p := rejected(code.StatusWeakResourceRules, "CodeResources", -1, "%s: sign it again without custom rules", why)
		return &p
	}
	return nil
}

// sealTypes lists the hash types of all CodeDirectories, weakest first.
func sealTypes(all []*slice) (types []code.HashType, same bool) {
	same = true
	for i, s := range all {
		for _, d := range s.dirs {
			if !slices.Contains(types, d.HashType) {
				types = append(types, d.HashType)
				same = same && i == 0
			}
		}
		same = same && len(s.dirs) == len(types)
	}
	slices.SortFunc(types, func(a, b code.HashType) int { return a.Rank() - b.Rank() })
	return types, same
}
