package code

import (
	"sort"
	"strings"
)

// HostsVersion is raised whenever [Interpreters] or [PluginHosts] changes, so
// that a recorded decision says which tables it was made with.
const HostsVersion = 1

// Host is a program whose signature says nothing about the code that speaks
// through it.
type Host struct {
	// Identifier is a signing identifier in lower case. A final '*' stands for
	// any rest, because such programs come in versions and architectures.
	Identifier string
	// What says in a few words what runs inside.
	What string
}

// FindInterpreter returns the entry of [Interpreters] for a signing identifier.
// A script that it runs carries the interpreter's path, cdhash, identifier and
// platform flag, and its arguments are no identity.
func FindInterpreter(identifier string) (Host, bool) { return search(interpreters, identifier) }

// FindPluginHost returns the entry of [PluginHosts] for a signing identifier.
func FindPluginHost(identifier string) (Host, bool) { return search(pluginHosts, identifier) }

// Interpreters lists programs that run whatever script they are given.
func Interpreters() []Host { return append([]Host(nil), interpreters...) }

// PluginHosts lists programs that load other people's code, or speak for it.
func PluginHosts() []Host { return append([]Host(nil), pluginHosts...) }

// FindHost returns the first entry of a table, in any order, that matches an
// identifier.
func FindHost(table []Host, identifier string) (Host, bool) {
	for i := range table {
		if table[i].Matches(identifier) {
			return table[i], true
		}
	}
	return Host{}, false
}

// Matches reports whether an identifier is that of the host. Case does not count:
// a near miss must not turn a host into a stranger.
func (h *Host) Matches(identifier string) bool {
	want, prefix := strings.CutSuffix(h.Identifier, "*")
	if len(identifier) < len(want) || !prefix && len(identifier) != len(want) {
		return false
	}
	return strings.EqualFold(identifier[:len(want)], want)
}

// search is FindHost for a table that sorted made: only the last entry that is
// not behind the identifier can match.
func search(table []Host, identifier string) (Host, bool) {
	lo, hi := 0, len(table)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if foldLess(identifier, strings.TrimSuffix(table[mid].Identifier, "*")) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo > 0 && table[lo-1].Matches(identifier) {
		return table[lo-1], true
	}
	return Host{}, false
}

// foldLess compares an identifier in any case with one in lower case.
func foldLess(id, lower string) bool {
	for i := 0; i < len(id) && i < len(lower); i++ {
		c := id[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return c < lower[i]
		}
	}
	return len(id) < len(lower)
}

func sorted(table []Host) []Host {
	sort.Slice(table, func(i, j int) bool {
		return strings.TrimSuffix(table[i].Identifier, "*") < strings.TrimSuffix(table[j].Identifier, "*")
	})
	return table
}

// The identifiers of Apple's own programs follow their names on disk; those that
// nobody has confirmed with codesign on a current Mac are listed all the same,
// because a wrong entry denies and a missing one allows. No entry may begin with
// another one that ends in '*': search relies on it, and a test sees to it.
var interpreters = sorted([]Host{
	{"com.apple.sh", "shell scripts"},
	{"com.apple.bash", "shell scripts"},
	{"com.apple.zsh", "shell scripts"},
	{"com.apple.dash", "shell scripts"},
	{"com.apple.ksh*", "shell scripts"},
	{"com.apple.csh", "shell scripts"},
	{"com.apple.tcsh", "shell scripts"},
	{"com.apple.osascript", "AppleScript and JavaScript for Automation"},
	{"com.apple.jsc", "JavaScript"},
	{"com.apple.perl*", "Perl scripts"},
	{"com.apple.python*", "Python scripts"},
	{"com.apple.ruby*", "Ruby scripts"},
	{"com.apple.php*", "PHP scripts"},
	{"com.apple.tclsh*", "Tcl scripts"},
	{"com.apple.wish*", "Tcl scripts"},
	{"com.apple.expect", "Tcl scripts"},
	{"com.apple.awk", "awk programs"},
	{"com.apple.swift-frontend", "Swift scripts"},
	{"com.apple.lldb*", "debugger commands and Python scripts"},
	{"com.apple.dt.lldb*", "debugger commands and Python scripts"},
	{"org.python.python*", "Python scripts"},
	{"python", "Python scripts"},
	{"python2*", "Python scripts"},
	{"python3*", "Python scripts"},
	{"org.nodejs.*", "JavaScript"},
	{"node", "JavaScript"},
	{"deno", "JavaScript"},
	{"bun", "JavaScript"},
	{"ruby", "Ruby scripts"},
	{"org.ruby-lang.*", "Ruby scripts"},
	{"perl", "Perl scripts"},
	{"perl5*", "Perl scripts"},
	{"php", "PHP scripts"},
	{"lua", "Lua scripts"},
	{"lua5*", "Lua scripts"},
	{"luajit*", "Lua scripts"},
	{"tclsh*", "Tcl scripts"},
	{"wish", "Tcl scripts"},
	{"wish8*", "Tcl scripts"},
	{"java", "Java programs"},
	{"jshell", "Java programs"},
	{"net.java.openjdk.*", "Java programs"},
	{"com.oracle.java.*", "Java programs"},
	{"net.adoptium.*", "Java programs"},
	{"com.azul.zulu.*", "Java programs"},
	{"dotnet", ".NET programs"},
	{"mono", ".NET programs"},
	{"mono-sgen*", ".NET programs"},
	{"pwsh", "PowerShell scripts"},
	{"com.microsoft.powershell*", "PowerShell scripts"},
	{"bash", "shell scripts"},
	{"zsh", "shell scripts"},
	{"dash", "shell scripts"},
	{"fish", "shell scripts"},
	{"ksh", "shell scripts"},
	{"sh", "shell scripts"},
	{"osascript", "AppleScript and JavaScript for Automation"},
	{"org.r-project.r*", "R scripts"},
	{"julia", "Julia scripts"},
	{"beam.smp", "Erlang and Elixir programs"},
	{"org.qemu.*", "machine code of another architecture"},
})

var pluginHosts = sorted([]Host{
	{"com.apple.securityagent*", "authorization plug-ins"},
	{"com.apple.authorizationhost*", "authorization plug-ins"},
	{"com.apple.installerremotepluginservice*", "installer plug-ins"},
	{"com.apple.package_script_service*", "installer scripts"},
	{"com.apple.packagekit.package_script_service*", "installer scripts"},
	{"com.apple.findersyncextensionhost*", "Finder extensions"},
	{"com.apple.auhostingservice*", "audio units"},
	{"com.apple.audio.auhostingservice*", "audio units"},
	{"com.apple.audio.infohelper*", "audio units"},
	{"com.apple.quicklook*", "Quick Look generators"},
	{"com.apple.screensaver*", "screen savers"},
	{"com.apple.legacyscreensaver*", "screen savers"},
	{"com.apple.systempreferences*", "preference panes"},
	{"com.apple.systemsettings.legacyloader*", "preference panes"},
	{"com.apple.mdworker*", "Spotlight importers"},
	{"com.apple.metadata.mdworker*", "Spotlight importers"},
	{"com.apple.mdimport", "Spotlight importers"},
	{"com.apple.automator*", "Automator actions"},
	{"com.apple.shortcuts*", "shortcuts and their scripts"},
	{"com.apple.scripteditor*", "AppleScript"},
	{"com.apple.printuitool*", "printer dialog extensions"},
	{"com.apple.print.*", "printer dialog extensions"},
	{"com.apple.imklaunchagent", "input methods"},
	{"com.apple.colorpickerservice*", "colour pickers"},
	{"com.apple.coremediaio.*", "camera plug-ins"},
	{"com.apple.cmio.*", "camera plug-ins"},
	{"com.apple.directoryservicesd*", "directory plug-ins"},
	{"com.apple.xctest*", "test bundles"},
	{"com.apple.dt.xctest*", "test bundles"},
	{"com.apple.webkit.webcontent*", "web pages"},
	{"com.apple.webkit.plugin*", "browser plug-ins"},
	{"com.apple.safari.plugin*", "browser plug-ins"},
	{"com.apple.rosetta*", "translated code"},
	{"com.apple.applet*", "AppleScript"},
	{"com.github.electron*", "JavaScript of any application"},
	{"electron", "JavaScript of any application"},
	{"com.unity3d.unityeditor*", "editor plug-ins"},
	{"io.nwjs.*", "JavaScript of any application"},
})
