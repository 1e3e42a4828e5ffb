package macho

import (
	"bytes"
	"encoding/hex"
	"io"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// maxCommands bounds the load commands that are read. Real programs need a few
// kilobytes; the kernel refuses more than it can keep in memory too.
const maxCommands = 16 << 20

// huge stands for every larger 64-bit number in a load command: beyond any file,
// and small enough that sums of a few stay positive.
const huge = 1 << 60

// image is one thin slice: what its header and load commands say. Offsets in it
// count from the start of the slice.
type image struct {
	r      *io.SectionReader // the slice
	offset int64             // of the slice in the file
	size   int64

	cpu, sub, fileType uint32
	commandsEnd        int64

	uuid       string
	platform   uint32
	minOS, sdk string

	// libraries and searchPaths are the names in the load commands, at most
	// maxLibraries of each.
	libraries, searchPaths []string

	segments []segment
	infoSect *section // __TEXT,__info_plist
	// linkEnd is what the first __LINKEDIT segment or symbol table command ends
	// at; -1 when there is neither. Apple compares it with the slice's size.
	linkEnd int64
	link64  bool // a 64-bit segment command set it, which Apple adds in 64 bits

	hasSignature bool
	// detached says that the signature lies in no part of the file.
	detached bool
	// form is nil for a Mach-O file.
	form             *form
	sigOff, sigSize  int64
	sigCommandOffset int64
}

type segment struct {
	name          string
	off, size     int64
	fileEnd       int64
	maxProt, prot uint32
}

type section struct {
	off, size int64
	segment   segment
}

func (m *image) arch() string {
	if m.form != nil {
		return "no architecture"
	}
	return archName(m.cpu, m.sub)
}

// segment returns the first segment with a name, or nil.
func (m *image) segment(name string) *segment {
	for i := range m.segments {
		if m.segments[i].name == name {
			return &m.segments[i]
		}
	}
	return nil
}

// readImage reads the header and load commands of the slice [off, off+size).
func readImage(r io.ReaderAt, off, size int64) (*image, *problem) {
	m := &image{r: io.NewSectionReader(r, off, size), offset: off, size: size, linkEnd: -1}
	fail := func(at int64, format string, args ...any) (*image, *problem) {
		p := unjudged(code.StatusBadObjectFormat, "Mach-O header", off+at, format, args...)
		return nil, &p
	}
	var head [32]byte
	n, err := m.r.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		p := ioProblem("Mach-O header", off, err)
		return nil, &p
	}
	if n < 4 || !isThinMagic(head[:]) {
		p := rejected(code.StatusUnsigned, "Mach-O header", off, "%w: the slice begins with %x", errNotMachO, head[:min(n, 4)])
		return nil, &p
	}
	order := bin.BigEndian
	magic := bigEndian32(head[:])
	if magic != magicThin32 && magic != magicThin64 {
		order, magic = bin.LittleEndian, swap32(magic)
	}
	is64 := magic == magicThin64
	rd := bin.NewReaderOrder(head[:n], off, order)
	rd.Skip(4, "mach_header.magic")
	m.cpu, m.sub, m.fileType = rd.Uint32("mach_header.cputype"), rd.Uint32("mach_header.cpusubtype"), rd.Uint32("mach_header.filetype")
	ncmds, sizeofcmds := rd.Uint32("mach_header.ncmds"), int64(rd.Uint32("mach_header.sizeofcmds"))
	rd.Uint32("mach_header.flags")
	headerSize := int64(28)
	if is64 {
		rd.Uint32("mach_header.reserved")
		headerSize = 32
	}
	if err := rd.Err(); err != nil {
		return fail(0, "%w", err)
	}
	if sizeofcmds > size-headerSize || sizeofcmds > maxCommands {
		return fail(20, "load commands of %d bytes do not fit the slice of %d bytes", sizeofcmds, size)
	}
	m.commandsEnd = headerSize + sizeofcmds
	cmds := make([]byte, sizeofcmds)
	if _, err := m.r.ReadAt(cmds, headerSize); err != nil {
		p := ioProblem("load commands", off+headerSize, err)
		return nil, &p
	}
	if p := m.readCommands(bin.NewReaderOrder(cmds, off+headerSize, order), order, ncmds); p != nil {
		return nil, p
	}
	return m, nil
}

func (m *image) readCommands(rd bin.Reader, order bin.Order, ncmds uint32) *problem {
	fail := func(at int64, format string, args ...any) *problem {
		p := unjudged(code.StatusBadObjectFormat, "load command", at, format, args...)
		return &p
	}
	if uint64(ncmds)*8 > uint64(rd.Len()) {
		return fail(rd.Off(), "%d load commands do not fit %d bytes", ncmds, rd.Len())
	}
	linkSeen, buildSeen := false, false
	for range ncmds {
		at := rd.Off()
		cmd, size := rd.Uint32("load_command.cmd"), rd.Uint32("load_command.cmdsize")
		if rd.Err() == nil && size < 8 {
			return fail(at, "cmdsize is %d, at least 8 is needed", size)
		}
		body := bin.NewReaderOrder(rd.Bytes(size-8, "load_command"), at+8, order)
		if err := rd.Err(); err != nil {
			return fail(at, "%w", err)
		}
		switch cmd {
		case cmdSegment, cmdSegment64:
			s, n := readSegment(&body, cmd == cmdSegment64)
			m.readSections(&body, s, n, cmd == cmdSegment64)
			m.segments = append(m.segments, s)
			if s.name == "__LINKEDIT" && !linkSeen {
				linkSeen, m.linkEnd, m.link64 = true, s.fileEnd, cmd == cmdSegment64
			}
		case cmdSymtab:
			body.Skip(8, "symtab_command.symoff")
			off, n := body.Uint32("symtab_command.stroff"), body.Uint32("symtab_command.strsize")
			if !linkSeen {
				linkSeen, m.linkEnd = true, int64(off)+int64(n)
			}
		case cmdUUID:
			m.uuid = hex.EncodeToString(body.Bytes(16, "uuid_command.uuid"))
		case cmdBuildVersion:
			platform := body.Uint32("build_version_command.platform")
			minOS, sdk := body.Uint32("build_version_command.minos"), body.Uint32("build_version_command.sdk")
			if !buildSeen { // a second one is that of another system, for which it runs too
				buildSeen, m.platform = true, platform
				m.minOS, m.sdk = packedVersion(minOS, 2), packedVersion(sdk, 2)
			}
		case cmdMinMacOS, cmdMinIOS, cmdMinTVOS, cmdMinWatchOS:
			minOS, sdk := body.Uint32("version_min_command.version"), body.Uint32("version_min_command.sdk")
			if m.platform == 0 { // a build version command is preferred
				m.platform = map[uint32]uint32{cmdMinMacOS: 1, cmdMinIOS: 2, cmdMinTVOS: 3, cmdMinWatchOS: 4}[cmd]
				m.minOS, m.sdk = packedVersion(minOS, 2), packedVersion(sdk, 2)
			}
		case cmdLoad, cmdLoadWeak, cmdLoadLazy, cmdLoadUpward, cmdReexport:
			m.libraries = addName(m.libraries, &body, order)
		case cmdSearchPath:
			m.searchPaths = addName(m.searchPaths, &body, order)
		case cmdCodeSignature:
			if m.hasSignature {
				return fail(at, "a second LC_CODE_SIGNATURE")
			}
			if size != 16 {
				return fail(at, "LC_CODE_SIGNATURE has cmdsize %d, want 16", size)
			}
			m.hasSignature, m.sigCommandOffset = true, at-m.offset
			m.sigOff, m.sigSize = int64(body.Uint32("linkedit_data_command.dataoff")), int64(body.Uint32("linkedit_data_command.datasize"))
		}
		if err := body.Err(); err != nil {
			return fail(at, "%w", err)
		}
	}
	if m.hasSignature {
		if err := m.checkSignatureRange(); err != "" {
			return fail(m.offset+m.sigCommandOffset, "%s", err)
		}
	}
	return nil
}

// checkSignatureRange returns what is wrong with the place that
// LC_CODE_SIGNATURE names.
func (m *image) checkSignatureRange() string {
	switch text := m.segment("__TEXT"); {
	case m.sigOff+m.sigSize > m.size:
		return "the signature reaches beyond the slice"
	case m.sigOff < m.commandsEnd:
		return "the signature overlaps the load commands"
	case text != nil && text.size > 0 && m.sigOff < text.fileEnd && m.sigOff+m.sigSize > text.off:
		return "the signature overlaps __TEXT"
	}
	return ""
}

func readSegment(body *bin.Reader, is64 bool) (segment, uint32) {
	var s segment
	s.name = fixedString(body.Bytes(16, "segment_command.segname"))
	if is64 {
		body.Skip(16, "segment_command.vmaddr")
		off, size := body.Uint64("segment_command.fileoff"), body.Uint64("segment_command.filesize")
		s.off, s.size = int64(min(off, huge)), int64(min(size, huge))
	} else {
		body.Skip(8, "segment_command.vmaddr")
		s.off, s.size = int64(body.Uint32("segment_command.fileoff")), int64(body.Uint32("segment_command.filesize"))
	}
	s.fileEnd = s.off + s.size
	s.maxProt, s.prot = body.Uint32("segment_command.maxprot"), body.Uint32("segment_command.initprot")
	n := body.Uint32("segment_command.nsects")
	body.Uint32("segment_command.flags")
	return s, n
}

// readSections finds __TEXT,__info_plist; it checks that all sections fit.
func (m *image) readSections(body *bin.Reader, s segment, n uint32, is64 bool) {
	size := uint32(68)
	if is64 {
		size = 80
	}
	if uint64(n)*uint64(size) > uint64(body.Len()) {
		body.Bytes(^uint32(0), "sections") // records the shortage
		return
	}
	for range n {
		sect := fixedString(body.Bytes(16, "section.sectname"))
		seg := fixedString(body.Bytes(16, "section.segname"))
		var length int64
		if is64 {
			body.Skip(8, "section.addr")
			length = int64(min(body.Uint64("section.size"), huge))
		} else {
			body.Skip(4, "section.addr")
			length = int64(body.Uint32("section.size"))
		}
		off := int64(body.Uint32("section.offset"))
		body.Skip(size-32-4-(map[bool]uint32{true: 16, false: 8}[is64]), "section")
		if sect == "__info_plist" && seg == "__TEXT" && m.infoSect == nil {
			m.infoSect = &section{off: off, size: length, segment: s}
		}
	}
}

func fixedString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// facts fills what the headers say.
func (m *image) facts(s *code.Slice) {
	if m.form != nil {
		s.Size, s.Signed = m.size, m.hasSignature
		return
	}
	s.Arch, s.CPUType, s.CPUSubtype = m.arch(), m.cpu, m.sub
	s.Offset, s.Size = m.offset, m.size
	s.FileType = fileTypeName(m.fileType)
	s.UUID, s.Platform, s.MinOS, s.SDK = m.uuid, m.platform, m.minOS, m.sdk
	s.Signed = m.hasSignature
}
