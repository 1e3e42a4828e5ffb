package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// answer is a three-valued truth. The zero value is unknown, never yes.
type answer uint8

const (
	unknown answer = iota
	no
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// floorConfig is what a document says about the floor.
type floorConfig struct {
	relaxed      [floorCount]bool
	linuxUID     bool // peers of Linux sockets are judged, by their user alone
	interpreters []code.Host
	plugins      []code.Host
}

// floorItem is one demand that every caller must meet before any rule is asked.
type floorItem struct {
	name   string
	doc    string
	always bool // cannot be relaxed
	status code.Status
	// check returns the answer and, unless it is yes, what was found.
	check func(f *facts) (a answer, found string)
}

const floorCount = 12

// floorItems is the floor in the order in which it is judged.
var floorItems = [floorCount]floorItem{
	{"signature", "the signature was verified: every mandatory check of its origin passed, for every slice", true, code.StatusSignatureFailed, floorSignature},
	{"certificate", "a certificate chain signs the code, or trust.adhoc lists its cdhash", true, code.StatusSignatureUntrusted, floorCertificate},
	{"trusted-root", "the chain ends in a root that trust names", true, code.StatusSignatureUntrusted, floorRoot},
	{"process-status", "a running process is valid and signed in the kernel's eyes", true, code.StatusGuestInvalid, floorProcess},
	{"token-strength", "the audit token of a process came with its message or connection", false, code.StatusReqFailed, floorToken},
	{"debuggable", "nobody may debug the code: no get-task-allow, not debugged, no invalid pages admitted", false, code.StatusReqFailed, floorDebuggable},
	{"library-validation", "library validation is not switched off", false, code.StatusReqFailed, floorEntitlements("library-validation")},
	{"dyld-environment", "DYLD_ environment variables are not let in", false, code.StatusReqFailed, floorEntitlements("dyld-environment")},
	{"executable-page-protection", "executable pages keep their protection", false, code.StatusReqFailed, floorEntitlements("executable-page-protection")},
	{"hardened-runtime", "the hardened runtime is on", false, code.StatusReqFailed, floorRuntime},
	{"interpreter", "the program is not an interpreter, whose scripts would speak with its identity", false, code.StatusReqFailed, floorInterpreter},
	{"plugin-host", "the program is not a host of other people's plug-ins", false, code.StatusReqFailed, floorPlugins},
}

// floorIDs are the names of the items in explanations.
var floorIDs = func() (ids [floorCount]string) {
	for i := range floorItems {
		ids[i] = reasonFloor + floorItems[i].name
	}
	return ids
}()

// linuxUIDOnly is what floor.relax says to let the peers of Linux sockets in. It is no
// item of its own: it takes away all of them, for these peers alone.
const linuxUIDOnly = "linux-uid-only"

const linuxWarning = "floor item " + linuxUIDOnly + " is relaxed by this policy: of a Linux socket's peer the user is known, and nobody verifies which program it is"

var errSocket = &code.Error{Status: code.StatusSignatureNotVerifiable, Part: "peer", Off: -1,
	Err: errors.New("it is the peer of a Linux socket: its user is known, and nobody verified which program it is")}

// socket reports whether facts are those of a Linux socket's peer.
func socket(s *code.Subject) bool {
	return s.Origin == code.OriginSocket || s.Origin == code.OriginReplay && s.Recorded == code.OriginSocket
}

// unverified returns why facts are not those of verified code; nil: they are.
func unverified(s *code.Subject) error {
	if socket(s) {
		return errSocket
	}
	return s.Verified()
}

// waived reports whether an item of the floor is not asked about a caller.
func (f *facts) waived(i int) bool {
	return f.p.floor.relaxed[i] || f.p.floor.linuxUID && socket(f.whole)
}

func floorIndex(name string) int {
	for i := range floorItems {
		if floorItems[i].name == name {
			return i
		}
	}
	return -1
}

// relaxableNames lists the items that floor.relax may name. It reads names only,
// so that the table of keys does not depend on the checks.
func relaxableNames() []string {
	return []string{"token-strength", "debuggable", "library-validation", "dyld-environment",
		"executable-page-protection", "hardened-runtime", "interpreter", "plugin-host", linuxUIDOnly}
}

func floorSignature(f *facts) (answer, string) {
	switch err := f.verified; {
	case err == nil:
		return yes, ""
	case code.StatusOf(err) == code.StatusSignatureNotVerifiable:
		return unknown, err.Error() // a check did not run: that is no answer, and certainly no yes
	default:
		return no, err.Error()
	}
}

func floorCertificate(f *facts) (answer, string) {
	_, hasChain, err := f.s.Leaf().Get()
	if err != nil {
		return unknown, "nobody knows the certificates: " + err.Error()
	}
	adhoc, ok, err := f.s.AdHoc().Get()
	if err != nil || !ok {
		return unknown, "nobody knows the flags: " + errText(err)
	}
	if hasChain && !adhoc {
		return yes, ""
	}
	a, found := f.listed()
	if a == no {
		found = "no certificate signs this code, so anybody can have made it; " + found
	}
	return a, found
}

// listed answers whether trust.adhoc lists the best cdhash. One made with SHA-1
// alone names nothing.
func (f *facts) listed() (answer, string) {
	h, ok, err := f.s.CDHash().Get()
	switch {
	case err != nil:
		return unknown, "nobody knows the cdhash: " + err.Error()
	case !ok:
		return no, "it has no cdhash"
	case h.Type.Rank() < code.HashSHA256Truncated.Rank():
		return no, "its cdhash is made with " + h.Type.String()
	case f.p.trust.adhoc[h.String()], len(h.Full) > 20 && f.p.trust.adhoc[h.Full.String()]:
		return yes, ""
	}
	return no, "trust.adhoc does not list its cdhash " + h.String()
}

func floorRoot(f *facts) (answer, string) {
	root, ok, err := f.s.AnchorCert().Get()
	switch {
	case err != nil:
		return unknown, "nobody knows the certificates: " + err.Error()
	case !ok: // the item before demands a listed cdhash
		return yes, ""
	case f.p.trust.trusts(root):
		return f.bound(root)
	case root.AppleRoot:
		return no, "the chain ends in one of Apple's roots, and trust.apple is false"
	}
	return no, fmt.Sprintf("the chain ends in %s (SHA-256 %x), which is not Apple's and not in trust.roots", quoteShort(root.CommonName()), root.SHA256)
}

// bound answers whether a trusted root vouches for a team that trust lets it
// vouch for.
func (f *facts) bound(root *code.Certificate) (answer, string) {
	teams := f.p.trust.teams(root)
	if teams == nil {
		return yes, ""
	}
	switch _, ok, err := f.team().Get(); {
	case err != nil:
		return unknown, "nobody knows the team: " + err.Error()
	case ok:
		return yes, ""
	}
	return no, fmt.Sprintf("the chain ends in %s, which trust.roots binds to %s; the verified team is none of these%s",
		quoteShort(root.CommonName()), strings.Join(teams, ", "), f.claim("subject.team_id"))
}

func floorProcess(f *facts) (answer, string) {
	if f.s.Process == nil {
		if f.s.Origin == code.OriginKernel || f.s.Recorded == code.OriginKernel {
			return unknown, "the facts are a process's, and say nothing about the process"
		}
		return yes, ""
	}
	st, ok, err := f.s.Process.Status.Get()
	switch {
	case err != nil || !ok:
		return unknown, "nobody knows the kernel's flags of the process: " + errText(err)
	case st&code.CSValid == 0 || st&code.CSSigned == 0 || st&code.CSKilled != 0:
		return no, "the kernel's flags are " + st.String()
	}
	return yes, ""
}

func floorToken(f *facts) (answer, string) {
	if f.s.Process == nil {
		return yes, ""
	}
	switch s := f.s.Process.Strength; s {
	case code.StrengthMessage, code.StrengthConnection:
		return yes, ""
	case "":
		return unknown, "nobody says where the audit token came from"
	default:
		return no, "the token's strength is " + quoteShort(string(s)) + ": it names whoever holds that process identifier now"
	}
}

func floorDebuggable(f *facts) (answer, string) {
	if p := f.s.Process; p != nil {
		st, ok, err := p.Status.Get()
		switch bad := st & (code.CSGetTaskAllow | code.CSDebugged | code.CSInvalidAllowed); {
		case err != nil || !ok:
			return unknown, "nobody knows the kernel's flags of the process: " + errText(err)
		case bad != 0:
			return no, "the kernel's flags of the process hold " + strings.Join(bad.Names(), ", ")
		}
	}
	return f.without("com.apple.security.get-task-allow", "get-task-allow")
}

// tampered reports whether the kernel let somebody into the memory of the process.
func (f *facts) tampered() bool {
	if f.s.Process == nil {
		return false
	}
	st, _, _ := f.s.Process.Status.Get()
	return st&(code.CSDebugged|code.CSInvalidAllowed) != 0
}

// entitlementsOf are the entitlements that an item of the floor keeps out.
var entitlementsOf = map[string][]string{
	"library-validation":         {"com.apple.security.cs.disable-library-validation", "com.apple.private.security.clear-library-validation"},
	"dyld-environment":           {"com.apple.security.cs.allow-dyld-environment-variables"},
	"executable-page-protection": {"com.apple.security.cs.disable-executable-page-protection"},
}

func floorEntitlements(item string) func(*facts) (answer, string) {
	keys := entitlementsOf[item]
	return func(f *facts) (answer, string) { return f.without(keys...) }
}

// without answers whether none of the entitlements is there with any value but false.
func (f *facts) without(keys ...string) (answer, string) {
	ents, ok, err := f.s.Entitlements.Get()
	if err != nil {
		return unknown, "nobody knows the entitlements: " + err.Error()
	}
	for _, k := range keys {
		if ok && granted(ents, k) {
			return no, "it has the entitlement " + k
		}
	}
	return yes, ""
}

// granted reports whether an entitlement is there with any value but false.
func granted(ents code.Value, name string) bool {
	v, ok := ents.Get(name)
	if !ok {
		return false
	}
	b, isBool := v.Boolean()
	return b || !isBool
}

// floorRuntime demands the flag of the signature and, for a process, that the
// kernel took it over. The kernel itself decides what is platform code, which it
// restricts as much without the flag.
func floorRuntime(f *facts) (answer, string) {
	if p := f.s.Process; p != nil {
		st, ok, err := p.Status.Get()
		switch {
		case err != nil || !ok:
			return unknown, "nobody knows the kernel's flags of the process: " + errText(err)
		case st&code.CSPlatformBinary != 0:
			return yes, ""
		case st&code.CSRuntime == 0:
			return no, "the process runs without the hardened runtime: " + st.String()
		}
	}
	flags, ok, err := f.s.Flags.Get()
	switch {
	case err != nil || !ok:
		return unknown, "nobody knows the flags: " + errText(err)
	case flags&code.FlagRuntime == 0:
		return no, "the flags are " + flags.String()
	}
	return yes, ""
}

func floorInterpreter(f *facts) (answer, string) {
	return f.notHost(code.FindInterpreter, f.p.floor.interpreters, "scripts with the identity of ")
}

func floorPlugins(f *facts) (answer, string) {
	return f.notHost(code.FindPluginHost, f.p.floor.plugins, "other people's code with the identity of ")
}

func (f *facts) notHost(find func(string) (code.Host, bool), own []code.Host, what string) (answer, string) {
	id, ok, err := f.s.Identifier.Get()
	if err != nil || !ok {
		return unknown, "nobody knows the identifier: " + errText(err)
	}
	h, ok := find(id)
	if !ok {
		if h, ok = code.FindHost(own, id); !ok {
			return yes, ""
		}
	}
	return no, quoteShort(id) + " runs " + what + "its own signature: " + h.What
}

func errText(err error) string {
	if err == nil {
		return "there are none"
	}
	return err.Error()
}

// statusOf returns the status that an error carries, else the other one.
func statusOf(err error, other code.Status) code.Status {
	var e *code.Error
	if errors.As(err, &e) && e.Status != code.StatusSuccess {
		return e.Status
	}
	return other
}
