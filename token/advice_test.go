package token

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// advising is a kernel that knows more than any decision may rest on.
type advising struct {
	Kernel
	advice Advice
}

func (a advising) Advise(AuditToken) Advice { return a.advice }

func TestAdviceIsRecordedAndReplayed(t *testing.T) {
	t.Parallel()
	r := run(t, hardened(), 0)
	rec := NewRecorder(advising{r.kernel, Advice{ParentPID: code.Known[uint32](77), Machine: code.Known("arm64"),
		ResponsiblePID: code.Unknown[uint32](errors.New("no"))}})
	s := Identify(context.Background(), rec, r.token, Options{Now: fixtures.Clock})
	require.NoError(t, s.Verified())
	assert.Equal(t, uint32(77), s.Process.ParentPID.Or(0))
	assert.False(t, s.Process.ResponsiblePID.IsKnown())
	assert.True(t, s.Process.Translated.Or(false), "F12: an x86_64 slice on an arm64 Mac")
	var file bytes.Buffer
	require.NoError(t, json.NewEncoder(&file).Encode(rec.Recording()))
	back, err := ReadRecording(&file)
	require.NoError(t, err)
	again := Identify(context.Background(), back.Kernel(), r.token, Options{Now: fixtures.Clock})
	assert.Equal(t, s.Process.ParentPID, again.Process.ParentPID)
	assert.Equal(t, s.Process.Translated, again.Process.Translated)

	s = Identify(context.Background(), r.kernel, r.token, Options{Now: fixtures.Clock})
	assert.False(t, s.Process.Translated.IsKnown(), "nobody said which Mac it is")
	assert.False(t, s.Process.ParentPID.IsKnown())
}

func TestBundleMainIsWhatTheSealedInfoSays(t *testing.T) {
	t.Parallel()
	info := func(executable, identifier string) code.Fact[code.Value] {
		v, err := plist.Dict(code.Entry{Key: "CFBundleExecutable", Value: plist.String(executable)}, code.Entry{Key: "CFBundleIdentifier", Value: plist.String(identifier)})
		require.NoError(t, err)
		return code.Known(v)
	}
	const path = "/Applications/Client.app/Contents/MacOS/client"
	s := &code.Subject{Slice: code.Slice{FileType: "execute", Identifier: code.Known("com.example.client"), Info: info("client", "com.example.client")}}
	assert.True(t, bundleMain(path, s).Or(false))
	for name, no := range map[string]code.Fact[bool]{
		"another place":  bundleMain("/Applications/Client.app/Contents/Helpers/client", s),
		"a bare program": bundleMain("/usr/local/bin/client", s),
		"another name":   bundleMain("/Applications/Client.app/Contents/MacOS/tool", s),
	} {
		v, ok, err := no.Get()
		assert.True(t, ok && err == nil && !v, name)
	}
	other := *s
	other.Info = info("client", "com.example.other")
	assert.False(t, bundleMain(path, &other).Or(true), "the bundle is another program's")
	other.Info = code.Absent[code.Value]()
	assert.False(t, bundleMain(path, &other).Or(true), "nothing is sealed")
	other.Info = code.Unknown[code.Value](errors.New("unread"))
	assert.False(t, bundleMain(path, &other).IsKnown())
	other = *s
	other.FileType = "dylib"
	assert.False(t, bundleMain(path, &other).Or(true))
}
