package policy

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

func TestTheZeroDecisionDenies(t *testing.T) {
	t.Parallel()
	var d Decision
	assert.False(t, d.Allow())
	assert.Equal(t, OutcomeDeny, d.Outcome())
	assert.Equal(t, ReasonError, d.Reason())
	assert.NotEqual(t, code.StatusSuccess, d.Status())
	assert.Equal(t, diag.No, d.Explain().Verdict)
	b, err := json.Marshal(d)
	require.NoError(t, err)
	assert.Contains(t, string(b), `"outcome":"deny","allow":false`)
	var p *Policy
	assert.False(t, decide(p, client(t)).Allow(), "no policy allows nothing")
	assert.False(t, finding{}.outcome == OutcomeAllow)
}

// One statement of the package lets callers in. A second one would be a second
// way in, and this test is where whoever adds it has to say why.
func TestOneStatementAllows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "allow" {
						found = append(found, fset.Position(n.Pos()).String())
					}
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && id.Name == "allow" {
					found = append(found, fset.Position(n.Pos()).String())
				}
			case *ast.CompositeLit: // Decision{true} without keys would be another way
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Decision" && len(n.Elts) > 0 {
					_, keyed := n.Elts[0].(*ast.KeyValueExpr)
					assert.True(t, keyed, fset.Position(n.Pos()).String())
				}
			}
			return true
		})
	}
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "decide.go")
}

func TestFloor(t *testing.T) {
	t.Parallel()
	open := load(t, header+"rules: [{name: all, allow: 'true'}]")
	ent := func(key string, v any) func(*code.Subject) {
		return func(s *code.Subject) { s.Entitlements = code.Known(dict(t, key, v)) }
	}
	for name, tt := range map[string]struct {
		change func(*code.Subject)
		want   Outcome
		reason string
	}{
		"a verified Developer ID program passes": {func(*code.Subject) {}, OutcomeAllow, ReasonRule},
		"nothing verified is unknown":            {func(s *code.Subject) { s.Validity = code.Validity{} }, OutcomeUnknown, "floor:signature"},
		"one skipped check is unknown":           {func(s *code.Subject) { s.Validity.Checks = s.Validity.Checks[1:] }, OutcomeUnknown, "floor:signature"},
		"a failed check denies":                  {func(s *code.Subject) { s.Validity.Checks[19].Outcome = code.Failed }, OutcomeDeny, "floor:signature"},
		"a failed optional check denies": {func(s *code.Subject) {
			s.Validity.Checks = append(s.Validity.Checks, code.Check{ID: "RESOURCES", Outcome: code.Failed})
		}, OutcomeDeny, "floor:signature"},
		"no origin denies": {func(s *code.Subject) { s.Origin = "" }, OutcomeDeny, "floor:signature"},
		"ad-hoc code denies": {func(s *code.Subject) {
			s.Certs = code.Absent[[]code.Certificate]()
			s.Flags = code.Known(code.FlagAdHoc | code.FlagRuntime)
		}, OutcomeDeny, "floor:certificate"},
		"no chain denies without the ad-hoc flag too": {func(s *code.Subject) { s.Certs = code.Absent[[]code.Certificate]() }, OutcomeDeny, "floor:certificate"},
		"an empty chain denies":                       {func(s *code.Subject) { s.Certs = code.Known([]code.Certificate{}) }, OutcomeDeny, "floor:certificate"},
		"the ad-hoc flag denies beside a chain":       {func(s *code.Subject) { s.Flags = code.Known(code.FlagAdHoc | code.FlagRuntime) }, OutcomeDeny, "floor:certificate"},
		"unread certificates are unknown":             {func(s *code.Subject) { s.Certs = code.Unknown[[]code.Certificate](errUnread) }, OutcomeUnknown, "floor:certificate"},
		"a failed check counts more than a skipped one": {func(s *code.Subject) {
			s.Validity.Checks = s.Validity.Checks[1:]
			s.Validity.Checks[10].Outcome = code.Failed
		}, OutcomeDeny, "floor:signature"},
		"a private root denies": {func(s *code.Subject) { c := developerID("ABCDE12345"); c[2].AppleRoot = false; s.Certs = code.Known(c) }, OutcomeDeny, "floor:trusted-root"},
		"Apple's hash without AppleRoot is no Apple root": {func(s *code.Subject) {
			c := developerID("ABCDE12345")
			c[2].AppleRoot = false
			c[2].SHA256 = code.AppleRoots()[0].SHA256
			s.Certs = code.Known(c)
		}, OutcomeDeny, "floor:trusted-root"},
		"get-task-allow denies":                     {ent("com.apple.security.get-task-allow", true), OutcomeDeny, "floor:debuggable"},
		"the short get-task-allow denies":           {ent("get-task-allow", true), OutcomeDeny, "floor:debuggable"},
		"get-task-allow as a text denies":           {ent("get-task-allow", "yes"), OutcomeDeny, "floor:debuggable"},
		"get-task-allow false passes":               {ent("get-task-allow", false), OutcomeAllow, ReasonRule},
		"unread entitlements are unknown":           {func(s *code.Subject) { s.Entitlements = code.Unknown[code.Value](errUnread) }, OutcomeUnknown, "floor:debuggable"},
		"no entitlements pass":                      {func(s *code.Subject) { s.Entitlements = code.Absent[code.Value]() }, OutcomeAllow, ReasonRule},
		"disable-library-validation denies":         {ent("com.apple.security.cs.disable-library-validation", true), OutcomeDeny, "floor:library-validation"},
		"the private way to switch it off denies":   {ent("com.apple.private.security.clear-library-validation", true), OutcomeDeny, "floor:library-validation"},
		"allow-dyld-environment-variables denies":   {ent("com.apple.security.cs.allow-dyld-environment-variables", true), OutcomeDeny, "floor:dyld-environment"},
		"disable-executable-page-protection denies": {ent("com.apple.security.cs.disable-executable-page-protection", true), OutcomeDeny, "floor:executable-page-protection"},
		"no hardened runtime denies":                {func(s *code.Subject) { s.Flags = code.Known(code.CodeFlags(0)) }, OutcomeDeny, "floor:hardened-runtime"},
		"unread flags are unknown":                  {func(s *code.Subject) { s.Flags = code.Unknown[code.CodeFlags](errUnread) }, OutcomeUnknown, "floor:certificate"},
		"an interpreter denies":                     {func(s *code.Subject) { s.Identifier = code.Known("node") }, OutcomeDeny, "floor:interpreter"},
		"a plug-in host denies":                     {func(s *code.Subject) { s.Identifier = code.Known("com.apple.SecurityAgentHelper-arm64") }, OutcomeDeny, "floor:plugin-host"},
		"an unread identifier is unknown":           {func(s *code.Subject) { s.Identifier = code.Unknown[string](errUnread) }, OutcomeUnknown, "floor:interpreter"},
		"a denial counts more than what nobody knows": {func(s *code.Subject) {
			s.Entitlements = code.Unknown[code.Value](errUnread)
			s.Identifier = code.Known("node")
		}, OutcomeDeny, "floor:interpreter"},
		"a running process passes":                   {process, OutcomeAllow, ReasonRule},
		"kernel facts without a process are unknown": {func(s *code.Subject) { process(s); s.Process = nil }, OutcomeUnknown, "floor:process-status"},
		"a process that is no longer valid denies":   {func(s *code.Subject) { process(s); s.Process.Status = code.Known(code.CSSigned | code.CSRuntime) }, OutcomeDeny, "floor:process-status"},
		"a killed process denies": {func(s *code.Subject) {
			process(s)
			s.Process.Status = code.Known(code.CSValid | code.CSSigned | code.CSRuntime | code.CSKilled)
		}, OutcomeDeny, "floor:process-status"},
		"unread process flags are unknown": {func(s *code.Subject) { process(s); s.Process.Status = code.Unknown[code.KernelFlags](errUnread) }, OutcomeUnknown, "floor:process-status"},
		"a weak token denies":              {func(s *code.Subject) { process(s); s.Process.Strength = code.StrengthWeak }, OutcomeDeny, "floor:token-strength"},
		"a token from nowhere is unknown":  {func(s *code.Subject) { process(s); s.Process.Strength = "" }, OutcomeUnknown, "floor:token-strength"},
		"a connection's token passes":      {func(s *code.Subject) { process(s); s.Process.Strength = code.StrengthConnection }, OutcomeAllow, ReasonRule},
		"a debugged process denies": {func(s *code.Subject) {
			process(s)
			s.Process.Status = code.Known(code.CSValid | code.CSSigned | code.CSRuntime | code.CSDebugged)
		}, OutcomeDeny, "floor:debuggable"},
		"a process without the runtime in the kernel denies": {func(s *code.Subject) { process(s); s.Process.Status = code.Known(code.CSValid | code.CSSigned) }, OutcomeDeny, "floor:hardened-runtime"},
		"the kernel's platform code needs no flag": {func(s *code.Subject) {
			process(s)
			s.Flags = code.Known(code.CodeFlags(0))
			s.Process.Status = code.Known(code.CSValid | code.CSSigned | code.CSPlatformBinary)
		}, OutcomeAllow, ReasonRule},
		"a claimed platform byte is no platform code": {func(s *code.Subject) { s.PlatformByte = code.Known(uint8(15)); s.Flags = code.Known(code.CodeFlags(0)) }, OutcomeDeny, "floor:hardened-runtime"},
		"a mandatory check of one slice that is missing is unknown": {func(s *code.Subject) {
			s.Slices = []code.Slice{slice(t, "x86_64", "a"), slice(t, "arm64", "a")}
			s.Validity = passed(code.OriginDisk, "arm64")
		}, OutcomeUnknown, "floor:signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decide(open, edit(t, tt.change))
			assert.Equal(t, tt.want, d.Outcome(), d.Message())
			assert.Equal(t, tt.reason, d.Reason())
			assert.Equal(t, tt.want == OutcomeAllow, d.Allow())
			assert.Equal(t, d.Allow(), d.Status() == code.StatusSuccess)
			assert.NotEmpty(t, d.Message())
			assert.Equal(t, verdictOfOutcome(tt.want), d.Explain().Verdict)
		})
	}
	d := open.Decide(context.Background(), Request{})
	assert.Equal(t, "floor:subject", d.Reason())
	assert.Equal(t, OutcomeDeny, d.Outcome())
}

func TestRelaxing(t *testing.T) {
	t.Parallel()
	for item, change := range map[string]func(*code.Subject){
		"token-strength": func(s *code.Subject) { process(s); s.Process.Strength = code.StrengthWeak },
		"debuggable":     func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "get-task-allow", true)) },
		"library-validation": func(s *code.Subject) {
			s.Entitlements = code.Known(dict(t, "com.apple.security.cs.disable-library-validation", true))
		},
		"dyld-environment": func(s *code.Subject) {
			s.Entitlements = code.Known(dict(t, "com.apple.security.cs.allow-dyld-environment-variables", true))
		},
		"executable-page-protection": func(s *code.Subject) {
			s.Entitlements = code.Known(dict(t, "com.apple.security.cs.disable-executable-page-protection", true))
		},
		"hardened-runtime": func(s *code.Subject) { s.Flags = code.Known(code.CodeFlags(0)) },
		"interpreter":      func(s *code.Subject) { s.Identifier = code.Known("node") },
		"plugin-host":      func(s *code.Subject) { s.Identifier = code.Known("com.apple.mdworker") },
	} {
		t.Run(item, func(t *testing.T) {
			t.Parallel()
			strict := load(t, header+"rules: [{name: all, allow: 'true'}]")
			relaxed := load(t, header+"floor: {relax: ["+item+"]}\nrules: [{name: all, allow: 'true'}]")
			assert.Equal(t, "floor:"+item, decide(strict, edit(t, change)).Reason())
			d := decide(relaxed, edit(t, change))
			assert.True(t, d.Allow(), d.Message())
			require.Len(t, d.Warnings(), 2)
			assert.Contains(t, d.Warnings()[0], item)
			assert.Contains(t, d.Warnings()[1], "allowed, although floor item "+item)
			assert.Len(t, decide(relaxed, client(t)).Warnings(), 1, "the first warning does not depend on the caller")
			for _, other := range floorItems {
				if other.name != item {
					continue
				}
				assert.False(t, other.always)
			}
		})
	}
	var names []string
	for _, item := range floorItems {
		if !item.always {
			names = append(names, item.name)
		}
	}
	assert.Equal(t, append(names, linuxUIDOnly), relaxableNames(), "the table of keys lists what the floor lets go")
}

func TestTrust(t *testing.T) {
	t.Parallel()
	private := func(s *code.Subject) {
		c := developerID("ABCDE12345")
		c[2].AppleRoot = false
		s.Certs = code.Known(c)
	}
	adhoc := func(s *code.Subject) {
		s.Certs = code.Absent[[]code.Certificate]()
		s.Flags = code.Known(code.FlagAdHoc | code.FlagRuntime)
	}
	const root3 = "'0300000000000000000000000000000000000000000000000000000000000000'"
	const cdhash = "aa01000000000000000000000000000000000000"
	for name, tt := range map[string]struct {
		trust  string
		change func(*code.Subject)
		want   bool
		reason string
	}{
		"a listed private root is trusted":                 {"roots: [" + root3 + "]", private, true, ReasonRule},
		"its team is verified":                             {"roots: [" + root3 + "]", private, true, ReasonRule},
		"another listed root is not this one":              {"roots: [" + strings.Replace(root3, "03", "04", 1) + "]", private, false, "floor:trusted-root"},
		"Apple can be switched off":                        {"apple: false, roots: [" + root3 + "]", func(*code.Subject) {}, false, "floor:trusted-root"},
		"a root bound to the team is trusted":              {"roots: {sha256: " + root3 + ", teams: [ZZZZZ99999, ABCDE12345]}", private, true, ReasonRule},
		"a root bound to another team is not":              {"roots: [{sha256: " + root3 + ", teams: ZZZZZ99999}]", private, false, "floor:trusted-root"},
		"a bound root whose code claims no team is not":    {"roots: [{sha256: " + root3 + ", teams: ABCDE12345}]", func(s *code.Subject) { private(s); s.ClaimedTeamID = code.Absent[string]() }, false, "floor:trusted-root"},
		"listed ad-hoc code with certificates has no team": {"adhoc: [" + cdhash + "]", func(s *code.Subject) { s.Flags = code.Known(code.FlagAdHoc | code.FlagRuntime) }, true, ReasonRule},
		"listed ad-hoc code passes":                        {"adhoc: [" + cdhash + "]", adhoc, true, ReasonRule},
		"the full hash lists it too":                       {"adhoc: [" + cdhash + strings.Repeat("0", 24) + "]", adhoc, true, ReasonRule},
		"another full hash does not":                       {"adhoc: [" + cdhash + strings.Repeat("0", 23) + "1]", adhoc, false, "floor:certificate"},
		"unlisted ad-hoc code does not pass":               {"adhoc: [" + strings.Replace(cdhash, "aa", "bb", 1) + "]", adhoc, false, "floor:certificate"},
		"a listed cdhash made with SHA-1 proves nothing": {"adhoc: [" + cdhash + "]", func(s *code.Subject) {
			adhoc(s)
			s.CDHashes = code.Known([]code.CDHash{{Type: code.HashSHA1, Hash: [20]byte{0xaa, 1}}})
		}, false, "floor:certificate"},
		"a worse directory's listed cdhash does not pass": {"adhoc: [" + cdhash + "]", func(s *code.Subject) {
			adhoc(s)
			s.CDHashes = code.Known([]code.CDHash{{Type: code.HashSHA384, Hash: [20]byte{1}}, {Type: code.HashSHA256, Hash: [20]byte{0xaa, 1}}})
		}, false, "floor:certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cond := "true"
			if strings.Contains(name, "team is verified") {
				cond = `subject.team_id == "ABCDE12345" && subject.anchor == "private" && subject.channel == "private"`
			}
			if strings.Contains(name, "has no team") {
				cond = `subject.team_id == null && subject.claimed_team_id != null && subject.cdhash == "` + cdhash + `"`
			}
			p := load(t, header+"trust: {"+tt.trust+"}\nrules: [{name: all, allow: '"+cond+"'}]")
			d := decide(p, edit(t, tt.change))
			assert.Equal(t, tt.want, d.Allow(), d.Message())
			assert.Equal(t, tt.reason, d.Reason())
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	unknown := `subject.notarized`
	broken := `subject.info["nothing"] == "x"`
	for name, tt := range map[string]struct {
		rules  []string
		want   Outcome
		reason string
		rule   string
	}{
		"no rule that is true denies":                    {[]string{"allow: 'false'"}, OutcomeDeny, ReasonDefaultDeny, ""},
		"the first true rule decides: allow before deny": {[]string{"allow: 'true'", "deny: 'true'"}, OutcomeAllow, ReasonRule, "r0"},
		"the first true rule decides: deny before allow": {[]string{"deny: 'true'", "allow: 'true'"}, OutcomeDeny, ReasonRule, "r0"},
		"a false deny lets the next rule speak":          {[]string{"deny: 'false'", "allow: 'true'"}, OutcomeAllow, ReasonRule, "r1"},
		"an unknown deny denies":                         {[]string{"deny: " + unknown, "allow: 'true'"}, OutcomeDeny, ReasonUnknownFact, "r0"},
		"a negated unknown deny denies":                  {[]string{"deny: '!" + unknown + "'", "allow: 'true'"}, OutcomeDeny, ReasonUnknownFact, "r0"},
		"a broken deny denies":                           {[]string{"deny: " + quoteYAML(broken), "allow: 'true'"}, OutcomeDeny, ReasonError, "r0"},
		"an unknown allow is unknown":                    {[]string{"allow: " + unknown}, OutcomeUnknown, ReasonUnknownFact, "r0"},
		"a negated unknown allow is unknown":             {[]string{"allow: '!" + unknown + "'"}, OutcomeUnknown, ReasonUnknownFact, "r0"},
		"a broken allow is unknown":                      {[]string{"allow: " + quoteYAML(broken)}, OutcomeUnknown, ReasonError, "r0"},
		"a later rule may allow after an unknown one":    {[]string{"allow: " + unknown, "allow: 'true'"}, OutcomeAllow, ReasonRule, "r1"},
		"a later rule may deny after an unknown one":     {[]string{"allow: " + unknown, "deny: 'true'"}, OutcomeDeny, ReasonRule, "r1"},
		"the first undecided rule is named":              {[]string{"allow: " + unknown, "allow: " + quoteYAML(broken)}, OutcomeUnknown, ReasonUnknownFact, "r0"},
		"a rule of another operation is not asked":       {[]string{"operation: other, allow: 'true'"}, OutcomeDeny, ReasonDefaultDeny, ""},
		"a rule of this operation is asked":              {[]string{"operation: [other, read], allow: 'true'"}, OutcomeAllow, ReasonRule, "r0"},
		"a deny of another operation does not deny":      {[]string{"operation: other, deny: 'true'", "allow: 'true'"}, OutcomeAllow, ReasonRule, "r1"},
		"false && unknown is false":                      {[]string{"allow: 'false && " + unknown + "'"}, OutcomeDeny, ReasonDefaultDeny, ""},
		"true || unknown is true":                        {[]string{"allow: 'true || " + unknown + "'"}, OutcomeAllow, ReasonRule, "r0"},
		"the guard of a rule does not hide a deny":       {[]string{`deny: 'subject.identifier == "com.acme.client" && true'`, "allow: 'true'"}, OutcomeDeny, ReasonRule, "r0"},
		"the guard of another identifier leaves it out":  {[]string{`deny: 'subject.identifier == "x" && subject.notarized'`, `allow: '"com.acme.client" == subject.identifier'`}, OutcomeAllow, ReasonRule, "r1"},
		"rules keep their order across guards":           {[]string{`allow: 'subject.team_id == "Z"'`, "deny: 'false'", `deny: 'subject.identifier == "com.acme.client"'`, `allow: 'subject.team_id == "ABCDE12345"'`}, OutcomeDeny, ReasonRule, "r2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := header + "rules:\n"
			for i, r := range tt.rules {
				doc += "  - {name: r" + string(rune('0'+i)) + ", " + r + "}\n"
			}
			p := load(t, doc)
			d := p.Decide(context.Background(), Request{Subject: client(t), Operation: "read", Now: clock})
			assert.Equal(t, tt.want, d.Outcome(), d.Message())
			assert.Equal(t, tt.reason, d.Reason())
			assert.Equal(t, tt.rule, d.Rule())
			if tt.reason == ReasonUnknownFact {
				assert.Equal(t, []string{"subject.notarized"}, d.Facts())
				assert.Contains(t, d.Message(), "only a Mac can tell")
			}
			assert.Equal(t, verdictOfOutcome(tt.want), d.Explain().Verdict)
		})
	}
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func TestSlices(t *testing.T) {
	t.Parallel()
	fat := func(change func(bad *code.Slice)) *code.Subject {
		return edit(t, func(s *code.Subject) {
			s.Slices = []code.Slice{slice(t, "x86_64", "com.acme.client"), slice(t, "arm64", "com.acme.client")}
			s.Validity = passed(code.OriginDisk, "x86_64", "arm64")
			change(&s.Slices[0])
		})
	}
	p := allowing(t, `subject.identifier == "com.acme.client" && !(subject.version == "3")`)
	good := decide(p, fat(func(*code.Slice) {}))
	assert.True(t, good.Allow(), good.Message())

	other := decide(p, fat(func(s *code.Slice) { s.Identifier = code.Known("com.evil") }))
	assert.Equal(t, OutcomeDeny, other.Outcome(), "the best slice alone must not decide")
	assert.Equal(t, "x86_64", other.Slice())

	soft := decide(p, fat(func(s *code.Slice) { s.Flags = code.Known(code.CodeFlags(0)) }))
	assert.Equal(t, "floor:hardened-runtime", soft.Reason())
	assert.Equal(t, "x86_64", soft.Slice())

	dim := decide(p, fat(func(s *code.Slice) { s.Info = code.Unknown[code.Value](errUnread) }))
	assert.Equal(t, OutcomeUnknown, dim.Outcome())
	assert.Equal(t, "x86_64", dim.Slice())
	assert.Len(t, dim.Explain().Children, 2, "one branch for each slice")
}

func TestReplayWarns(t *testing.T) {
	t.Parallel()
	s := client(t)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	replayed, err := code.ReadFacts(b)
	require.NoError(t, err)
	d := decide(allowing(t, "true"), replayed)
	assert.True(t, d.Allow(), d.Message())
	assert.Equal(t, []string{"origin: replay, signature not verified here"}, d.Warnings())
	assert.Empty(t, decide(allowing(t, "true"), s).Warnings())
}

func TestNow(t *testing.T) {
	t.Parallel()
	p := allowing(t, `now < timestamp("2027-01-01T00:00:00Z")`)
	assert.True(t, p.ReadsNow())
	assert.True(t, decide(p, client(t)).Allow())
	d := p.Decide(context.Background(), Request{Subject: client(t)})
	assert.Equal(t, OutcomeUnknown, d.Outcome(), "nobody said what time it is")
	assert.Equal(t, []string{"now"}, d.Facts())
	assert.False(t, allowing(t, "true").ReadsNow())
	viaVariable := load(t, header+"variables: {late: 'now > timestamp(\"2030-01-01T00:00:00Z\")'}\nrules: [{name: r, allow: '!vars.late'}]")
	assert.True(t, viaVariable.ReadsNow())
}

func TestDecideIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := load(t, header+`peers: {app: {team: ABCDE12345, min_version: "2"}}
variables: {x: "subject.cdhashes.exists(h, h != '')"}
rules: [{name: r, allow: 'matches("app") && vars.x'}]`)
	s := client(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				d := decide(p, s)
				assert.True(t, d.Allow())
				assert.Equal(t, diag.Yes, d.Explain().Verdict)
			}
		})
	}
	wg.Wait()
}

func TestDecisionJSON(t *testing.T) {
	t.Parallel()
	p := load(t, header+"floor: {relax: [plugin-host]}\nrules: [{name: r, deny: subject.notarized, message: 'ask again'}]")
	d := p.Decide(context.Background(), Request{Subject: edit(t, process), Operation: "read", Now: time.Time{}})
	b, err := json.Marshal(d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"outcome":"deny","allow":false,"reason":"unknown-fact","rule":"r",
		"message":"nobody knows subject.notarized: only a Mac can tell","unknown_facts":["subject.notarized"],
		"status":-67060,"status_name":"errSecCSSignatureNotVerifiable","operation":"read","policy":"test","revision":"`+p.Revision()+`",
		"subject":{"origin":"kernel","identifier":"com.acme.client","team_id":"ABCDE12345","claimed_team_id":"ABCDE12345","cdhash":"aa01000000000000000000000000000000000000","pid":4711},
		"warnings":["floor item plugin-host is relaxed by this policy: nobody checks that the program is not a host of other people's plug-ins"]}`, string(b))
}

func TestOwnHosts(t *testing.T) {
	t.Parallel()
	p := load(t, header+"floor: {interpreters: [com.acme.script*], plugin_hosts: com.acme.host}\nrules: [{name: r, allow: 'true'}]")
	assert.Equal(t, "floor:interpreter", decide(p, edit(t, func(s *code.Subject) { s.Identifier = code.Known("com.acme.ScriptRunner") })).Reason())
	assert.Equal(t, "floor:plugin-host", decide(p, edit(t, func(s *code.Subject) { s.Identifier = code.Known("com.acme.host") })).Reason())
	assert.True(t, decide(p, edit(t, func(s *code.Subject) { s.Identifier = code.Known("com.acme.hostess") })).Allow())
}

func TestCELStaysInItsFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasPrefix(name, "cel") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.NotContains(t, string(b), "cel.dev/", name)
	}
}
