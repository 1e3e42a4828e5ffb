package token

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Adviser is a [Kernel] that also answers what no decision may rest on. The questions
// name a process by its identifier alone; that it is still the same one is known only
// because the status of its token is read before and after.
type Adviser interface {
	Advise(t AuditToken) Advice
}

// Advice are facts for logs. What nobody knows is unknown.
type Advice struct {
	// ParentPID is who started the process; 1 once that one has ended.
	ParentPID code.Fact[uint32] `json:"parent_pid,omitzero"`
	// ResponsiblePID is whom the system holds responsible for it.
	ResponsiblePID code.Fact[uint32] `json:"responsible_pid,omitzero"`
	// Machine is the processor of the Mac, whatever the asking program is made for:
	// "arm64" or "x86_64".
	Machine code.Fact[string] `json:"machine,omitzero"`
}

// IsZero reports whether there is no advice.
func (a Advice) IsZero() bool {
	return a.ParentPID.IsZero() && a.ResponsiblePID.IsZero() && a.Machine.IsZero()
}

// advise fills in the facts that are for logs, and those that the verified file gives.
func (id *identification) advise() {
	id.process.BundleMain = bundleMain(id.process.Path, id.subject)
	k, ok := id.k.(Adviser)
	if !ok {
		return
	}
	a := k.Advise(id.t)
	id.process.ParentPID, id.process.ResponsiblePID = a.ParentPID, a.ResponsiblePID
	machine, ok, err := a.Machine.Get()
	if err != nil || !ok || id.subject.Arch == "" {
		id.process.Translated = code.Unknown[bool](err)
		return
	}
	id.process.Translated = code.Known(!strings.HasPrefix(id.subject.Arch, machine))
}

// bundleMain reports whether a program is the main executable of the bundle that its
// Info.plist describes. Only a sealed Info.plist is a fact.
func bundleMain(path string, s *code.Subject) code.Fact[bool] {
	info, ok, err := s.Info.Get()
	if err != nil {
		return code.Unknown[bool](err)
	}
	identifier, known, err := s.Identifier.Get()
	if err != nil || !known {
		return code.Unknown[bool](errors.Join(err, errors.New("nobody knows the identifier")))
	}
	is := func(key, want string) bool {
		v, _ := info.Get(key)
		text, isText := v.Str()
		return isText && text == want
	}
	dir := filepath.Dir(path)
	return code.Known(ok && s.FileType == "execute" && filepath.Base(dir) == "MacOS" && filepath.Base(filepath.Dir(dir)) == "Contents" &&
		is("CFBundleExecutable", filepath.Base(path)) && is("CFBundleIdentifier", identifier))
}
