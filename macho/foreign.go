package macho

import (
	"bytes"
	"io"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// form is what a file is that holds code in the sense of a signature, but no
// Mach-O: a disk image, or any other file as a whole.
type form struct {
	name string // for Subject.Format, as in "disk image"
	// unsigned says in words why there is no signature; it is used when there is none.
	unsigned string
	// trailer is what slot 6 of a disk image seals; nil for every other form.
	trailer []byte
	// parts are the components that lie beside a file, by slot; nil for disk images.
	parts map[uint32][]byte
	// source says where the parts come from, as in "extended attributes".
	source string
}

// noOffset is the offset of structures that lie in no file: errors do not print it,
// nor what is added to it.
const noOffset = -(1 << 40)

// foreignMagics names files that begin with a magic of their own.
var foreignMagics = []struct {
	magic  string
	name   string
	atEnd  bool
	refuse string // why it is not judged; "" when it is judged as any other file
}{
	{"encrcdsa", "encrypted disk image", false, "an encrypted disk image: its signature, if it has one, cannot be read without the passphrase; attach it or convert it first"},
	{"cdsaencr", "encrypted disk image", true, "an encrypted disk image of the first version: its signature, if it has one, cannot be read without the passphrase"},
	{"dyld_v1 ", "dyld shared cache", false, "a dyld shared cache: its signature belongs to the operating system and is not verified here; verify the library's own file"},
	{"xar!", "flat package", false, ""},
}

// readForeign looks at a file that is no Mach-O. It returns the file as a container
// with one slice. With a problem the container is nil, or has the form's name only.
func (v *verification) readForeign(r io.ReaderAt, size int64) (*container, *problem) {
	whole := func(f *form) (*image, *container) {
		m := &image{r: io.NewSectionReader(r, 0, size), size: size, linkEnd: -1, form: f}
		return m, &container{images: []*image{m}, align: []uint32{0}}
	}
	var head, tail [8]byte
	n, err := r.ReadAt(head[:min(8, size)], 0)
	if err != nil && err != io.EOF {
		p := ioProblem("file", 0, err)
		return nil, &p
	}
	if size >= 8 {
		if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
			p := ioProblem("file", size-8, err)
			return nil, &p
		}
	}
	f := &form{name: "generic file", unsigned: "it is no Mach-O file, and no extended attribute holds a signature"}
	m, c := whole(f)
	if koly, p := findKoly(r, size); p != nil || koly != nil {
		f.name = "disk image"
		if p != nil {
			return c, p
		}
		return c, m.readKoly(koly)
	}
	for _, k := range foreignMagics {
		if !k.atEnd && !bytes.HasPrefix(head[:n], []byte(k.magic)) || k.atEnd && string(tail[:]) != k.magic {
			continue
		}
		f.name = k.name
		if k.refuse != "" {
			p := unjudged(code.StatusNotSupported, "file", 0, "this is %s", k.refuse)
			return c, &p
		}
	}
	if f.name == "flat package" {
		f.unsigned = "a flat package (xar) has no code signature: an installer signature is another thing, which pkgutil --check-signature verifies on a Mac; expand the package and verify the programs in it"
		if v.stapled, err = packageTicket(r, size); err != nil {
			v.report.warn("packageTrailers", "", "the trailers of the package are malformed, so no stapled ticket is reported: %v", err)
		}
	}
	return c, v.readParts(m)
}

// checkForeignSuperBlob is step F2 for everything whose signature is not where a
// load command says.
func (s *slice) checkForeignSuperBlob() check {
	switch {
	case s.v.opts.Detached != nil:
		return s.checkDetached()
	case !s.m.hasSignature:
		s.unsignedFacts()
		return failed(rejected(code.StatusUnsigned, s.m.form.name, -1, "%s", s.m.form.unsigned))
	case s.m.form.trailer != nil:
		return s.checkImageSuperBlob()
	}
	return s.checkParts()
}

// adopt takes a SuperBlob that did not come from the file itself.
func (s *slice) adopt(b *superBlob, source string) {
	s.blob = b
	s.m.hasSignature, s.facts.Signed = true, true
	s.signatureFacts()
	s.facts.Signature.Source = source
	s.facts.Signature.Offset, s.facts.Signature.Size = 0, int64(len(b.raw))
}

// checkWhole is step T8: what the strict checks ask of a disk image.
func (s *slice) checkWhole() check {
	if s.m.form == nil || s.m.form.trailer == nil {
		return notApplicable("the file is no disk image")
	}
	if s.best == nil {
		return notRun("the signature was not understood")
	}
	return s.checkDiskImage()
}

// isDiskImage reports whether the file is a disk image with its own trailer.
func (m *image) isDiskImage() bool { return m.form != nil && m.form.trailer != nil }
