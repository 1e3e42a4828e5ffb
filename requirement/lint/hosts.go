package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// hostLevels are those of rules about programs that run other people's code:
// errors where they would be let in, nothing where they are only recognised.
var hostLevels = []Level{
	{Targets: []Target{AutoPkg, Gatekeeper}, Off: true},
	{Targets: []Target{Keychain, PPPC}, Severity: diag.Warning},
}

// hostRule makes a rule about the programs for which is returns what runs inside.
func hostRule(r Rule, is func(identifier string) string) Rule {
	r.Levels = hostLevels
	r.Good = goodText
	r.check = func(p *pass) {
		for _, b := range p.live() {
			if b.ident == nil {
				continue
			}
			if what := is(b.ident.Value); what != "" {
				p.report(b.ident.Span(), quote(b.ident.Value)+" runs "+what)
			}
		}
	}
	return r
}

const ownClient = "a small client of your own, signed and hardened"

var pluginHost = hostRule(Rule{
	ID: "RQ400", Slug: "plugin-host",
	What: "the program loads other people's plug-ins",
	Why:  "whoever installs a plug-in speaks with the host's identity",
	Fix:  ownClient + ", and an authorization for each request",
	Bad:  `anchor apple and identifier "com.apple.SecurityAgentHelper-arm64"`,
}, func(id string) string {
	if h, ok := code.FindPluginHost(id); ok && hostKind(id) == "" {
		return h.What
	}
	return ""
})

var installerHost = hostRule(Rule{
	ID: "RQ401", Slug: "installer-plugin-host",
	What: "the program runs plug-ins and scripts of installer packages",
	Why:  "any package that the user opens speaks with the host's identity",
	Fix:  ownClient,
	Bad:  `anchor apple and identifier "com.apple.InstallerRemotePluginService-arm64"`,
}, ofKind("installer"))

var interpreterPeer = hostRule(Rule{
	ID: "RQ402", Slug: "interpreter-peer",
	What: "the program runs whatever script it is given",
	Why:  "the signature is the interpreter's; nobody signed the script",
	Fix:  ownClient,
	Bad:  `anchor apple and identifier "com.apple.osascript"`,
}, func(id string) string {
	if h, ok := code.FindInterpreter(id); ok && hostKind(id) == "" {
		return h.What
	}
	return ""
})

var electronPeer = hostRule(Rule{
	ID: "RQ403", Slug: "electron-peer", Severity: diag.Warning,
	What: "the program runs JavaScript that its signature does not cover",
	Why:  "ELECTRON_RUN_AS_NODE, --inspect and a changed archive run an attacker's script inside the signed process",
	Fix:  ownClient + ", or one without the RunAsNode fuse and with asar integrity",
	Bad:  `anchor apple generic and identifier "com.github.Electron" and certificate leaf[subject.OU] = "ABCDE12345"`,
}, ofKind("electron"))

var runtimePeer = hostRule(Rule{
	ID: "RQ404", Slug: "jvm-or-game-engine-peer", Severity: diag.Warning,
	What: "the program is a runtime that takes code from its environment",
	Why:  "JAVA_TOOL_OPTIONS, DOTNET_STARTUP_HOOKS and the like put an attacker's code into the signed process",
	Fix:  ownClient,
	Bad:  `anchor apple generic and identifier "net.java.openjdk.cmd" and certificate leaf[subject.OU] = "ABCDE12345"`,
}, ofKind("runtime"))

func ofKind(kind string) func(string) string {
	return func(id string) string {
		if hostKind(id) != kind {
			return ""
		}
		if h, ok := code.FindPluginHost(id); ok {
			return h.What
		}
		h, _ := code.FindInterpreter(id)
		return h.What
	}
}

// hostKind sorts those hosts and interpreters out that have a rule of their own.
func hostKind(id string) string {
	h, ok := code.FindPluginHost(id)
	if !ok {
		h, ok = code.FindInterpreter(id)
	}
	switch {
	case !ok:
	case strings.HasPrefix(h.What, "installer "):
		return "installer"
	case h.What == "JavaScript of any application":
		return "electron"
	case h.What == "Java programs", h.What == ".NET programs", h.What == "editor plug-ins":
		return "runtime"
	}
	return ""
}

// exclusion makes advice to refuse programs with an entitlement.
func exclusion(r Rule, keys ...string) Rule {
	r.Severity, r.Levels = diag.Info, peersOnly
	r.Bad = noFloor.Bad
	r.Good = noFloor.Bad
	for _, k := range keys {
		r.Good += ` and ! entitlement["` + k + `"] exists`
	}
	r.check = func(p *pass) {
		p.unprotected(func(b *branch) {
			if !b.refuses(keys) {
				p.report(b.ident.Span(), "programs with "+keys[0]+" pass too")
			}
		})
	}
	return r
}

// refuses reports whether a branch refuses programs with any of some entitlements.
func (b *branch) refuses(keys []string) bool {
	n := 0
	for _, k := range keys {
		for _, l := range b.lits {
			if l.e.Op == requirement.OpEntitlement && l.e.Key == k && (l.not && l.e.Match == requirement.MatchExists || !l.not && l.e.Match == requirement.MatchAbsent) {
				n++
				break
			}
		}
	}
	return n == len(keys)
}

var libraryValidation = exclusion(Rule{
	ID: "RQ405", Slug: "client-disables-lv",
	What: "programs that load anybody's libraries pass",
	Why:  "a library that an attacker puts in place speaks with the program's identity",
	Fix:  `… and ! entitlement["com.apple.security.cs.disable-library-validation"] exists and ! entitlement["com.apple.security.cs.allow-dyld-environment-variables"] exists`,
}, "com.apple.security.cs.disable-library-validation", "com.apple.security.cs.allow-dyld-environment-variables")

var getTaskAllow = exclusion(Rule{
	ID: "RQ406", Slug: "get-task-allow",
	What: "programs that let debuggers in pass",
	Why:  "whoever may debug a program makes it say what he wants",
	Fix:  `… and ! entitlement["com.apple.security.get-task-allow"] exists`,
}, "com.apple.security.get-task-allow")

var unhardened = Rule{
	ID: "RQ407", Slug: "unhardened-client", Severity: diag.Info, Levels: peersOnly,
	What: "programs without the hardened runtime pass",
	Why:  "libraries can be put into them with an environment variable; requirements cannot see the flag",
	Fix:  "ask for a Developer ID or App Store certificate, or check the flags beside the requirement",
	Bad:  noFloor.Bad,
	Good: goodText,
	check: func(p *pass) {
		p.unprotected(func(b *branch) {
			p.report(b.ident.Span(), "no term can ask whether "+quote(b.ident.Value)+" has the hardened runtime")
		})
	},
}
