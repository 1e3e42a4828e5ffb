package policy

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

func seeds(f *testing.F) [][]byte {
	var docs [][]byte
	names, err := filepath.Glob("testdata/*/*.txtar")
	require.NoError(f, err)
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		require.NoError(f, err)
		docs = append(docs, a.Files[0].Data)
	}
	return docs
}

// FuzzParse: whatever the text, there is a policy or a list of errors with
// positions inside it, and a policy answers the same question in the same way,
// never allows what was not verified, and explains what it decided.
func FuzzParse(f *testing.F) {
	for _, doc := range seeds(f) {
		f.Add(doc)
	}
	good := client(f)
	bad := edit(f, func(s *code.Subject) { s.Validity = code.Validity{} })
	dim := hidden(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("fuzz.yaml", text)
		if err != nil {
			require.Nil(t, p)
			var list diag.List
			require.ErrorAs(t, err, &list)
			require.NotEmpty(t, list)
			for _, d := range list {
				require.LessOrEqual(t, 0, d.Span.Start)
				require.LessOrEqual(t, d.Span.Start, d.Span.End)
				require.LessOrEqual(t, d.Span.End, len(text))
			}
			diag.Text(list...)
			return
		}
		require.False(t, decide(p, bad).Allow())
		for _, s := range []*code.Subject{good, dim} {
			d := decide(p, s)
			first, err := json.Marshal(d)
			require.NoError(t, err)
			second, err := json.Marshal(decide(p, s))
			require.NoError(t, err)
			require.Equal(t, first, second)
			require.Equal(t, verdictOfOutcome(d.Outcome()), d.Explain().Verdict)
		}
	})
}

// FuzzDecide: whatever the facts say, nothing that was not verified is allowed,
// an allow has a status of success, and forgetting a fact never opens the door.
func FuzzDecide(f *testing.F) {
	p := load(f, header+`
trust: {roots: ['0300000000000000000000000000000000000000000000000000000000000000'], adhoc: [aa01000000000000000000000000000000000000]}
requirements: {acme: anchor apple generic and identifier "com.acme.client"}
peers: {app: {team: ABCDE12345, min_version: "2", forbid: {entitlements: x}}}
rules:
  - name: no-pid-one
    deny: process.pid == 1
    operation: kernel
  - name: apps
    allow: matches("app") && satisfies(requirements.acme)
  - name: builds
    allow: subject.cdhash == "aa01000000000000000000000000000000000000" || subject.certificates.exists(c, c.team == "ABCDE12345")
  - name: negative
    allow: '!has(subject.info.Bad) && !("bad" in subject.entitlements) && subject.team_id != "BADBADBAD0" && !subject.linker_signed'
`)
	for _, s := range []*code.Subject{client(f), hidden(f), edit(f, process), {}} {
		decide(p, s).Explain() // what is built once must not look like new coverage
		b, err := json.Marshal(s)
		require.NoError(f, err)
		f.Add(b, []byte{}, "kernel")
		f.Add(b, []byte{0, 1, 2, 3, 20, 21}, "")
	}
	f.Fuzz(func(t *testing.T, facts, choices []byte, operation string) {
		var s code.Subject
		if json.Unmarshal(facts, &s) != nil {
			s = *client(t)
		}
		all := append(changes(t), hostile...)
		for _, c := range choices[:min(len(choices), 16)] {
			all[int(c)%len(all)](&s)
		}
		for _, s := range []*code.Subject{&s, replay(&s)} {
			r := Request{Subject: s, Operation: operation, Now: clock}
			d := p.Decide(context.Background(), r)
			require.Equal(t, d.Allow(), d.Outcome() == OutcomeAllow)
			require.Equal(t, d.Allow(), d.Status() == code.StatusSuccess)
			if d.Allow() {
				require.NoError(t, s.Verified())
				continue
			}
			require.NotEqual(t, diag.Yes, d.Explain().Verdict)
			_, err := json.Marshal(d)
			require.NoError(t, err)
			for i, forgotten := range forget(s) {
				r.Subject = forgotten
				require.False(t, p.Decide(context.Background(), r).Allow(), "forgetting fact %d of a denied subject allowed it", i)
			}
		}
	})
}

// hostile are changes that leave a subject unverified or half known.
var hostile = []func(*code.Subject){
	func(s *code.Subject) { s.Validity = code.Validity{} },
	func(s *code.Subject) { s.Validity.Status = code.StatusSignatureFailed },
	func(s *code.Subject) {
		s.Validity.Checks = append([]code.Check(nil), s.Validity.Checks[:len(s.Validity.Checks)/2]...)
	},
	func(s *code.Subject) { s.Origin = "" },
	func(s *code.Subject) { s.Origin, s.Recorded = code.OriginReplay, code.OriginKernel },
	func(s *code.Subject) { s.Slices = append(s.Slices, s.Slice) },
	func(s *code.Subject) { s.Slices = append(s.Slices, code.Slice{Arch: "arm64"}) },
	func(s *code.Subject) { s.CDHashes = code.Known([]code.CDHash{}) },
	func(s *code.Subject) { s.Certs = code.Known([]code.Certificate{{}}) },
	func(s *code.Subject) { s.Entitlements, s.Info = code.Known(code.Value{}), code.Known(code.Value{}) },
	func(s *code.Subject) { s.Process = &code.Process{} },
	func(s *code.Subject) { s.Identifier = code.Known("") },
}

func replay(s *code.Subject) *code.Subject {
	r := *s
	r.Origin, r.Recorded = code.OriginReplay, s.Origin
	return &r
}

// forget returns copies of a thin subject in each of which one fact is unknown.
func forget(s *code.Subject) []*code.Subject {
	if len(s.Slices) > 0 {
		return nil
	}
	var all []*code.Subject
	for _, change := range []func(*code.Subject){
		func(s *code.Subject) { s.Identifier = code.Unknown[string](errUnread) },
		func(s *code.Subject) { s.ClaimedTeamID = code.Unknown[string](errUnread) },
		func(s *code.Subject) { s.CDHashes = code.Unknown[[]code.CDHash](errUnread) },
		func(s *code.Subject) { s.Flags = code.Unknown[code.CodeFlags](errUnread) },
		func(s *code.Subject) { s.Info = code.Unknown[code.Value](errUnread) },
		func(s *code.Subject) { s.Entitlements = code.Unknown[code.Value](errUnread) },
		func(s *code.Subject) { s.Certs = code.Unknown[[]code.Certificate](errUnread) },
		func(s *code.Subject) {
			if s.Process != nil {
				p := *s.Process
				p.Status = code.Unknown[code.KernelFlags](errUnread)
				s.Process = &p
			}
		},
	} {
		c := *s
		change(&c)
		all = append(all, &c)
	}
	return all
}
