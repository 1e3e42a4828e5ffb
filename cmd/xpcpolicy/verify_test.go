package main

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// samples writes programs of every verdict into a folder and returns their paths.
func samples(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(testDir, "../..")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples/helper"))))
	require.NoError(t, os.Remove(filepath.Join(dir, "root.der"))) // the next folder has it too
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(root, "fixtures/data"))))
	for name, build := range programs {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), build(), 0o755))
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	paths := []string{filepath.Join(dir, "absent"), ""}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

func TestVerifyAnswersFitTheirSchema(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "verify-1.schema.json")
	targets := samples(t)
	seen := map[string]bool{}
	for _, flags := range [][]string{nil, {"--apple"}, {"--shallow"}, {"--no-resources"}, {"--arch", "arm64"}} {
		var out, errs bytes.Buffer
		Main(append(append([]string{"verify", "--format", "ndjson"}, flags...), targets...), nil, &out, &errs)
		assert.Empty(t, errs.String())
		lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
		require.Len(t, lines, len(targets), "%v", flags)
		for i, line := range lines {
			s.checkJSON(t, []byte(line), fmt.Sprint(flags, targets[i]))
			var v struct{ Target, Verdict string }
			require.NoError(t, json.Unmarshal([]byte(line), &v))
			assert.Equal(t, targets[i], v.Target, "the answers stand in the order of the arguments")
			seen[v.Verdict] = true
		}
	}
	for _, verdict := range []string{"valid", "invalid", "unsigned", "unknown"} {
		assert.True(t, seen[verdict], "no target is %s", verdict)
	}
}

// TestVerifyOfManyTargetsIsThatOfEach compares what is printed for many targets at
// once with what is printed for each alone.
func TestVerifyOfManyTargetsIsThatOfEach(t *testing.T) {
	t.Parallel()
	targets := samples(t)
	var together, apart, errs bytes.Buffer
	Main(append([]string{"verify", "--verbose"}, targets...), nil, &together, &errs)
	for _, target := range targets {
		Main([]string{"verify", "--verbose", target}, nil, &apart, &errs)
	}
	assert.Equal(t, apart.String(), together.String())
}

// TestLimitsTakeOnlyTheirChecksOut feeds verdicts as verification of a bundle
// would give them.
func TestLimitsTakeOnlyTheirChecksOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, fixtures.F1(), 0o755))
	for name, tt := range map[string]struct {
		v       verifier
		check   code.Check
		verdict string
		exit    exit
	}{
		"nested code left out":               {verifier{shallow: true}, code.Check{ID: "R9"}, "valid-within-limits", exitYes},
		"files left out":                     {verifier{noResources: true}, code.Check{ID: "R2"}, "valid-within-limits", exitYes},
		"a failure is never left out":        {verifier{noResources: true}, code.Check{ID: "R2", Outcome: code.Failed, Status: code.StatusBadResource}, "invalid", exitNo},
		"shallow leaves no other check out":  {verifier{shallow: true}, code.Check{ID: "C20"}, "unknown", exitUnknown},
		"no-resources leaves no core out":    {verifier{noResources: true}, code.Check{ID: "C18"}, "unknown", exitUnknown},
		"a check that passed limits nothing": {verifier{shallow: true, noResources: true}, code.Check{ID: "R9", Outcome: code.Passed}, "valid", exitYes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := (&app{}).subject(path, "", true)
			require.NoError(t, err)
			kept := s.Validity.Checks[:0:0]
			for _, c := range s.Validity.Checks {
				if c.ID != tt.check.ID {
					kept = append(kept, c)
				}
			}
			tt.check.Name = "made up"
			s.Validity.Checks = append(kept, tt.check)
			r := tt.v.judge(path, s, nil)
			assert.Equal(t, tt.verdict, r.word())
			assert.Equal(t, tt.exit, r.exit())
			assert.Equal(t, tt.verdict == "valid-within-limits", len(r.limits) > 0)
		})
	}
}

// TestRevocationListsMustAnswer asks lists of the issuers of a program, and lists
// that say nothing about it.
func TestRevocationListsMustAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := func(name string, issuer fixtures.Identity, next time.Time, serials ...int64) string {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
		for _, n := range serials {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now().Add(-time.Hour)})
		}
		der, err := x509.CreateRevocationList(rand.Reader, l, issuer.Parsed(), issuer.Key)
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, der, 0o644))
		return path
	}
	ca, root := fixtures.DeveloperIDCA(), fixtures.Identity{Cert: fixtures.Root(), Key: fixtures.Key("ca-root")}
	soon := time.Now().Add(time.Hour)
	good, above := list("good", ca, soon), list("above", root, soon)
	revoked := list("revoked", ca, soon, fixtures.DeveloperID().Parsed().SerialNumber.Int64())
	stale := list("stale", ca, time.Now().Add(-time.Minute))
	signed, adhoc := filepath.Join(dir, "signed"), filepath.Join(dir, "adhoc")
	require.NoError(t, os.WriteFile(signed, fixtures.F1(), 0o755))
	o := fixtures.Good()
	o.AdHoc = true
	require.NoError(t, os.WriteFile(adhoc, fixtures.Sign(o), 0o755))
	for name, tt := range map[string]struct {
		args []string
		exit exit
		text string
	}{
		"every issuer answers":            {[]string{"--crl", good, "--crl", above, signed}, exitYes, "valid on disk"},
		"revoked":                         {[]string{"--crl", revoked, "--crl", above, signed}, exitNo, "CSSMERR_TP_CERT_REVOKED"},
		"one issuer does not answer":      {[]string{"--crl", good, signed}, exitUnknown, "there is no list of its issuer"},
		"the list is old":                 {[]string{"--crl", stale, "--crl", above, signed}, exitUnknown, "stale"},
		"the list is none":                {[]string{"--crl", signed, signed}, exitUnknown, "unknown, errSecCSSignatureNotVerifiable"},
		"nobody revokes ad-hoc code":      {[]string{"--crl", good, adhoc}, exitYes, "valid on disk"},
		"Apple's validation asks no list": {[]string{"--apple", "--crl", revoked, "--crl", above, signed}, exitYes, "valid on disk, for Apple"},
		"no such list":                    {[]string{"--crl", filepath.Join(dir, "absent"), signed}, exitUsage, "the revocation list cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			assert.Equal(t, int(tt.exit), Main(append([]string{"verify"}, tt.args...), nil, &out, &out))
			assert.Contains(t, out.String(), tt.text)
		})
	}
}

func TestVerifyWithADetachedSignature(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := fixtures.SignDetached(fixtures.Good())
	program, signature, other := filepath.Join(dir, "program"), filepath.Join(dir, "signature"), filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(program, d.Program, 0o755))
	require.NoError(t, os.WriteFile(signature, d.Signature, 0o644))
	require.NoError(t, os.WriteFile(other, d.Program, 0o755))
	for name, tt := range map[string]struct {
		args []string
		exit exit
		text string
	}{
		"without it the program is unsigned": {[]string{program}, exitNo, "code object is not signed at all"},
		"with it the program is valid":       {[]string{"--detached", signature, program}, exitYes, "valid on disk"},
		"an empty file is no signature":      {[]string{"--detached", os.DevNull, program}, exitNo, "program: "},
		"one signature is of one program":    {[]string{"--detached", signature, program, other}, exitUsage, "of one program"},
		"no such signature":                  {[]string{"--detached", filepath.Join(dir, "absent"), program}, exitUsage, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			assert.Equal(t, int(tt.exit), Main(append([]string{"verify"}, tt.args...), nil, &out, &out), out.String())
			assert.Contains(t, out.String(), tt.text)
		})
	}
}

func TestProgressIsSilentForShortWork(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	p := &progress{w: &out, verb: "verified", now: func() time.Time { return clock }, begun: clock}
	p.add(1, 1000)
	p.clear()
	assert.Empty(t, out.String(), "nothing is drawn in the first half second")
	clock = clock.Add(time.Second)
	p.add(1, 1_500_000)
	assert.Equal(t, "\r\x1b[Kverified 2 files, 1.5 MB, 1.5 MB/s", out.String())
	p.add(1, 1)
	assert.Equal(t, 1, strings.Count(out.String(), "verified"), "and not more than ten times a second")
	p.clear()
	p.clear()
	assert.True(t, strings.HasSuffix(out.String(), "/s\r\x1b[K"))

	var none *progress
	none.add(1, 1)
	none.clear()
	none.end()
	assert.Nil(t, none.bundle())
	assert.Nil(t, (&app{stderr: &out}).newProgress("verified"), "a pipe is no terminal")
}
