package requirement

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sameAsJSON checks that the quick reader reads as encoding/json does, and reports
// whether it read at all.
func sameAsJSON(t *testing.T, raw []byte) bool {
	t.Helper()
	var quick, slow contextJSON
	if !readContext(raw, &quick) {
		return false
	}
	require.NoError(t, strictJSON(raw, &slow), "%s", raw)
	require.Equal(t, slow, quick, "%s", raw)
	return true
}

func TestReadContext(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "eval") {
		require.True(t, sameAsJSON(t, v.Ctx) || !isPlain(string(v.Ctx)), "%s", v.Ctx)
	}
	for text, quick := range map[string]bool{
		`{}`: true,
		" { \"certs\" : [ { } , {\"extensions\":[ ] , \"dates\" : {\"1.2\":-0.5e+3} } ] ,\n\"legacy\":true\t}\r": true,
		`{"info":{"a":[1,-0,1.50,{"b":false}],"a":"é"},"entitlements":{}}`:                                       true,
		`{"certs":[{"subject":{"CN":"a","CN":"b"},"appleCA":false,"trust":"root"}]}`:                             true,
		`{"directory":{"identifier":"a","cdhash":"","platform":255}}`:                                            true,
		`{"info":[]}`:                             true,
		``:                                        false,
		`{} {}`:                                   false,
		`{}]`:                                     false,
		`{"legacy":true,"legacy":false}`:          false,
		`{"Legacy":true}`:                         false,
		`{"legacy":null}`:                         false,
		`{"legacy":truer}`:                        false,
		`{"unknown":1}`:                           false,
		`{"info":{"a":"\u0041\\\"","\n":""}}`:     true,
		`{"info":{"a":"\ud83d\ude00\ud83d"}}`:     true,
		`{"info":{"a":"\x"}}`:                     false,
		`{"info":{"a":"\u00"}}`:                   false,
		`{"info":{"a":"\`:                         false,
		"{\"info\":{\"a\":\"\xff\"}}":             false,
		"{\"info\":{\"a\":\"\n\"}}":               false,
		`{"info":{"a":01}}`:                       false,
		`{"info":{"a":1.}}`:                       false,
		`{"info":{"a":.1}}`:                       false,
		`{"info":{"a":1e}}`:                       false,
		`{"info":{"a":-}}`:                        false,
		`{"info":{"a":nan}}`:                      false,
		`{"info":{"a":1,}}`:                       false,
		`{"info":[1,]}`:                           false,
		`{"directory":{"platform":256}}`:          false,
		`{"directory":{"platform":-1}}`:           false,
		`{"directory":{"platform":1.0}}`:          false,
		`{"directory":{"cdhash":"","cdhash":""}}`: false,
		`{"certs":[{"dates":{"1.2":1e999}}]}`:     false,
		`{"certs":[{"subject":{"CN":1}}]}`:        false,
		`{"certs":[{"der":"","der":""}]}`:         false,
		`{"certs":[{"policies":["1.2"],"policies":["1.3"]}]}`: false,
		`{"certs":[{"`: false,
	} {
		assert.Equal(t, quick, sameAsJSON(t, []byte(text)), text)
	}
}

func FuzzReadContext(f *testing.F) {
	for i, v := range vectors(f, "eval") {
		if i%20 == 0 {
			f.Add([]byte(v.Ctx))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) { sameAsJSON(t, raw) })
}
