package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCutRequest: what is cut from a line is what encoding/json reads in it.
func FuzzCutRequest(f *testing.F) {
	for _, line := range []string{
		`{"id":1,"text":"anchor apple","kind":"any"}`,
		` { "text" : "identifier \"a\\/b\"" , "id" : {"a":[1,"]}"]} } ` + "\r",
		`{"id":null,"hex":"fade0c00","ctx":{"certs":[]}}`,
		`{"text":"é\u00e9\n","ctx":null}`,
		`{"id":1,"id":2,"text":"x"}`, `{"ID":1,"text":"x"}`, `{"id":01,"text":"x"}`, `{"text":null}`,
		`{"text":"a` + "\t" + `b"}`, `{"text":"\xff"}`, `{"text":"a\"}`, `{"text":"a"`, `{"text":"a"}}`, `{"text":"a",}`,
		`{"text":"a","ctx":null"b"}`, `{"text":"a","ctx":{]}`, `{"text":"a","facts":[}`, `{}`, `{"id":}`, `{"id"}`, `[]`, ``,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var fast, slow evalRequest
		if fast.cut(line) && json.Valid(line) { // facts and ctx are checked by who reads them
			require.NoError(t, json.Unmarshal(line, &slow))
			require.Equal(t, slow, fast)
		}
		var got, want compileRequest
		err, wantErr := got.read(line), json.Unmarshal(line, &want)
		require.Equal(t, wantErr, err)
		require.Equal(t, want, got)
		// Whatever was cut, an answer without error needs a line that is JSON.
		if !json.Valid(line) {
			require.NotContains(t, string(evalLine(nil, line)), `"ok":true`)
		}
	})
}
