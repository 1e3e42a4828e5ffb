package draft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/policytest"
)

// yaml is a text in double quotes. What programs say of themselves stands in
// drafts, so that every other character than printable ASCII is an escape.
func yaml(s string) string { return strconv.QuoteToASCII(s) }

func yamlList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = yaml(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// policy writes the document.
func (w *drafter) policy() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if n := w.count(); n == 1 {
		line("# Drafted from one build: the narrowest policy that allows it.")
	} else {
		line("# Drafted from %d builds: the narrowest policy that allows them all.", n)
	}
	line("# Read it, and decide what each of them may ask for.")
	for _, n := range w.notes {
		line("# NOTE: %s", strings.Join(strings.Fields(diag.Printable(n)), " "))
	}
	line("apiVersion: %s", policy.APIVersion)
	line("name: %s", yaml(w.name))
	w.trust(line)
	w.floor(line, "", w.relax)
	released, developed := w.split()
	w.peers(line, "", released)
	w.rules(line, "", released)
	if len(developed) > 0 {
		line("profiles:")
		line("  %s:", Profile)
		line("    description: builds from a developer's machine; never on a user's")
		w.floor(line, "    ", w.relaxDevelop)
		w.peers(line, "    ", developed)
		w.rules(line, "    ", developed)
	}
	return b.String()
}

func (w *drafter) count() int {
	n := 0
	for _, g := range w.groups {
		n += len(g.builds)
	}
	return n
}

func (w *drafter) split() (released, developed []*group) {
	for _, g := range w.groups {
		if g.kind == develop {
			developed = append(developed, g)
		} else {
			released = append(released, g)
		}
	}
	return released, developed
}

// trust names private roots, each bound to its teams, and builds without a
// certificate. Apple's roots count only when a build needs them.
func (w *drafter) trust(line func(string, ...any)) {
	teams := map[[32]byte][]string{}
	var roots [][32]byte
	var hashes []string
	for _, g := range w.groups {
		switch g.kind {
		case private:
			if _, ok := teams[g.root]; !ok {
				roots = append(roots, g.root)
			}
			teams[g.root] = append(teams[g.root], g.team)
		case unsigned:
			for _, h := range g.cdhashes() {
				full := h.String()
				if len(h.Full) == 32 {
					full = h.Full.String()
				}
				hashes = append(hashes, full)
			}
		}
	}
	if len(roots) == 0 && len(hashes) == 0 {
		return
	}
	line("trust:")
	if !w.has(apple) && !w.has(release) && !w.has(develop) {
		line("  apple: false # no build needs Apple's roots")
	}
	if len(roots) > 0 {
		line("  roots:")
		for _, r := range roots {
			slices.Sort(teams[r])
			if names := slices.Compact(teams[r]); names[0] != "" {
				line("    - { sha256: %s, teams: %s }", yaml(fmt.Sprintf("%x", r)), yamlList(names))
			} else {
				line("    - %s", yaml(fmt.Sprintf("%x", r)))
			}
		}
	}
	if len(hashes) > 0 {
		line("  adhoc: %s", yamlList(hashes))
	}
}

func (w *drafter) floor(line func(string, ...any), indent string, relax []string) {
	if len(relax) > 0 {
		line("%sfloor:", indent)
		line("%s  relax: [%s] # see the notes above", indent, strings.Join(relax, ", "))
	}
}

func (w *drafter) peers(line func(string, ...any), indent string, groups []*group) {
	if len(groups) == 0 {
		return
	}
	line("%speers:", indent)
	for _, g := range groups {
		line("%s  %s:", indent, g.name)
		if text := w.requirements[g]; plain(text) {
			line("%s    requirement: >-", indent)
			for _, l := range folded(text) {
				line("%s      %s", indent, l)
			}
		} else {
			line("%s    requirement: %s", indent, yaml(text))
		}
		if g.team != "" {
			line("%s    team: %s", indent, yaml(g.team))
		}
		if g.version != "" {
			line("%s    min_version: %s", indent, yaml(g.version))
		}
		var flags []string
		for _, bit := range []code.CodeFlags{code.FlagRuntime, code.FlagLibraryValidation} {
			if g.all(bit) {
				flags = append(flags, bit.Names()...)
			}
		}
		if len(flags) > 0 {
			line("%s    require: { flags: [%s] }", indent, strings.Join(flags, ", "))
		}
		if list := g.forbidden(); len(list) > 0 {
			line("%s    forbid:", indent)
			line("%s      entitlements:", indent)
			for _, key := range list {
				line("%s        - %s", indent, key)
			}
		}
	}
}

// plain reports whether a text can stand unquoted in a folded block.
func plain(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return !strings.Contains(s, "  ") && strings.TrimSpace(s) == s
}

// folded breaks a text at spaces, before and and or, so that folding gives it back.
func folded(s string) []string {
	const width = 88
	var clauses, lines []string
	for _, word := range strings.Split(s, " ") {
		if n := len(clauses) - 1; n < 0 || word == "and" || word == "or" {
			clauses = append(clauses, word)
		} else {
			clauses[n] += " " + word
		}
	}
	for _, c := range clauses {
		if n := len(lines) - 1; n >= 0 && len(lines[n])+1+len(c) <= width {
			lines[n] += " " + c
		} else {
			lines = append(lines, c)
		}
	}
	return lines
}

func (w *drafter) rules(line func(string, ...any), indent string, groups []*group) {
	line("%srules:", indent)
	for _, g := range groups {
		line("%s  - name: %s", indent, yaml(g.name+" of "+g.who()))
		line("%s    allow: matches(%s)", indent, yaml(g.name))
	}
	if len(groups) == 0 { // a policy has a rule, and nobody comes in without the profile
		line("%s  - name: no code without a certificate", indent)
		line("%s    deny: subject.adhoc", indent)
	}
}

// suite writes the tests: each build comes in, those of the other kind do not, and
// attackers neither.
func (w *drafter) suite(development bool) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	title := w.name
	if development {
		title += ", profile " + Profile
	}
	line("# Drafted with the policy. Every build comes in, and no attacker made of one does.")
	line("suite: %s", yaml(title))
	line("policy: policy.yaml")
	var options []string
	if !w.now.Equal(policytest.DefaultNow) {
		options = append(options, "now: "+w.now.UTC().Format(time.RFC3339))
	}
	if development {
		options = append(options, "profile: "+Profile)
	}
	if len(options) > 0 {
		line("options: { %s }", strings.Join(options, ", "))
	}
	line("peers:")
	var allowed []string
	oldest := ""
	for _, g := range w.groups {
		for i, build := range g.builds {
			name := g.name
			if len(g.builds) > 1 {
				name += " " + strconv.Itoa(i+1)
			}
			key := "file"
			if build.Facts {
				key = "facts"
			}
			line("  %s: { %s: %s }", name, key, yaml(build.Path))
			if g.kind != develop || development {
				allowed = append(allowed, fmt.Sprintf("%s: allow", name))
			}
		}
		if g.version != "" && (g.kind != develop || development) {
			if order, ok := policy.CompareVersions(g.version, oldest); oldest == "" || ok && order < 0 {
				oldest = g.version
			}
		}
	}
	line("cases:")
	line("  - name: the given builds come in")
	if len(allowed) == 0 {
		line("    expect: deny")
	} else {
		line("    expect: { %s }", strings.Join(allowed, ", "))
	}
	var mutations []string
	if oldest != "" {
		mutations = append(mutations, "oldest: "+yaml(oldest))
	}
	if development {
		mutations = append(mutations, "skip: [development-certificate], because: the profile is for development builds")
	}
	if len(mutations) > 0 {
		line("mutations: { %s }", strings.Join(mutations, ", "))
	} else {
		line("mutations: auto")
	}
	return b.String()
}
