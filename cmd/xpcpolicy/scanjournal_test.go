package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// interrupted scans a folder of programs with a journal, and takes the end of the
// journal away, as an interruption does.
func interrupted(t *testing.T, cut int) (dir, file, want string) {
	t.Helper()
	dir, file = t.TempDir(), filepath.Join(t.TempDir(), "journal")
	for _, name := range []string{"a", "b", "c/d", "e\xff"} {
		write(t, filepath.Join(dir, name), fixtures.F1())
	}
	broken := fixtures.F1()
	broken[100] ^= 1
	write(t, filepath.Join(dir, "c/broken"), broken)
	var out, errs bytes.Buffer
	require.Equal(t, int(exitNo), Main([]string{"scan", "-q", "--resume", file, dir}, nil, &out, &errs), errs.String())
	require.Empty(t, errs.String())
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(b, []byte("{\"finished\":true}\n")))
	require.NoError(t, os.WriteFile(file, b[:len(b)-cut], 0o600))
	return dir, file, out.String()
}

func TestScanGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	for _, cut := range []int{0, 1, 5, 18, 19, 30, 200, 900, 2000} {
		dir, file, want := interrupted(t, cut)
		var out, errs bytes.Buffer
		assert.Equal(t, int(exitNo), Main([]string{"scan", "-q", "--resume", file, dir}, nil, &out, &errs), errs.String())
		assert.Equal(t, want, out.String(), "cut by %d", cut)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, 1+4+1, bytes.Count(b, []byte("\n")), "the journal is whole again, cut by %d", cut)
	}
}

// TestAResumedScanReadsOnlyWhatIsNotFinished changes verdicts in the journal: they
// must be repeated, unless the file changed or the scan was finished.
func TestAResumedScanReadsOnlyWhatIsNotFinished(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cut    int
		change bool
		want   int
	}{
		"finished pieces are not read again":  {18, false, 4}, // but the one whose path JSON cannot hold
		"a changed file is read again":        {18, true, 3},
		"a finished scan begins again":        {0, false, 0},
		"the last line is cut in the verdict": {18 + 60, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, file, _ := interrupted(t, tt.cut)
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(b, []byte(`"status_name":"`), []byte(`"status_name":"OLD`)), 0o600))
			if tt.change {
				write(t, filepath.Join(dir, "b"), append(fixtures.F1(), 0))
			}
			var out, errs bytes.Buffer
			Main([]string{"scan", "-q", "--resume", file, dir}, nil, &out, &errs)
			require.Empty(t, errs.String())
			assert.Equal(t, 5, strings.Count(out.String(), "\n"))
			assert.Equal(t, tt.want, strings.Count(out.String(), `"OLD`))
		})
	}
}

func TestScanRefusesAnotherJournal(t *testing.T) {
	t.Parallel()
	dir, file, _ := interrupted(t, 18)
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		content string
		args    []string
		message string
	}{
		"of another directory": {string(good), []string{t.TempDir()}, "is the journal of another scan: of"},
		"with other flags":     {string(good), []string{"--no-resources", dir}, "its flags --shallow or --no-resources were others"},
		"of another version":   {strings.Replace(string(good), `"version":"`, `"version":"9`, 1), []string{dir}, "xpcpolicy 9"},
		"of another format":    {strings.Replace(string(good), `"xpcpolicy_scan_journal":1`, `"xpcpolicy_scan_journal":2`, 1), []string{dir}, "its format is 2, want 1"},
		"broken in the middle": {strings.Replace(string(good), `{"stamp"`, `{"stomp`, 1), []string{dir}, ":2: this is no line of a journal"},
		"some other file":      {"root:x:0:0\n", []string{dir}, "is no journal of a scan"},
		"one line of another":  {"precious", []string{dir}, "is no journal of a scan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal")
			write(t, path, []byte(tt.content))
			var out, errs bytes.Buffer
			assert.Equal(t, int(exitUsage), Main(append([]string{"scan", "--resume", path}, tt.args...), nil, &out, &errs))
			assert.Contains(t, errs.String(), tt.message)
			assert.Empty(t, out.String())
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, tt.content, string(after), "a file that was refused stays as it is")
		})
	}
}
