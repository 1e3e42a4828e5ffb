package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// findings are the numbers of what loading a policy found, in order.
func findings(t *testing.T, text string) []string {
	t.Helper()
	p, err := Parse("vet.yaml", []byte(header+text))
	require.NoError(t, err, text)
	var rules []string
	for _, d := range p.Findings() {
		assert.Equal(t, diag.Warning, d.Severity)
		assert.NotEmpty(t, d.Why)
		number, _, _ := strings.Cut(d.Rule, " ")
		rules = append(rules, number)
	}
	return rules
}

func TestRulesThatNameNobody(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{ // true: somebody is named
		`subject.team_id == "ABCDE12345"`:                                         true,
		`"ABCDE12345" == subject.team_id`:                                         true,
		`team("ABCDE12345", "ZZZZZ99999")`:                                        true,
		`subject.team_id in vars.teams`:                                           true,
		`subject.team_id == vars.team`:                                            true,
		`vars.ours`:                                                               true,
		`matches("app")`:                                                          true,
		`satisfies(requirements.pinned)`:                                          true,
		`subject.cdhash == "aa"`:                                                  true,
		`"aa" in subject.cdhashes`:                                                true,
		`subject.certificates[0].sha256 == "aa"`:                                  true,
		`channel("app-store") && subject.identifier == "com.acme.client"`:         true,
		`satisfies("anchor apple") && subject.identifier == "com.apple.x"`:        true,
		`!(subject.team_id != "ABCDE12345")`:                                      true,
		`!(subject.team_id != "ABCDE12345" || subject.linker_signed)`:             true,
		`subject.linker_signed ? team("ABCDE12345") : matches("app")`:             true,
		`team("ABCDE12345") || channel("app-store") && subject.identifier == "x"`: true,
		`subject.identifier == "com.acme.client"`:                                 false,
		`subject.identifier == "com.acme.client" && channel("developer-id")`:      false,
		`channel("app-store")`:                                                    false,
		`team("ABCDE12345") || subject.identifier == "x"`:                         false,
		`subject.team_id != "ABCDE12345"`:                                         false,
		`subject.team_id != null`:                                                 false,
		`!(subject.team_id == "ABCDE12345")`:                                      false,
		`!matches("app")`:                                                         false,
		`satisfies(requirements.weak)`:                                            false,
		`satisfies(requirements.branch)`:                                          false,
		`satisfies("anchor apple")`:                                               false,
		`process.pid == 5`:                                                        false,
		`entitled("com.acme.x")`:                                                  false,
		`subject.team_id.startsWith("A")`:                                         false,
		`subject.linker_signed ? team("ABCDE12345") : true`:                       false,
		`subject.certificates.exists(c, c.team == "ABCDE12345")`:                  false,
		`subject.certificates[1].sha256 == "aa"`:                                  false,
		`vars.anybody`:                                                            false,
		`subject.identifier == "a" && channel("app-store") || subject.identifier == "b" && subject.anchor == "apple"`: false,
	} {
		text := `
variables: {team: '"ABCDE12345"', teams: '["ABCDE12345", "ZZZZZ99999"]', ours: 'subject.team_id == vars.team && !subject.adhoc', anybody: 'subject.identifier == "x"'}
peers: {app: {team: ABCDE12345}}
requirements:
  pinned: anchor apple generic and certificate leaf[subject.OU] = ABCDE12345
  weak: anchor apple generic and identifier "com.acme.client"
  branch: anchor apple generic and certificate leaf[subject.OU] = ABCDE12345 or identifier "com.acme.client"
rules: [{name: r, allow: ` + quoteYAML(condition) + "}]"
		assert.Equal(t, !want, strings.Contains(strings.Join(findings(t, text), " "), "PV101"), condition)
		assert.NotContains(t, findings(t, strings.Replace(text, "allow: ", "deny: ", 1)), "PV101", "a deny rule lets nobody in")
		assert.NotContains(t, findings(t, "trust: {apple: false, roots: '0300000000000000000000000000000000000000000000000000000000000000'}"+text), "PV101", "who holds a private root decides")
	}
}

func TestClaimsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`rules: [{name: r, allow: 'subject.claimed_team_id == "ABCDE12345"'}]`,
		`rules: [{name: r, allow: 'subject.identifier == "x" && subject.claimed_team_id in ["ABCDE12345"]'}]`,
		"variables: {t: subject.claimed_team_id}\nrules: [{name: r, allow: 'vars.t == \"ABCDE12345\"'}]",
	} {
		_, err := Parse("vet.yaml", []byte(header+text))
		require.ErrorContains(t, err, "PV102", text)
	}
	assert.Empty(t, findings(t, `rules: [{name: r, allow: 'subject.claimed_team_id == "A" && subject.team_id == "A"'}, {name: d, deny: 'subject.claimed_team_id == "B"'}]`))
}

func TestRulesThatDecideNothing(t *testing.T) {
	t.Parallel()
	const team = `subject.team_id == "ABCDE12345"`
	for name, tt := range map[string]struct {
		rules []string
		want  []string
	}{
		"rules that differ":                     {[]string{"allow: " + team + ` && subject.identifier == "a"`, "allow: " + team + ` && subject.identifier == "b"`}, nil},
		"the same rule again":                   {[]string{"allow: " + team, "allow: " + team}, []string{"PV001"}},
		"a narrower rule behind":                {[]string{"allow: " + team, "deny: " + team + " && subject.linker_signed"}, []string{"PV001"}},
		"a narrower rule in front":              {[]string{"deny: " + team + " && subject.linker_signed", "allow: " + team}, nil},
		"two rules together":                    {[]string{"allow: " + team + " && subject.linker_signed", "allow: " + team + " && !subject.linker_signed", "allow: " + team}, []string{"PV001"}},
		"the same in other words":               {[]string{"allow: " + team + ` && (subject.identifier == "a" || subject.identifier == "b")`, "allow: " + team + ` && subject.identifier in ["b"]`}, []string{"PV001"}},
		"a newer version behind":                {[]string{"allow: " + team + ` && version(subject.version) >= version("2.0")`, "allow: " + team + ` && version(subject.version) >= version("2.1")`}, []string{"PV001"}},
		"an older version behind":               {[]string{"allow: " + team + ` && version(subject.version) >= version("2.10")`, "allow: " + team + ` && version(subject.version) >= version("2.9")`}, nil},
		"another operation":                     {[]string{"allow: " + team + ", operation: read", "allow: " + team + ", operation: write"}, nil},
		"an operation that is among others":     {[]string{"allow: " + team + ", operation: [read, write]", "deny: " + team + ", operation: write"}, []string{"PV001"}},
		"one operation does not cover all":      {[]string{"allow: " + team + ", operation: read", "allow: " + team}, nil},
		"a rule that is always true":            {[]string{"allow: 'true'"}, []string{"PV002"}},
		"always true in other words":            {[]string{"allow: subject.adhoc || !subject.adhoc"}, []string{"PV101", "PV002"}},
		"all behind it":                         {[]string{"allow: 'true'", "deny: subject.adhoc"}, []string{"PV002", "PV001"}},
		"two identifiers at once":               {[]string{"allow: " + team + ` && subject.identifier == "a" && subject.identifier == "b"`}, []string{"PV003"}},
		"a clause and its opposite":             {[]string{"deny: subject.adhoc && !subject.adhoc"}, []string{"PV003"}},
		"an empty range":                        {[]string{"allow: " + team + ` && version(subject.build) >= version("3") && version(subject.build) < version("2.5")`}, []string{"PV003"}},
		"a range":                               {[]string{"allow: " + team + ` && version(subject.build) >= version("2.5") && version(subject.build) < version("3")`}, nil},
		"a requirement and an identifier":       {[]string{"allow: " + `satisfies("identifier a") && subject.identifier == "b" && ` + team}, []string{"PV003"}},
		"what nobody can compare stays unknown": {[]string{"allow: " + team + ` && subject.cdhashes.exists(h, h == "a")`, "allow: " + team + ` && subject.cdhashes.exists(h, h == "b")`}, nil},
		"through a variable":                    {[]string{"allow: vars.ours", "allow: " + team}, []string{"PV001"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "variables: {ours: 'subject.team_id == \"ABCDE12345\"'}\nrules:\n"
			for i, r := range tt.rules {
				effect, rest, _ := strings.Cut(r, ": ")
				condition, operation, _ := strings.Cut(rest, ", operation: ")
				if !strings.HasPrefix(condition, "'") {
					condition = quoteYAML(condition)
				}
				text += "  - {name: r" + string(rune('0'+i)) + ", " + effect + ": " + condition
				if operation != "" {
					text += ", operation: " + operation
				}
				text += "}\n"
			}
			assert.Equal(t, tt.want, findings(t, text))
		})
	}
}

func TestVersionsAreNotComparedAsTexts(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`subject.version >= "2.1"`,
		`"2.1" <= subject.build`,
		`vars.v >= "2.1"`,
		`vars.list.exists(v, v >= "2.1")`,
		`[subject.version].exists(v, v >= "2.1")`,
		`[subject.version].map(v, v).all(w, w > "1")`,
		`subject.version + "" >= "2.1"`,
		`(subject.adhoc ? "1" : subject.version) >= "2.1"`,
		`string(subject.version) >= "2.1"`,
		`dyn(subject.version) >= "2.1"`,
		`subject.info.CFBundleShortVersionString >= "2.1"`,
		`subject.info["CFBundleVersion"] < "9"`,
		`{"v": subject.version}.v >= "2"`,
		`subject.min_os >= "13.0"`,
	} {
		_, err := Parse("vet.yaml", []byte(header+"variables: {v: subject.version, list: '[subject.build]'}\nrules: [{name: r, allow: "+quoteYAML(`team("A") && `+condition)+"}]"))
		require.ErrorContains(t, err, "as texts", condition)
	}
	for _, condition := range []string{
		`version(vars.v) >= version("2.1")`, `apple_version(subject.version) >= apple_version("2.1")`, `subject.version == "2.1"`,
		`size(subject.version) > 2`, `subject.identifier < "m"`, `vars.list.exists(v, version(v) >= version("2"))`, `subject.info.Port > 79`,
		`subject.version.startsWith("2.") && subject.identifier >= "a"`, `(subject.version == "2" ? "a" : "b") < "c"`,
	} {
		_, err := Parse("vet.yaml", []byte(header+"variables: {v: subject.version, list: '[subject.build]'}\nrules: [{name: r, allow: "+quoteYAML(`team("A") && `+condition)+"}]"))
		require.NoError(t, err, condition)
	}
}

func TestPeersThatNameNobody(t *testing.T) {
	t.Parallel()
	const g = "anchor apple generic and certificate leaf[subject.OU] = ABCDE12345"
	for peer, want := range map[string]bool{
		`{requirement: '` + g + `'}`:                                          true,
		`{requirement: '` + g + ` and identifier "a"'}`:                       true,
		`{requirement: 'identifier a and anchor apple'}`:                      true,
		`{requirement: 'cdhash H"0123456789012345678901234567890123456789"'}`: true,
		`{requirement: 'anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists and identifier a'}`:                                     true,
		`{requirement: '(anchor apple or anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists) and (identifier a or identifier b)'}`: true,
		`{requirement: 'anchor apple', identifiers: com.apple.x}`:                                                                                                true,
		`{requirement: 'anchor apple generic', team: ABCDE12345}`:                                                                                                true,
		`{requirement: '! anchor apple generic and anchor = H"0123456789012345678901234567890123456789" and identifier a'}`:                                      true,
		`{requirement: 'identifier "com.acme.client"'}`:                                                                                                          false,
		`{requirement: 'anchor apple generic'}`:                                                                                                                  false,
		`{requirement: 'anchor apple'}`:                                                                                                                          false,
		`{requirement: 'always'}`:                                                                                                                                false,
		`{requirement: 'anchor apple generic and identifier "com.acme.client"'}`:                                                                                 false,
		`{requirement: 'certificate leaf[subject.OU] = ABCDE12345'}`:                                                                                             false,
		`{requirement: '` + g + ` or identifier "a"'}`:                                                                                                           false,
		`{requirement: 'anchor apple generic and certificate leaf[subject.OU] = A*'}`:                                                                            false,
		`{requirement: 'anchor apple generic and ! certificate leaf[subject.OU] = ABCDE12345'}`:                                                                  false,
		`{requirement: 'anchor = H"0123456789012345678901234567890123456789"'}`:                                                                                  false,
		`{requirement: 'anchor apple generic', identifiers: com.acme.client}`:                                                                                    false,
		`{requirement: 'anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists'}`:                                                      false,
	} {
		_, err := Parse("vet.yaml", []byte(header+"peers: {p: "+peer+"}\nrules: [{name: r, allow: 'matches(\"p\")'}]"))
		if want {
			require.NoError(t, err, peer)
			continue
		}
		require.ErrorContains(t, err, "does not say who signed", peer)
		private := "trust: {apple: false, roots: '0300000000000000000000000000000000000000000000000000000000000000'}\n"
		_, err = Parse("vet.yaml", []byte(header+private+"peers: {p: "+peer+"}\nrules: [{name: r, allow: 'matches(\"p\")'}]"))
		require.NoError(t, err, "who holds a private root decides: %s", peer)
	}
}

func TestARootForAnyTeamIsAWarning(t *testing.T) {
	t.Parallel()
	const rules = "\nrules: [{name: r, allow: 'team(\"ABCDE12345\")'}]"
	const root = "'0300000000000000000000000000000000000000000000000000000000000000'"
	assert.Equal(t, []string{"PV103"}, findings(t, "trust: {roots: ["+root+"]}"+rules))
	assert.Empty(t, findings(t, "trust: {roots: {sha256: "+root+", teams: ABCDE12345}}"+rules))
	assert.Empty(t, findings(t, "trust: {apple: false, roots: "+root+"}"+rules))
}

func TestRequirementTextsAreLinted(t *testing.T) {
	t.Parallel()
	const rules = "\nrules: [{name: r, allow: 'team(\"ABCDE12345\") && satisfies(requirements.r)'}]"
	const g = "anchor apple generic and certificate leaf[subject.OU] = ABCDE12345"
	assert.Empty(t, findings(t, "requirements: {r: 'identifier a'}"+rules), "the rule says who signed")
	assert.Contains(t, findings(t, "requirements: {r: 'identifier a and identifier b'}"+rules), "RQ201")
	assert.Contains(t, findings(t, "requirements: {r: 'anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] and certificate leaf[subject.OU] = ABCDE12345'}"+rules), "RQ111")
	const peer = "\nrules: [{name: r, allow: 'matches(\"p\")'}]"
	assert.Contains(t, findings(t, "peers: {p: {requirement: '"+g+"'}}"+peer), "RQ106", "a peer relies on it")
	assert.Contains(t, findings(t, "requirements: {r: '"+g+"'}\npeers: {p: {requirement: requirements.r}}"+peer), "RQ106")
	assert.NotContains(t, findings(t, "peers: {p: {requirement: '"+g+"', team: ABCDE12345}}"+peer), "RQ106")
	p, err := Parse("vet.yaml", []byte(header+"requirements:\n  r: >-\n    identifier a\n    and identifier b\n"+rules))
	require.NoError(t, err)
	assert.Contains(t, diag.Text(p.Findings()...), "vet.yaml:6:9: warning: requirement: ")
}
