package code

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func TestDangerousEntitlements(t *testing.T) {
	t.Parallel()
	entry := func(key string, v Value) Entry { return Entry{Key: key, Value: v} }
	for name, tt := range map[string]struct {
		entries []Entry
		want    []string
	}{
		"none":                          {nil, nil},
		"false grants nothing":          {[]Entry{entry("com.apple.security.get-task-allow", plist.Bool(false))}, nil},
		"any other value grants":        {[]Entry{entry("com.apple.security.get-task-allow", plist.Int(0))}, []string{"com.apple.security.get-task-allow"}},
		"harmless ones are not listed":  {[]Entry{entry("com.apple.security.app-sandbox", plist.Bool(true))}, nil},
		"the order is that of the list": {[]Entry{entry("com.apple.security.cs.debugger", plist.Bool(true)), entry("com.apple.security.get-task-allow", plist.Bool(true))}, []string{"com.apple.security.get-task-allow", "com.apple.security.cs.debugger"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := plist.Dict(tt.entries...)
			require.NoError(t, err)
			got := DangerousEntitlements(d)
			assert.Equal(t, tt.want, got)
			for _, key := range got {
				assert.NotEmpty(t, DangerousEntitlementMeaning(key))
			}
		})
	}
	assert.Empty(t, DangerousEntitlements(Value{}))
	assert.Empty(t, DangerousEntitlementMeaning("com.apple.security.app-sandbox"))
}
