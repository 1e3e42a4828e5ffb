package macho

import (
	"fmt"
	"io"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// checkStructure finds what makes a signed slice suspicious although its
// signature is sound: bytes that are in the file but in no hash. limit is the
// signing limit of the best CodeDirectory.
func (m *image) checkStructure(limit int64) []problem {
	var ps []problem
	switch {
	case m.linkEnd < 0:
		ps = append(ps, rejected(code.StatusBadMainExecutable, "load commands", m.offset, "there is neither a __LINKEDIT segment nor a symbol table"))
	case m.linkEnd != m.size:
		p := rejected(code.StatusBadMainExecutable, "load commands", m.offset+m.linkEnd, "the linked data ends at 0x%x, the slice at 0x%x: something was appended or cut off", m.linkEnd, m.size)
		if !m.link64 && m.linkEnd&0xffffffff == m.size&0xffffffff {
			p.apple = code.Known(code.StatusSuccess) // Apple adds in 32 bits
		}
		ps = append(ps, p)
	}
	if msg := m.segmentProblem(limit); msg != "" && !m.detached {
		ps = append(ps, stricter(code.StatusBadMainExecutable, "segments", m.offset, "%s", msg))
	}
	return ps
}

// segmentProblem applies our own rules about segments: every byte that is
// mapped as code lies below the signing limit.
func (m *image) segmentProblem(limit int64) string {
	segs := make([]segment, 0, len(m.segments))
	links := 0
	for _, s := range m.segments {
		link := s.name == "__LINKEDIT"
		if link {
			links++
		}
		if s.size == 0 {
			continue
		}
		switch {
		case s.fileEnd > m.size:
			return fmt.Sprintf("segment %q reaches to 0x%x, beyond the slice", s.name, s.fileEnd)
		case !link && s.fileEnd > limit:
			return fmt.Sprintf("segment %q reaches to 0x%x, beyond the signing limit 0x%x", s.name, s.fileEnd, limit)
		case link && s.prot&protExecute != 0:
			return "__LINKEDIT is executable"
		case link && (m.sigOff < s.off || m.sigOff+m.sigSize != s.fileEnd):
			return fmt.Sprintf("the signature [0x%x, 0x%x) does not end __LINKEDIT [0x%x, 0x%x)", m.sigOff, m.sigOff+m.sigSize, s.off, s.fileEnd)
		}
		segs = append(segs, s)
	}
	if end := m.sigOff + m.sigSize; links != 1 || end != m.size {
		return fmt.Sprintf("there are %d __LINKEDIT segments and the signature ends at 0x%x of 0x%x bytes; want one, and the signature as the end of all", links, end, m.size)
	}
	sort.SliceStable(segs, func(i, j int) bool { return segs[i].off < segs[j].off })
	for i := 1; i < len(segs); i++ {
		if segs[i].off < segs[i-1].fileEnd {
			return fmt.Sprintf("segments %q and %q overlap in the file", segs[i-1].name, segs[i].name)
		}
	}
	return ""
}

// checkGaps finds bytes of a universal file that belong to no slice: between the
// header and the first slice only zeros may stand, between later slices only
// zeros and no more than alignment needs, and nothing after the last.
func (c *container) checkGaps(r io.ReaderAt, size int64) []problem {
	if !c.fat {
		return nil
	}
	order := make([]int, len(c.images))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return c.images[order[a]].offset < c.images[order[b]].offset })
	bad := func(off int64, format string, args ...any) []problem {
		return []problem{rejected(code.StatusBadMainExecutable, "universal file", off, format, args...)}
	}
	end := c.headerEnd
	for n, i := range order {
		m := c.images[i]
		gap := m.offset - end
		if n > 0 && gap >= 1<<c.align[i] {
			return bad(end, "a gap of %d bytes before %s, alignment explains less than %d", gap, m.arch(), int64(1)<<c.align[i])
		}
		switch at, err := firstNonZero(r, end, m.offset); {
		case err != nil:
			return []problem{ioProblem("universal file", end, err)}
		case at >= 0:
			return bad(at, "data between the slices")
		}
		end = m.offset + m.size
	}
	if end != size {
		return bad(end, "%d bytes follow the last slice", size-end)
	}
	return nil
}

// firstNonZero returns the offset of the first byte in [from, to) that is not
// zero, or -1.
func firstNonZero(r io.ReaderAt, from, to int64) (int64, error) {
	buf := make([]byte, min(64<<10, max(0, to-from)))
	for from < to {
		n := int(min(int64(len(buf)), to-from))
		if _, err := io.ReadFull(io.NewSectionReader(r, from, int64(n)), buf[:n]); err != nil {
			return -1, err
		}
		for i, b := range buf[:n] {
			if b != 0 {
				return from + int64(i), nil
			}
		}
		from += int64(n)
	}
	return -1, nil
}
