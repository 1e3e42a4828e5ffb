package token

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

const healthy = code.CSValid | code.CSSigned | code.CSHard | code.CSKill | code.CSRuntime | code.CSEnforcement

// hardened is an honest program with entitlements.
func hardened() fixtures.Options {
	o := fixtures.Good()
	o.Entitlements = fixtures.HelperEntitlements()
	return o
}

// running is a file on disk and a process that runs one slice of it.
type running struct {
	kernel *fakeKernel
	token  AuditToken
	p      *fakeProcess
	path   string
}

// run writes the program made from o and pretends to run its i-th slice.
func run(t testing.TB, o fixtures.Options, i int) *running {
	t.Helper()
	if len(o.Arches) == 0 {
		o.Arches = []fixtures.Arch{fixtures.X8664}
	}
	path := filepath.Join(t.TempDir(), "client")
	file := fixtures.Sign(o)
	require.NoError(t, os.WriteFile(path, file, 0o755))
	s := fixtures.SignSlice(o, o.Arches[i])
	offset := bytes.Index(file, s.Bytes)
	require.GreaterOrEqual(t, offset, 0, "the slice is in the file")
	id, team := o.Identifier, fixtures.Team
	if id == "" {
		id = "com.example.client"
	}
	if o.AdHoc {
		team = ""
	}
	p := &fakeProcess{status: []code.KernelFlags{healthy}, cdhash: s.CDHash(), offset: int64(offset), identity: id, team: team, path: path}
	if o.Entitlements != nil {
		p.der = fixtures.EntitlementsDER(o.Entitlements)
	}
	tok := someToken(t, 700, 9)
	return &running{kernel: &fakeKernel{processes: map[AuditToken]*fakeProcess{tok: p}, open: OpenImage}, token: tok, p: p, path: path}
}

func (r *running) identify() *code.Subject {
	return Identify(context.Background(), r.kernel, r.token, Options{Strength: code.StrengthMessage, Now: fixtures.Clock})
}

func TestIdentifyTellsWhoRuns(t *testing.T) {
	t.Parallel()
	s := run(t, hardened(), 0).identify()
	require.NoError(t, s.Verified())
	assert.Equal(t, code.OriginKernel, s.Origin)
	assert.Equal(t, code.Known("com.example.client"), s.Identifier)
	assert.Equal(t, code.Known(fixtures.Team), s.Process.TeamID)
	assert.Equal(t, code.Known(healthy), s.Process.Status)
	assert.Equal(t, code.StrengthMessage, s.Process.Strength)
	version, ok := s.Info.Or(code.Value{}).Get("CFBundleShortVersionString")
	require.True(t, ok)
	assert.Equal(t, `"2.1.0"`, version.String())
	assert.Equal(t, code.NotApplicable, s.Validity.Find("C20").Outcome, "the kernel hashes pages")
	for _, st := range append(append([]step(nil), processSteps...), sameSteps...) {
		require.NotNil(t, s.Validity.Find(st.id), st.id)
		assert.Equal(t, code.Passed, s.Validity.Find(st.id).Outcome, st.id)
	}

	b, err := json.Marshal(s)
	require.NoError(t, err)
	again, err := code.ReadFacts(b)
	require.NoError(t, err)
	assert.NoError(t, again.Verified(), "recorded facts of a process hold as those of the process did")
}

func TestRunningSliceCounts(t *testing.T) { // F12
	t.Parallel()
	o := hardened()
	o.Arches = []fixtures.Arch{fixtures.X8664, fixtures.ARM64}
	for i, arch := range []string{"x86_64", "arm64"} {
		r := run(t, o, i)
		s := r.identify()
		require.NoError(t, s.Verified())
		assert.Equal(t, arch, s.Arch)
		assert.Empty(t, s.Slices, "other slices are not judged")
		other := run(t, o, 1-i)
		r.p.cdhash = other.p.cdhash
		assert.Equal(t, code.StatusStaticCodeChanged, r.identify().Validity.Status, "the hash of the slice that does not run")
	}
}

func TestProcessIsRefused(t *testing.T) {
	t.Parallel()
	swap := func(o fixtures.Options) func(*testing.T, *running) {
		return func(t *testing.T, r *running) {
			require.NoError(t, os.WriteFile(r.path+".new", fixtures.Sign(o), 0o755))
			require.NoError(t, os.Rename(r.path+".new", r.path))
		}
	}
	newer := hardened()
	newer.Version = "2.2.0"
	fatFile := hardened()
	fatFile.Arches = []fixtures.Arch{fixtures.X8664, fixtures.ARM64}
	broken := hardened()
	broken.Directory = func(_ int, d *fixtures.CodeDirectory) { d.Version = 0x2f001 }
	adhoc := hardened()
	adhoc.AdHoc, adhoc.Timestamp, adhoc.Identifier = true, false, "com.apple.Terminal"

	for name, c := range map[string]struct {
		options fixtures.Options
		change  func(*testing.T, *running)
		want    code.Status
		check   string
	}{
		"F01 another program has the identifier now": {want: code.StatusNoSuchCode, check: "P2",
			change: func(t *testing.T, r *running) { r.token = someToken(t, 700, 10) }},
		"F02 it runs another program now": {want: code.StatusNoSuchCode, check: "P2",
			change: func(t *testing.T, r *running) {
				delete(r.kernel.processes, r.token)
				r.kernel.processes[someToken(t, 700, 11)] = r.p
			}},
		"F04 the file was replaced by a signed one":   {change: swap(newer), want: code.StatusStaticCodeChanged, check: "P8"},
		"F04 the file was replaced by an ad-hoc one":  {change: swap(adhoc), want: code.StatusStaticCodeChanged, check: "P8"},
		"F04 the file was replaced by a broken one":   {change: swap(broken), want: code.StatusSignatureUnsupported, check: "C3"},
		"F04 the file is gone":                        {want: code.StatusSignatureNotVerifiable, check: "P6", change: func(t *testing.T, r *running) { os.Remove(r.path) }},
		"F04 a link stands in its place":              {want: code.StatusSignatureNotVerifiable, check: "P6", change: func(t *testing.T, r *running) { os.Rename(r.path, r.path+"x"); os.Symlink(r.path+"x", r.path) }},
		"F06 signed but not valid any more":           {want: code.StatusGuestInvalid, check: "P3", change: flags(code.CSSigned | code.CSRuntime)},
		"valid without signature":                     {want: code.StatusGuestInvalid, check: "P3", change: flags(code.CSValid)},
		"killed":                                      {want: code.StatusGuestInvalid, check: "P3", change: flags(healthy | code.CSKilled)},
		"F07 the kernel has no cdhash":                {want: code.StatusUnsigned, check: "P4", change: func(_ *testing.T, r *running) { r.p.cdhash = nil }},
		"the kernel's cdhash is zeros":                {want: code.StatusUnsigned, check: "P4", change: func(_ *testing.T, r *running) { r.p.cdhash = make([]byte, 20) }},
		"F13 the slice begins elsewhere":              {want: code.StatusStaticCodeChanged, check: "F1", change: func(_ *testing.T, r *running) { r.p.offset = 4096 }},
		"F13 the file is thin now":                    {options: fatFile, want: code.StatusStaticCodeChanged, check: "F1", change: swap(hardened())},
		"F13 the offset is negative":                  {want: code.StatusGuestInvalid, check: "P5", change: func(_ *testing.T, r *running) { r.p.offset = -1 }},
		"F14 the kernel grants no entitlements":       {want: code.StatusStaticCodeChanged, check: "P9", change: func(_ *testing.T, r *running) { r.p.der = nil }},
		"the kernel grants others":                    {want: code.StatusStaticCodeChanged, check: "P9", change: func(_ *testing.T, r *running) { r.p.der = fixtures.EntitlementsDER(map[string]any{"x": true}) }},
		"the kernel's entitlements are malformed":     {want: code.StatusInvalidEntitlements, check: "P9", change: func(_ *testing.T, r *running) { r.p.der = fixtures.Blob(0xfade7172, []byte{0x70, 0x80}) }},
		"the kernel's entitlements are XML":           {want: code.StatusInvalidEntitlements, check: "P9", change: func(_ *testing.T, r *running) { r.p.der = fixtures.Blob(0xfade7171, []byte("<plist/>")) }},
		"F15 entitlements of absurd length":           {want: code.StatusGuestInvalid, check: "P5", change: raw(OpEntitlementsDER, binary.BigEndian.AppendUint32(make([]byte, 4), 1<<31))},
		"the kernel has no identifier":                {want: code.StatusUnsigned, check: "P5", change: raw(OpIdentity, nil)},
		"the kernel's identifier differs":             {want: code.StatusStaticCodeChanged, check: "P8", change: func(_ *testing.T, r *running) { r.p.identity = "com.example.other" }},
		"the kernel's team differs":                   {want: code.StatusStaticCodeChanged, check: "P8", change: func(_ *testing.T, r *running) { r.p.team = "ZZZZZ99999" }},
		"the kernel has no team for third-party code": {want: code.StatusStaticCodeChanged, check: "P8", change: func(_ *testing.T, r *running) { r.p.team = "" }},
		"a sandbox forbids the question":              {want: code.StatusSignatureNotVerifiable, check: "P2", change: func(_ *testing.T, r *running) { r.p.errs = map[string]Errno{"status": EPERM} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := c.options
			if o.Arches == nil {
				o = hardened()
			}
			r := run(t, o, len(o.Arches)/2)
			require.NoError(t, r.identify().Verified(), "before the change it is good")
			c.change(t, r)
			s := r.identify()
			require.NotNil(t, s)
			assert.Equal(t, c.want, s.Validity.Status, "%s", s.Validity.Status)
			assert.Error(t, s.Verified())
			failedCheck := ""
			for _, k := range s.Validity.Checks {
				if k.Outcome == code.Failed {
					failedCheck = k.ID
					assert.NotEmpty(t, k.Reason)
					break
				}
			}
			assert.Equal(t, c.check, failedCheck)
		})
	}
}

func flags(f code.KernelFlags) func(*testing.T, *running) {
	return func(_ *testing.T, r *running) { r.p.status = []code.KernelFlags{f} }
}

func raw(op Op, b []byte) func(*testing.T, *running) {
	return func(_ *testing.T, r *running) { r.p.raw = map[Op][]byte{op: b} }
}

func TestPlatformCodeHasNoTeamInTheKernel(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	r.p.team, r.p.status = "", []code.KernelFlags{healthy | code.CSPlatformBinary}
	assert.NoError(t, r.identify().Verified())
}

func TestInfoPlistCountsWhenTheKernelsDirectorySealsIt(t *testing.T) {
	t.Parallel()
	plist := fixtures.Plist(map[string]any{"CFBundleShortVersionString": "3.0", "CFBundleExecutable": "App"})
	o := hardened()
	o.Version, o.Build, o.InfoFile = "", "", plist
	s := fixtures.SignSlice(o, fixtures.X8664)
	dir := filepath.Join(t.TempDir(), "App.app/Contents/MacOS")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	exe, info := filepath.Join(dir, "App"), filepath.Join(dir, "../Info.plist")
	require.NoError(t, os.WriteFile(exe, s.Bytes, 0o755))
	require.NoError(t, os.WriteFile(info, plist, 0o644))
	r := run(t, hardened(), 0)
	r.p.path, r.p.cdhash = exe, s.CDHash()
	got := r.identify()
	require.NoError(t, got.Verified())
	v, _ := got.Info.Or(code.Value{}).Get("CFBundleShortVersionString")
	assert.Equal(t, `"3.0"`, v.String())

	require.NoError(t, os.WriteFile(info, bytes.Replace(plist, []byte("3.0"), []byte("9.0"), 1), 0o644))
	got = r.identify()
	assert.Equal(t, code.StatusInfoPlistFailed, got.Validity.Status)
	assert.False(t, got.Info.IsKnown(), "nothing is taken from a list that nobody sealed")
	require.NoError(t, os.Remove(info))
	assert.Equal(t, code.StatusInfoPlistFailed, r.identify().Validity.Status)
}

func TestFileBesideABareProgramIsNoInfoPlist(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(r.path), "Info.plist"), []byte("<plist/>"), 0o644))
	s := r.identify()
	require.NoError(t, s.Verified(), "the sealed section counts")
	_, ok := s.Info.Or(code.Value{}).Get("CFBundleShortVersionString")
	assert.True(t, ok)
}

func TestIdentifyFromARecording(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	rec := NewRecorder(r.kernel)
	o := Options{Strength: code.StrengthMessage, Now: fixtures.Clock}
	live := Identify(context.Background(), rec, r.token, o)
	require.NoError(t, live.Verified())
	var file bytes.Buffer
	require.NoError(t, json.NewEncoder(&file).Encode(rec.Recording()))
	require.NoError(t, os.Remove(r.path))
	back, err := ReadRecording(&file)
	require.NoError(t, err)
	replayed := Identify(context.Background(), back.Kernel(), r.token, o)
	require.NoError(t, replayed.Verified())
	require.Len(t, replayed.Validity.Warnings, 1)
	assert.Equal(t, "recordedKernel", replayed.Validity.Warnings[0].ID, "nobody takes it for a living process")
	replayed.Validity.Warnings = live.Validity.Warnings
	want, err := json.Marshal(live)
	require.NoError(t, err)
	got, err := json.Marshal(replayed)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
}

func TestRememberedFileIsStillCompared(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	kept, verified := map[StaticKey]*code.Subject{}, 0
	o := Options{Now: fixtures.Clock, Remember: func(k StaticKey, verify func() *code.Subject) *code.Subject {
		if kept[k] == nil {
			verified++
			kept[k] = verify()
		}
		return kept[k]
	}}
	for range 3 {
		require.NoError(t, Identify(context.Background(), r.kernel, r.token, o).Verified())
	}
	assert.Equal(t, 1, verified)
	r.p.identity = "com.example.other"
	assert.Error(t, Identify(context.Background(), r.kernel, r.token, o).Verified())
	for k, s := range kept {
		assert.Nil(t, s.Process, "what is kept is not changed")
		assert.Nil(t, s.Validity.Find("P8"), "%v", k)
	}
}

func TestEndedContextIdentifiesNobody(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.Error(t, Identify(ctx, r.kernel, r.token, Options{}).Verified())
	assert.Zero(t, r.kernel.asked)
}
