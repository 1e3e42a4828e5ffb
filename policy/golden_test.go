package policy

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

var update = flag.Bool("update", false, "rewrite golden files and generated documentation")

// golden runs f over the archives of a folder; f returns the files that must
// stand in the archive beside policy.yaml.
func golden(t *testing.T, folder string, f func(t *testing.T, a *txtar.Archive) []txtar.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			require.NoError(t, err)
			got := f(t, a)
			if *update {
				a.Files = append(a.Files[:1], got...)
				require.NoError(t, os.WriteFile(name, txtar.Format(a), 0o644))
				return
			}
			require.Len(t, a.Files, 1+len(got))
			for i := range got {
				assert.Equal(t, got[i].Name, a.Files[1+i].Name)
				assert.Equal(t, string(got[i].Data), string(a.Files[1+i].Data), "run go test -update and read the difference")
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	golden(t, "load", func(t *testing.T, a *txtar.Archive) []txtar.File {
		_, err := Parse("policy.yaml", a.Files[0].Data)
		var list diag.List
		require.ErrorAs(t, err, &list)
		return []txtar.File{{Name: "errors", Data: []byte(diag.Text(list...))}}
	})
}

// subjects are the callers that the explanations are about, by the first line of
// the archive's comment.
var subjects = map[string]func(t testing.TB, s *code.Subject){
	"client": func(testing.TB, *code.Subject) {},
	"other-team": func(_ testing.TB, s *code.Subject) {
		s.ClaimedTeamID = code.Known("ZZZZZ99999")
		s.Certs = code.Known(developerID("ZZZZZ99999"))
	},
	"claims-team": func(_ testing.TB, s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) },
	"old":         func(t testing.TB, s *code.Subject) { s.Info = code.Known(dict(t, "CFBundleShortVersionString", "1.9")) },
	"unread":      func(_ testing.TB, s *code.Subject) { s.Info = code.Unknown[code.Value](errUnread) },
	"debuggable": func(t testing.TB, s *code.Subject) {
		s.Entitlements = code.Known(dict(t, "com.apple.security.get-task-allow", true))
	},
	"process": func(_ testing.TB, s *code.Subject) { process(s) },
	"hostile": func(_ testing.TB, s *code.Subject) {
		s.Identifier = code.Known("com.acme.\x1b[2Jclient\u202e\nallow: yes")
	},
	"universal": func(t testing.TB, s *code.Subject) {
		s.Slices = []code.Slice{slice(t, "x86_64", "com.acme.old"), slice(t, "arm64", "com.acme.client")}
		s.Validity = passed(code.OriginDisk, "x86_64", "arm64")
	},
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	golden(t, "explain", func(t *testing.T, a *txtar.Archive) []txtar.File {
		first, _, _ := strings.Cut(string(a.Comment), "\n")
		name, operation, _ := strings.Cut(first, " ")
		change := subjects[name]
		require.NotNil(t, change, "the comment names a subject and an operation")
		p, err := Parse("policy.yaml", a.Files[0].Data)
		require.NoError(t, err)
		d := p.Decide(context.Background(), Request{Subject: edit(t, func(s *code.Subject) { change(t, s) }), Operation: operation, Now: clock})
		b, err := json.MarshalIndent(d, "", "  ")
		require.NoError(t, err)
		text := strings.ReplaceAll(string(b), p.Revision(), "REVISION")
		return []txtar.File{
			{Name: "tree", Data: []byte(diag.Tree(d.Explain(), diag.TreeOptions{}))},
			{Name: "decision.json", Data: []byte(text + "\n")},
		}
	})
}
