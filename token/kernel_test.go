package token

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func someToken(t testing.TB, pid, version uint32) AuditToken {
	t.Helper()
	tok, err := Parse(words(501, 501, 20, 501, 20, pid, 100, version))
	require.NoError(t, err)
	return tok
}

// raw is a header that says how long the answer is, with nothing behind it.
func rawLength(n uint32) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 4), n)
}

func TestAnswersOfUnknownLengthAreBounded(t *testing.T) { // F14, F15
	t.Parallel()
	tok := someToken(t, 7, 8)
	long := append(rawLength(5000), make([]byte, 4992)...)
	for name, c := range map[string]struct {
		raw  []byte
		errs map[string]Errno
		want []byte
		fail string
	}{
		"a buffer that stays as it was is no answer": {raw: []byte{}, want: nil},
		"a header of zeros with bytes behind it":     {raw: append(make([]byte, 8), 1), fail: "0 bytes long"},
		"length 0 and a magic":                       {raw: []byte{0xfa, 0xde, 0x71, 0x72, 0, 0, 0, 0}, fail: "0 bytes long"},
		"length 7":                                   {raw: rawLength(7), fail: "7 bytes long"},
		"length 2^31":                                {raw: rawLength(1 << 31), fail: "2147483648 bytes long"},
		"longer than the buffer without ERANGE":      {raw: long, fail: "in a buffer of 1024"},
		"exact":                                      {raw: header("com.example"), want: header("com.example")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &fakeKernel{processes: map[AuditToken]*fakeProcess{tok: {raw: map[Op][]byte{OpIdentity: c.raw}}}}
			b, err := blob(k, tok, OpIdentity)
			if c.fail != "" {
				assert.ErrorContains(t, err, c.fail)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, b)
		})
	}
}

// tooSmall says ERANGE to every buffer, and how much it would need.
type tooSmall struct {
	fakeKernel
	needs []uint32
	calls int
}

func (k *tooSmall) CSOps(_ AuditToken, _ Op, buf []byte) error {
	binary.BigEndian.PutUint32(buf[4:], k.needs[min(k.calls, len(k.needs)-1)])
	k.calls++
	return ERANGE
}

func TestLengthThatNeverFitsEnds(t *testing.T) {
	t.Parallel()
	tok := someToken(t, 7, 8)
	for _, needs := range [][]uint32{{0}, {7}, {1 << 31}, {2000}, {2000, 3000, 4000, 5000}, {2000, 100}} {
		k := &tooSmall{needs: needs}
		_, err := blob(k, tok, OpEntitlementsDER)
		assert.Error(t, err, "%v", needs)
		assert.LessOrEqual(t, k.calls, 3)
	}
}

func TestTextsOfTheKernel(t *testing.T) {
	t.Parallel()
	tok := someToken(t, 7, 8)
	for name, c := range map[string]struct {
		process fakeProcess
		want    string
		has     bool
		fail    bool
	}{
		"a text":      {process: fakeProcess{team: "ABCDE12345"}, want: "ABCDE12345", has: true},
		"none":        {process: fakeProcess{}},
		"long":        {process: fakeProcess{team: strings.Repeat("x", 3000)}, want: strings.Repeat("x", 3000), has: true},
		"no NUL":      {process: fakeProcess{raw: map[Op][]byte{OpTeamID: append(rawLength(9), 'x')}}, fail: true},
		"NUL inside":  {process: fakeProcess{team: "a\x00b"}, fail: true},
		"not allowed": {process: fakeProcess{errs: map[string]Errno{"team-id": EPERM}}, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &fakeKernel{processes: map[AuditToken]*fakeProcess{tok: &c.process}}
			s, has, err := text(k, tok, OpTeamID)
			assert.Equal(t, c.fail, err != nil)
			assert.Equal(t, c.want, s)
			assert.Equal(t, c.has, has)
		})
	}
}

func TestRecordingAnswersAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe := filepath.Join(dir, "A.app/Contents/MacOS/A")
	require.NoError(t, os.MkdirAll(filepath.Dir(exe), 0o755))
	require.NoError(t, os.WriteFile(exe, bytes.Repeat([]byte("0123456789"), 100), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "A.app/Contents/Info.plist"), []byte("info"), 0o644))
	tok, gone := someToken(t, 7, 8), someToken(t, 9, 9)
	k := &fakeKernel{open: OpenImage, processes: map[AuditToken]*fakeProcess{tok: {
		status: []code.KernelFlags{code.CSValid | code.CSSigned, code.CSSigned}, cdhash: bytes.Repeat([]byte{7}, 20), offset: 4096,
		identity: "com.example." + strings.Repeat("x", 2000), path: exe, errs: map[string]Errno{"validation-category": EINVAL},
	}}}
	ask := func(k Kernel) (answers []any) {
		add := func(v any, err error) { answers = append(answers, v, errText(err)) }
		add(k.Status(tok))
		h, err := cdHash(k, tok)
		add(h, err)
		add(sliceOffset(k, tok))
		id, _, err := text(k, tok, OpIdentity)
		add(id, err)
		team, has, err := text(k, tok, OpTeamID)
		answers = append(answers, team, has, errText(err))
		add(validationCategory(k, tok))
		path, err := k.Path(tok)
		add(path, err)
		m, err := k.Open(path)
		require.NoError(t, err)
		defer m.Close()
		b := make([]byte, 30)
		n, err := m.ReadAt(b, 5)
		answers = append(answers, n, string(b), errText(err))
		n, err = m.ReadAt(b, 20)
		answers = append(answers, n, string(b), errText(err))
		add(m.InfoPlist())
		id1, err := m.Stat()
		answers = append(answers, id1.Size, id1.Inode, id1.Modified.UnixNano(), errText(err))
		add(k.Status(tok))
		add(k.Status(tok))
		add(k.Status(gone))
		return answers
	}
	r := NewRecorder(k)
	want := ask(r)
	var file bytes.Buffer
	require.NoError(t, json.NewEncoder(&file).Encode(r.Recording()))
	rec, err := ReadRecording(&file)
	require.NoError(t, err)
	assert.Equal(t, want, ask(rec.Kernel()))
	assert.Equal(t, want, ask(rec.Kernel()), "another kernel begins at the beginning")
	require.Len(t, rec.Images, 1)
	require.Len(t, rec.Images[0].Ranges, 1, "ranges that overlap are one")
	assert.Len(t, rec.Images[0].Ranges[0].Data, 45)

	m, err := rec.Kernel().Open(exe)
	require.NoError(t, err)
	_, err = m.ReadAt(make([]byte, 10), 500)
	assert.ErrorContains(t, err, "does not hold")
	_, err = rec.Kernel().Open("/elsewhere")
	assert.Error(t, err)
	assert.Error(t, rec.Kernel().CSOps(tok, OpSuperBlob, make([]byte, 8)), "what was never asked has no answer")
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReadRecordingRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"nothing":         ``,
		"another version": `{"schema":2,"processes":[]}`,
		"unknown field":   `{"schema":1,"processes":[],"proof":true}`,
		"text behind":     `{"schema":1,"processes":[]} x`,
		"short token":     `{"schema":1,"processes":[{"token":"00"}]}`,
		"kernel's token":  `{"schema":1,"processes":[{"token":"` + strings.Repeat("00", 32) + `"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadRecording(strings.NewReader(s))
			assert.Error(t, err)
		})
	}
}

func TestOpenImageTakesRegularFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o644))
	require.NoError(t, os.Symlink(file, filepath.Join(dir, "link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for _, name := range []string{"link", "pipe", ".", "missing"} {
		_, err := OpenImage(filepath.Join(dir, name))
		assert.Error(t, err, name)
	}
	_, err := OpenImage("file")
	assert.Error(t, err, "a relative path")

	require.NoError(t, os.Symlink(file, filepath.Join(dir, "Info.plist")))
	m, err := OpenImage(file)
	require.NoError(t, err)
	defer m.Close()
	_, err = m.InfoPlist()
	assert.Error(t, err, "an Info.plist that is a link")
	before, err := m.Stat()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("changed"), 0o644))
	after, err := m.Stat()
	require.NoError(t, err)
	assert.False(t, before.same(after))
	assert.True(t, after.same(after))
}

func TestErrnoNamesAStatus(t *testing.T) {
	t.Parallel()
	for e, want := range map[Errno]code.Status{
		ESRCH: code.StatusNoSuchCode, EBADEXEC: code.StatusUnsigned, EPERM: code.StatusSignatureNotVerifiable,
		EINVAL: code.StatusGuestInvalid, Errno(99): code.StatusGuestInvalid,
	} {
		assert.Equal(t, want, e.status(), e.Error())
	}
	assert.True(t, errors.Is(error(ESRCH), ESRCH))
}

func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(`{"schema":1,"processes":[{"token":"f5010000f501000014000000f501000014000000070000006400000008000000","status":[{"flags":1}],"path":[{"text":"/x"}]}],"images":[{"path":"/x","ranges":[{"offset":0,"data":"AAAA"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := ReadRecording(bytes.NewReader(b))
		if err != nil {
			return
		}
		k := rec.Kernel()
		for _, p := range rec.Processes {
			tok, err := Parse(p.Token)
			if err != nil {
				t.Fatal("a recording was read with a token that nobody may use")
			}
			for op := range opNames {
				_, _ = blob(k, tok, op)
			}
			_, _ = k.Status(tok)
			path, _ := k.Path(tok)
			if m, err := k.Open(path); err == nil {
				_, _ = m.ReadAt(make([]byte, 16), 3)
				_, _ = m.InfoPlist()
				_, _ = m.Stat()
			}
		}
	})
}
