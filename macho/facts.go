package macho

import (
	"errors"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// unsignedFacts says that somebody looked and there is no signature.
func (s *slice) unsignedFacts() {
	f := &s.facts
	f.Identifier, f.ClaimedTeamID = code.Absent[string](), code.Absent[string]()
	f.CDHashes = code.Absent[[]code.CDHash]()
	f.Flags, f.PlatformByte = code.Absent[code.CodeFlags](), code.Absent[uint8]()
	f.ExecSegFlags, f.RuntimeVersion = code.Absent[code.ExecSegFlags](), code.Absent[string]()
	f.Info, f.Entitlements = code.Absent[code.Value](), code.Absent[code.Value]()
	f.Certs = code.Absent[[]code.Certificate]()
	f.SigningTime, f.SignedAt = code.Absent[time.Time](), code.Absent[time.Time]()
	f.Requirements = code.Absent[code.Hex]()
}

// signatureFacts records what the SuperBlob's index says.
func (s *slice) signatureFacts() {
	sig := &code.Signature{
		Offset: s.m.sigOff, Size: s.m.sigSize, Length: int64(len(s.blob.raw)),
		CMSSize: int64(len(payload(s.blob.blob(slotCMS)))),
	}
	for _, e := range s.blob.entries {
		sig.Slots = append(sig.Slots, code.Slot{Type: e.typ, Name: SlotName(e.typ), Magic: e.magic, Offset: e.off, Length: e.size})
	}
	s.facts.Signature = sig
}

// directoryFacts records what the directories say, once their integrity holds.
func (s *slice) directoryFacts() {
	f, b := &s.facts, s.best
	order := append([]*directory{b}, s.byType()...)
	var hashes []code.CDHash
	for _, d := range s.dirs {
		d.computeCDHash()
		f.Signature.Directories = append(f.Signature.Directories, d.CodeDirectory)
	}
	for i, d := range order {
		if i == 0 || d != b {
			hashes = append(hashes, d.CDHash)
		}
	}
	f.CDHashes = code.Known(hashes)
	f.Identifier = code.Known(b.Identifier)
	f.ClaimedTeamID = code.Absent[string]()
	if b.TeamID != "" {
		f.ClaimedTeamID = code.Known(b.TeamID)
		if !standardTeam(b.TeamID) {
			s.warn("nonstandardTeam", "the team identifier %q is not ten capital letters and digits", b.TeamID)
		}
	}
	f.Flags, f.PlatformByte = code.Known(b.Flags), code.Known(b.PlatformByte)
	f.ExecSegFlags, f.RuntimeVersion = code.Absent[code.ExecSegFlags](), code.Absent[string]()
	if b.Version >= versionExecSeg {
		f.ExecSegFlags = code.Known(b.ExecSegFlags)
	}
	if b.Version >= versionRuntime && b.Runtime != 0 {
		f.RuntimeVersion = code.Known(packedVersion(b.Runtime, 3))
	}
}

func standardTeam(t string) bool {
	for i := 0; i < len(t); i++ {
		if c := t[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(t) == 10
}

// byType lists the directories by ascending hash type, the order of Apple's lists.
func (s *slice) byType() []*directory {
	out := append([]*directory(nil), s.dirs...)
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && out[j].HashType < out[j-1].HashType; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// sealedFacts records the blobs that the special slots vouch for, once those
// were compared.
func (s *slice) sealedFacts() {
	f := &s.facts
	f.Requirements = code.Absent[code.Hex]()
	if b := s.blob.blob(slotRequirements); b != nil {
		f.Requirements = code.Known(code.Hex(b))
	}
	for n := uint32(slotConstraintFirst); n <= slotMaxSpecial; n++ {
		if b := s.blob.blob(n); b != nil {
			f.Constraints = append(f.Constraints, code.Constraint{Slot: n, DER: payload(b)})
		}
	}
}

// withhold makes facts unknown that rest on a check which did not pass, so that
// nothing can be decided on them.
func (s *slice) withhold(checks []check) {
	ok := map[string]bool{}
	var first string
	for _, c := range checks {
		ok[c.id] = c.outcome == code.Passed || c.outcome == code.NotApplicable
		if !ok[c.id] && c.outcome == code.Failed && first == "" {
			first = c.id
		}
	}
	if !s.m.hasSignature {
		return
	}
	why := errors.New("the signature did not verify: check " + first + " failed")
	f := &s.facts
	if ok["C18"] {
		s.sealedFacts()
	}
	for _, id := range []string{"F2", "C9", "C10", "C13", "C14", "C15"} {
		if !ok[id] {
			f.Certs = code.Unknown[[]code.Certificate](why)
			f.SignedAt = code.Unknown[time.Time](why)
		}
	}
	if !ok["C3"] || !ok["X1"] { // a name that two readers may read differently
		f.Identifier, f.ClaimedTeamID = code.Unknown[string](why), code.Unknown[string](why)
	}
	if !ok["C18"] || !ok["X3"] {
		f.Info = code.Unknown[code.Value](why)
	}
	if !ok["C18"] || !ok["X2"] {
		f.Entitlements = code.Unknown[code.Value](why)
	}
}
