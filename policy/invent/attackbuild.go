package invent

import (
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

const getTaskAllow = "com.apple.security.get-task-allow"

// dangerous are the entitlements with which strangers run code inside a program.
var dangerous = []string{
	"com.apple.security.cs.disable-library-validation",
	"com.apple.private.security.clear-library-validation",
	"com.apple.security.cs.allow-dyld-environment-variables",
	"com.apple.security.cs.disable-executable-page-protection",
}

// Dangerous lists the entitlements with which strangers run code inside a program,
// debugging included.
func Dangerous() []string { return append([]string{getTaskAllow}, dangerous...) }

func (a *attacker) older() {
	const versionKey = "CFBundleShortVersionString"
	_, hasVersion := a.s.Info.Or(code.Value{}).Get(versionKey)
	switch {
	case !a.o.Versions && a.o.Oldest == "":
		a.cannot("", "neither the policy nor its tests speak of versions")
		return
	case !hasVersion:
		a.cannot("", "the program has no version")
		return
	}
	old := func(variant, what, text string) {
		a.make(variant, what, func(s *code.Subject) {
			each(s, func(v *code.Slice) {
				if d, err := with(v.Info, versionKey, plist.String(text)); err == nil {
					v.Info = code.Known(d)
				}
				if d, err := with(v.Info, "CFBundleVersion", plist.String("0")); err == nil {
					v.Info = code.Known(d)
				}
			})
		})
	}
	old("first", "the first version there can be", "0.0.1")
	if below := beneath(a.o.Oldest); below != "" {
		old("previous", "version "+below+", just below the oldest that may come in", below)
	}
	if text := laterAsText(a.o.Oldest); text != "" {
		old("text", "version "+text+", which is older, and later only when versions are compared as text", text)
	}
	a.make("none", "a build without a version", func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.Info = without(without(v.Info, versionKey), "CFBundleVersion") })
	})
}

// beneath returns a version just below one that is made of numbers, or "".
func beneath(version string) string {
	parts := strings.Split(version, ".")
	for i := len(parts) - 1; i >= 0; i-- {
		n, err := strconv.ParseUint(parts[i], 10, 32)
		if err != nil {
			return ""
		}
		if n > 0 {
			parts[i] = strconv.FormatUint(n-1, 10)
			return strings.Join(parts[:i+1], ".") + ".9999"
		}
	}
	return ""
}

// laterAsText returns a version that is older than one, and sorts behind it as
// text: 9 for 10, 2.9 for 2.10. "" when there is none so simple.
func laterAsText(version string) string {
	parts := strings.Split(version, ".")
	for i, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil {
			return ""
		}
		if len(p) > 1 && p[0] != '9' {
			return strings.Join(append(append([]string(nil), parts[:i]...), "9"), ".")
		}
	}
	return ""
}

func (a *attacker) entitlements() {
	for _, key := range dangerous {
		a.entitled(key[strings.LastIndexByte(key, '.')+1:], key, "the same signer gives the program the entitlement "+key)
	}
}

func (a *attacker) debuggable() {
	if e := a.entitled("", getTaskAllow, "the same signer makes the program debuggable"); e != nil && e.Subject.Process != nil {
		p := e.Subject.Process
		p.Status = code.Known(p.Status.Or(honestStatus) | code.CSGetTaskAllow)
	}
	if a.s.Process != nil {
		a.make("attached", "a debugger is attached to the process", func(s *code.Subject) {
			s.Process.Status = code.Known(s.Process.Status.Or(honestStatus) | code.CSDebugged)
		})
	}
}

func (a *attacker) entitled(variant, key, what string) *Attack {
	switch {
	case granted(a.s.Entitlements, key):
		a.cannot(variant, "the program itself has the entitlement "+key)
		return nil
	case a.s.Entitlements.IsUnknown():
		a.cannot(variant, "nobody knows the program's entitlements")
		return nil
	}
	return a.make(variant, what, func(s *code.Subject) {
		each(s, func(v *code.Slice) {
			if d, err := with(v.Entitlements, key, plist.Bool(true)); err == nil {
				v.Entitlements = code.Known(d)
			}
		})
	})
}

func (a *attacker) noRuntime() {
	if a.s.Flags.Or(0)&code.FlagRuntime == 0 {
		a.cannot("", "the program itself has no hardened runtime")
		return
	}
	a.make("", "the same signer leaves the hardened runtime out", func(s *code.Subject) { setFlag(s, code.FlagRuntime, false) })
}

func (a *attacker) interpreter() {
	a.host(code.FindInterpreter, "org.python.python", "runs whatever script it is given")
}

func (a *attacker) pluginHost() {
	a.host(code.FindPluginHost, "com.apple.SecurityAgent", "loads other people's plug-ins")
}

func (a *attacker) host(find func(string) (code.Host, bool), identifier, what string) {
	if _, ok := find(a.s.Identifier.Or("")); ok {
		a.cannot("", "the program itself "+what)
		return
	}
	a.make("", "a program of the same signer that "+what, func(s *code.Subject) {
		each(s, func(v *code.Slice) { v.Identifier = code.Known(identifier) })
	})
}

func (a *attacker) weakToken() {
	running := clone(a.s)
	if process(running).Strength == code.StrengthWeak {
		a.cannot("", "the program's own token is weak")
		return
	}
	e := a.make("", "the token is that of a socket's peer: whoever holds the process identifier now", func(s *code.Subject) {
		process(s).Strength = code.StrengthWeak
	})
	e.Baseline = running
}

func (a *attacker) staleProcess() {
	running := clone(a.s)
	process(running)
	e := a.make("", "the process ended, or its pages were changed, after it sent the message", func(s *code.Subject) {
		p := process(s)
		p.Status = code.Known(p.Status.Or(honestStatus) &^ code.CSValid)
	})
	e.Baseline = running
}

func (a *attacker) broken() {
	a.make("", "somebody changed the program after it was signed", func(s *code.Subject) {
		s.Validity.Status = code.StatusSignatureFailed
		for i := range s.Validity.Checks {
			if c := &s.Validity.Checks[i]; c.ID == "C20" || i == len(s.Validity.Checks)-1 {
				c.Outcome, c.Status, c.Reason = code.Failed, code.StatusSignatureFailed, "invented: a page does not match its hash"
				return
			}
		}
	})
}

// hidden are the facts that an attacker may keep others from finding out, each
// with another value: where that one is allowed too, the decision needs no fact.
var hidden = []struct {
	path string
	is   func(s *code.Subject) bool // the fact is known, so that it can be hidden
	to   func(a *attacker, s *code.Subject)
}{
	{"subject.identifier", func(s *code.Subject) bool { return s.Identifier.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.Identifier = code.Known(a.identifier) })
	}},
	{"subject.claimed_team_id", func(s *code.Subject) bool { return s.ClaimedTeamID.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.ClaimedTeamID = code.Known(a.team) })
	}},
	{"subject.certificates", func(s *code.Subject) bool { return s.Certs.IsKnown() }, func(a *attacker, s *code.Subject) { each(s, unsign) }},
	{"subject.flags", func(s *code.Subject) bool { return s.Flags.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.Flags = code.Known(code.FlagLinkerSigned) })
	}},
	{"subject.entitlements", func(s *code.Subject) bool { return !s.Entitlements.IsUnknown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) {
			all := code.Absent[code.Value]()
			for _, key := range Dangerous() {
				if d, err := with(all, key, plist.Bool(true)); err == nil {
					all = code.Known(d)
				}
			}
			v.Entitlements = all
		})
	}},
	{"subject.info", func(s *code.Subject) bool { return s.Info.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.Info = code.Absent[code.Value]() })
	}},
	{"subject.cdhash", func(s *code.Subject) bool { return s.CDHashes.IsKnown() }, func(a *attacker, s *code.Subject) { rehash(s, "another build") }},
	{"subject.platform_byte", func(s *code.Subject) bool { return s.PlatformByte.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.PlatformByte = code.Known(v.PlatformByte.Or(0) ^ 1) })
	}},
	{"subject.signed_at", func(s *code.Subject) bool { return s.SignedAt.IsKnown() }, func(a *attacker, s *code.Subject) {
		each(s, func(v *code.Slice) { v.SignedAt = code.Absent[timeOf]() })
	}},
	{"subject.notarized", func(s *code.Subject) bool { return s.Notarized.IsKnown() }, func(a *attacker, s *code.Subject) {
		s.Notarized = code.Known(!s.Notarized.Or(false))
	}},
	{"process.flags", func(s *code.Subject) bool { return s.Process != nil && s.Process.Status.IsKnown() }, func(a *attacker, s *code.Subject) {
		s.Process.Status = code.Known(code.KernelFlags(0))
	}},
	{"process.token_strength", func(s *code.Subject) bool { return s.Process != nil && s.Process.Strength != "" }, func(a *attacker, s *code.Subject) {
		s.Process.Strength = code.StrengthWeak
	}},
}

func (a *attacker) unknown() {
	for _, h := range hidden {
		if !h.is(a.s) {
			a.cannot(h.path, "the program itself has no such fact")
			continue
		}
		f, _, err := find(h.path)
		if err != nil || f.hide == nil {
			a.cannot(h.path, "it is never unknown")
			continue
		}
		e := a.make(h.path, "nobody could find out "+h.path, f.hide)
		contrast := clone(a.s)
		h.to(a, contrast)
		e.Contrast = contrast
	}
}
