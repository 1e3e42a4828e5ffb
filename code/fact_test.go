package code

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func TestZeroFactIsUnknown(t *testing.T) {
	t.Parallel()
	var f Fact[bool]
	v, ok, err := f.Get()
	assert.False(t, v)
	assert.False(t, ok)
	require.ErrorIs(t, err, ErrNotLookedUp)
	assert.True(t, f.IsUnknown())
	assert.False(t, f.Or(false))
	assert.True(t, f.Or(true), "Or gives its default for what nobody knows")
}

func TestFactSurvivesJSON(t *testing.T) {
	t.Parallel()
	tricky, err := plist.Dict(plist.Entry{Key: "$unknown", Value: plist.String("no")})
	require.NoError(t, err)
	for name, f := range map[string]Fact[Value]{
		"known":                             Known(plist.String("x")),
		"absent":                            Absent[Value](),
		"unknown":                           Unknown[Value](errors.New("the file was unreadable")),
		"a dictionary that looks like one":  Known(tricky),
		"an unknown fact without a reason":  Unknown[Value](nil),
		"a known dictionary that is empty":  Known(mustDict(t)),
		"a known boolean false is no doubt": Known(plist.Bool(false)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := json.Marshal(f)
			require.NoError(t, err)
			var back Fact[Value]
			require.NoError(t, json.Unmarshal(b, &back))
			assert.Equal(t, f.IsKnown(), back.IsKnown(), "%s", b)
			assert.Equal(t, f.IsAbsent(), back.IsAbsent(), "%s", b)
			if v, ok, err := f.Get(); err != nil {
				_, _, again := back.Get()
				assert.EqualError(t, again, err.Error())
			} else if ok {
				w, _, _ := back.Get()
				assert.True(t, v.Equal(w), "%s", b)
			}
		})
	}
}

func mustDict(t *testing.T, entries ...Entry) Value {
	t.Helper()
	v, err := plist.Dict(entries...)
	require.NoError(t, err)
	return v
}
