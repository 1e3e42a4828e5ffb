package policy

import (
	"context"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// hidden is the client with nothing known but what the floor needs.
func hidden(t testing.TB) *code.Subject {
	return edit(t, func(s *code.Subject) {
		s.ClaimedTeamID = code.Unknown[string](errUnread)
		s.Info = code.Unknown[code.Value](errUnread)
		s.SignedAt = code.Unknown[time.Time](errUnread)
		s.PlatformByte = code.Unknown[uint8](errUnread)
		s.RuntimeVersion = code.Unknown[string](errUnread)
	})
}

// A fact that nobody knows must not come out as false, empty, absent or equal,
// whatever is built around it.
func TestUnknownFactsNeverDecide(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`subject.team_id == "ABCDE12345"`,
		`subject.team_id != "ABCDE12345"`,
		`!(subject.team_id == "ABCDE12345")`,
		`subject.team_id == null`,
		`subject.team_id != null`,
		`subject.team_id in ["ABCDE12345"]`,
		`!(subject.team_id in ["ABCDE12345"])`,
		`subject.team_id == subject.team_id`,
		`[subject.team_id] == ["x"]`,
		`[subject.team_id].exists(x, x == "x")`,
		`![subject.team_id].exists(x, x == "x")`,
		`[subject.team_id].all(x, x != "x")`,
		`["a"].all(x, x != subject.team_id)`,
		`{"k": subject.team_id}.k != "x"`,
		`size([subject.team_id]) == 1`,
		`dyn(subject.team_id) != 5`,
		`type(subject.team_id) != int`,
		`(subject.team_id == "x" ? false : true)`,
		`(true ? subject.team_id != "x" : true)`,
		`!has(subject.info.LSUIElement)`,
		`has(subject.info.LSUIElement)`,
		`!("LSUIElement" in subject.info)`,
		`subject.info["LSUIElement"] != true`,
		`size(subject.info) == 0`,
		`subject.info == {}`,
		`subject.info.all(k, k != "x")`,
		`!subject.info.exists(k, k == "LSUIElement")`,
		`subject.info.map(k, k) == []`,
		`version(subject.version) < version("9")`,
		`version(subject.version) >= version("1")`,
		`!(version(subject.version) >= version("1"))`,
		`apple_version(subject.build) < apple_version("9")`,
		`subject.signed_at == null || subject.signed_at < now`,
		`subject.platform_byte == 0`,
		`!subject.notarized`,
		`!satisfies(requirements.stale)`,
		`satisfies("! info[CFBundleVersion] exists")`,
		`!matches("old")`,
		`matches("old")`,
		`vars.team != "x"`,
		`vars.deep.team != "x"`,
		`!has(vars.deep.nothing) && subject.team_id != "x"`,
		`process.euid != 0`,
		`!("debugged" in process.flags)`,
		`process.token_strength != "weak"`,
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			head := header + `
requirements: {stale: '! info[CFBundleVersion] exists'}
peers: {old: {team: ABCDE12345, min_version: "1"}}
variables: {team: subject.team_id, deep: '{"team": subject.team_id}'}
`
			allow := load(t, head+"rules: [{name: r, allow: "+quoteYAML(condition)+"}]")
			d := decide(allow, hidden(t))
			require.Equal(t, OutcomeUnknown, d.Outcome(), "%s: %s", d.Reason(), d.Message())
			assert.Equal(t, ReasonUnknownFact, d.Reason())
			assert.NotEmpty(t, d.Facts())
			explained := d.Explain()
			assert.Equal(t, diag.VerdictUnknown, explained.Verdict)

			deny := load(t, head+"rules: [{name: r, deny: "+quoteYAML(condition)+"}, {name: rest, allow: 'true'}]")
			assert.Equal(t, OutcomeDeny, decide(deny, hidden(t)).Outcome())
		})
	}
}

// Binding an unknown value and marking it with an attribute pattern must mean the
// same; the second way is the one that CEL documents.
func TestUnknownsAreThoseOfPartialEvaluation(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`subject.team_id != "x"`, `!has(subject.info.a)`, `size(subject.info) == 0 || true`, `false && subject.notarized`,
		`[subject.team_id].all(x, x != "x")`, `!("a" in subject.info)`, `subject.info.exists(k, k == "a")`,
	} {
		p, s := allowing(t, condition), hidden(t)
		e := p.rules[0].when
		b := newBinding(context.Background(), facts{p: p, s: s, whole: s})
		ours, _ := b.run(e)
		program, err := e.env.Program(e.ast, cel.EvalOptions(cel.OptPartialEval))
		require.NoError(t, err)
		var patterns []*cel.AttributePatternType
		for _, name := range []string{"subject.team_id", "subject.info", "subject.notarized"} {
			patterns = append(patterns, cel.AttributePattern(name))
		}
		vars, err := cel.PartialVars(map[string]any{}, patterns...)
		require.NoError(t, err)
		theirs, _, err := program.Eval(vars)
		require.NoError(t, err)
		assert.Equal(t, theirs.Type(), ours.Type(), condition)
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	embedded := func(valid bool) func(*code.Subject) {
		return func(s *code.Subject) {
			s.Profile = code.Known(code.Profile{Valid: valid, Name: "Acme", TeamIDs: []string{"ABCDE12345"}, CertMatch: code.Known(true),
				Expired: code.Known(false), Expires: clock.AddDate(1, 0, 0), Entitlements: code.Known(dict(t, "x", true))})
		}
	}
	bare := func(s *code.Subject) { // nothing optional is there
		s.ClaimedTeamID = code.Absent[string]()
		s.Info = code.Absent[code.Value]()
		s.Entitlements = code.Absent[code.Value]()
		s.SignedAt = code.Absent[time.Time]()
		s.MinOS = ""
	}
	for name, tt := range map[string]struct {
		condition string
		change    func(*code.Subject)
		want      answer
	}{
		"the verified team":                       {`subject.team_id == "ABCDE12345"`, nil, yes},
		"a claim is not a verified team":          {`subject.team_id == "ABCDE12345"`, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) }, no},
		"the claim stays readable":                {`subject.claimed_team_id == "ABCDE12345" && subject.team_id == null && subject.cdhash == "aa01000000000000000000000000000000000000"`, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) }, yes},
		"an absent team is null":                  {`subject.team_id == null`, bare, yes},
		"null equals no text":                     {`subject.team_id == ""`, bare, no},
		"null begins with nothing":                {`subject.team_id.startsWith("")`, bare, unknown},
		"nothing begins with null":                {`subject.identifier.startsWith(subject.team_id)`, bare, unknown},
		"an absent version is older than all":     {`version(subject.version) < version("0")`, bare, yes},
		"an absent version is at least nothing":   {`version(subject.version) >= version("0")`, bare, no},
		"absent equals absent only":               {`version(subject.version) == version("0")`, bare, no},
		"an absent time cannot be compared":       {`subject.signed_at < now`, bare, unknown},
		"an absent Info.plist is empty":           {`!has(subject.info.LSUIElement) && size(subject.info) == 0`, bare, yes},
		"absent entitlements are empty":           {`!("a" in subject.entitlements)`, bare, yes},
		"a missing key is an error":               {`subject.entitlements["a"] == true`, nil, unknown},
		"a missing key is an error under not too": {`subject.entitlements["a"] != true`, nil, unknown},
		"one team":                                      {`team("ABCDE12345")`, nil, yes},
		"one of several teams":                          {`team("ZZZZZ99999", "ABCDE12345") && !team("ZZZZZ99999")`, nil, yes},
		"a claim is no team":                            {`team("ABCDE12345")`, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) }, no},
		"one of several channels":                       {`channel("app-store", "developer-id") && !channel("testflight")`, nil, yes},
		"a profile that Apple signed":                   {`subject.profile.valid && subject.profile.current && subject.profile.cert_match && "ABCDE12345" in subject.profile.team_ids && subject.profile.entitlements["x"] == true`, embedded(true), yes},
		"a profile that nobody signed":                  {`subject.profile.embedded && !subject.profile.valid && !subject.profile.cert_match && subject.profile.team_ids == [] && subject.profile.name == null`, embedded(false), yes},
		"no profile":                                    {`!subject.profile.embedded && !subject.profile.valid && subject.profile.expires == null`, func(s *code.Subject) { s.Profile = code.Absent[code.Profile]() }, yes},
		"an unread profile":                             {`!subject.profile.valid`, func(s *code.Subject) { s.Profile = code.Unknown[code.Profile](errUnread) }, unknown},
		"a match that nobody looked for":                {`!subject.profile.app_id_match`, embedded(true), unknown},
		"entitled reads the boolean":                    {`entitled("com.acme.client")`, nil, yes},
		"entitled is false without the key":             {`entitled("a")`, nil, no},
		"entitled wants true, not a number":             {`entitled("com.acme.level")`, nil, no},
		"numbers of a property list are numbers":        {`subject.info.Port == 80 && subject.info["Port"] > 79`, nil, yes},
		"channel":                                       {`subject.channel == "developer-id" && subject.anchor == "apple"`, nil, yes},
		"2.10 is newer than 2.9":                        {`version("2.10") > version("2.9") && version(subject.version) > version("2.1.2")`, nil, yes},
		"2.1 is 2.1.0":                                  {`version("2.1") == version("2.1.0") && version("2.1") <= version("2.1.0") && version("2.1") != version("2.1.1")`, nil, yes},
		"pre-releases are older":                        {`version("2.1b3") < version("2.1")`, nil, yes},
		"a text that is no version is an error":         {`version(subject.identifier) >= version("1")`, nil, unknown},
		"Apple's order is another one":                  {`apple_version("2.1") < apple_version("2.1.3") && apple_version(subject.build) == apple_version("2103")`, nil, yes},
		"certificates":                                  {`subject.certificates[0].team == "ABCDE12345" && subject.certificates.exists(c, c.apple_root) && size(subject.certificates) == 3`, nil, yes},
		"extensions are dotted":                         {`"1.2.840.113635.100.6.1.13" in subject.certificates[0].extensions`, nil, yes},
		"a certificate without a date says null":        {`subject.certificates[0].not_after == null`, nil, yes},
		"a slice list of a thin file has one":           {`subject.slices.map(s, s.arch) == ["arm64"]`, nil, yes},
		"flags by name":                                 {`"runtime" in subject.flags && !("adhoc" in subject.flags)`, nil, yes},
		"cdhashes":                                      {`subject.cdhash in subject.cdhashes && subject.cdhash.startsWith("aa01")`, nil, yes},
		"strings of slices":                             {`subject.min_os == "13.0" && subject.sdk == "14.4" && subject.runtime_version == "14.4.0" && subject.arch == "arm64"`, nil, yes},
		"an empty min_os is null":                       {`subject.min_os == null`, bare, yes},
		"process words":                                 {`process.euid == 501 && process.egid == 20 && process.pid == 4711 && process.pid_version == 7 && process.asid == 100001 && process.auid == 501`, process, yes},
		"process flags":                                 {`"hard" in process.flags && process.token_strength == "message"`, process, yes},
		"hosts are known for files":                     {`!process.interpreter && !process.plugin_host`, nil, yes},
		"times":                                         {`subject.signed_at > timestamp("2026-07-01T00:00:00Z") && now - subject.signed_at < duration("4000h")`, nil, yes},
		"no operation is null":                          {`operation == null`, nil, yes},
		"a presence test of what is no map is an error": {`has(subject.info.Port.x)`, nil, unknown},
		"an integer in CFBundleVersion counts":          {`version(subject.build) == version("7")`, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleVersion", 7)) }, yes},
		"a boolean in CFBundleVersion is unknown":       {`subject.build == null`, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleVersion", true)) }, unknown},
		"under negation too":                            {`!(subject.build == "1")`, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleVersion", true)) }, unknown},
		"an empty version is unknown":                   {`version(subject.version) < version("1")`, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleShortVersionString", "")) }, unknown},
		"the requirement of the document":               {`satisfies(requirements.acme)`, nil, yes},
		"a requirement by index":                        {`satisfies(requirements["acme"])`, nil, yes},
		"a requirement in quotes":                       {`satisfies("anchor apple generic") && !satisfies("anchor apple")`, nil, yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*code.Subject) {}
			}
			d := decide(allowing(t, tt.condition), edit(t, tt.change))
			want := map[answer]Outcome{yes: OutcomeAllow, no: OutcomeDeny, unknown: OutcomeUnknown}[tt.want]
			assert.Equal(t, want, d.Outcome(), d.Message())
			assert.Equal(t, verdictOf(tt.want), ruleVerdict(t, d), "the explanation must agree")
		})
	}
}

// ruleVerdict is the answer of the one rule's condition in the explanation.
func ruleVerdict(t testing.TB, d Decision) diag.Verdict {
	t.Helper()
	for _, n := range d.Explain().Children {
		if strings.HasPrefix(n.Label, "rule ") {
			require.NotEmpty(t, n.Children)
			assert.Equal(t, n.Verdict, n.Children[0].Verdict, "the condition explains the rule")
			return n.Children[0].Verdict
		}
	}
	t.Fatal("no rule in the explanation")
	return ""
}

func TestPeers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		peer   string
		change func(*code.Subject)
		want   Outcome
	}{
		"all tests hold":                       {`{team: ABCDE12345, identifiers: [com.acme.x, com.acme.client], channel: developer-id, min_version: "2.1.3", min_build: "2000", require: {entitlements: com.acme.client, flags: runtime}, forbid: {entitlements: other, flags: [adhoc, linker-signed]}, requirement: requirements.acme}`, nil, OutcomeAllow},
		"another team":                         {`{team: ZZZZZ99999}`, nil, OutcomeDeny},
		"another identifier":                   {`{team: ABCDE12345, identifiers: x}`, nil, OutcomeDeny},
		"another channel":                      {`{team: ABCDE12345, channel: [app-store, testflight]}`, nil, OutcomeDeny},
		"too old":                              {`{team: ABCDE12345, min_version: "2.2"}`, nil, OutcomeDeny},
		"2.1.3 is enough for 2.1":              {`{team: ABCDE12345, min_version: "2.1"}`, nil, OutcomeAllow},
		"too old a build":                      {`{team: ABCDE12345, min_build: "2104"}`, nil, OutcomeDeny},
		"no version at all":                    {`{team: ABCDE12345, min_version: "0"}`, func(s *code.Subject) { s.Info = code.Absent[code.Value]() }, OutcomeDeny},
		"a version that is none":               {`{team: ABCDE12345, min_version: "0"}`, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleShortVersionString", "banana")) }, OutcomeUnknown},
		"an unread version":                    {`{team: ABCDE12345, min_version: "0"}`, func(s *code.Subject) { s.Info = code.Unknown[code.Value](errUnread) }, OutcomeUnknown},
		"one no counts more than unknown":      {`{team: ZZZZZ99999, min_version: "0"}`, func(s *code.Subject) { s.Info = code.Unknown[code.Value](errUnread) }, OutcomeDeny},
		"a missing required entitlement":       {`{team: ABCDE12345, require: {entitlements: x}}`, nil, OutcomeDeny},
		"a required entitlement that is 1":     {`{team: ABCDE12345, require: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", 1)) }, OutcomeDeny},
		"a required one that is a text":        {`{team: ABCDE12345, require: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", "true")) }, OutcomeDeny},
		"a required one that is true":          {`{team: ABCDE12345, require: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", true)) }, OutcomeAllow},
		"a forbidden one that is 0":            {`{team: ABCDE12345, forbid: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", 0)) }, OutcomeDeny},
		"a required entitlement that is false": {`{team: ABCDE12345, require: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", false)) }, OutcomeDeny},
		"a forbidden entitlement":              {`{team: ABCDE12345, forbid: {entitlements: com.acme.client}}`, nil, OutcomeDeny},
		"a forbidden one that is false":        {`{team: ABCDE12345, forbid: {entitlements: x}}`, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "x", false)) }, OutcomeAllow},
		"a missing required flag":              {`{team: ABCDE12345, require: {flags: library-validation}}`, nil, OutcomeDeny},
		"a forbidden flag":                     {`{team: ABCDE12345, forbid: {flags: runtime}}`, nil, OutcomeDeny},
		"an unsatisfied requirement":           {`{requirement: anchor apple and identifier com.acme.client}`, nil, OutcomeDeny},
		"a claimed team is not enough":         {`{team: ABCDE12345}`, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) }, OutcomeDeny},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*code.Subject) {}
			}
			p := load(t, header+"requirements: {acme: anchor apple generic}\npeers: {app: "+tt.peer+"}\nrules: [{name: r, allow: 'matches(\"app\")'}]")
			d := decide(p, edit(t, tt.change))
			assert.Equal(t, tt.want, d.Outcome(), d.Message())
			assert.Equal(t, verdictOfOutcome(tt.want), ruleVerdict(t, d))
		})
	}
}

func TestAVersionThatIsNoneDoesNotSkipADeny(t *testing.T) {
	t.Parallel()
	p := load(t, header+"peers: {app: {team: ABCDE12345, min_version: '9'}}\nrules: [{name: r, deny: 'matches(\"app\")'}, {name: rest, allow: 'true'}]")
	for _, v := range []any{"banana", true} {
		d := decide(p, edit(t, func(s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleShortVersionString", v)) }))
		assert.Equal(t, OutcomeDeny, d.Outcome())
		assert.Equal(t, ReasonUnknownFact, d.Reason())
		assert.Equal(t, []string{`matches("app")`}, d.Facts())
	}
}
