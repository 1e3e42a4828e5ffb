package code

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStatusTable(t *testing.T) {
	t.Parallel()
	seen := map[Status]string{}
	names := map[string]bool{}
	for _, i := range Statuses() {
		assert.Empty(t, seen[i.Status], "%d stands there twice", i.Status)
		assert.False(t, names[i.Name], "%s stands there twice", i.Name)
		assert.NotEmpty(t, i.Meaning, i.Name)
		seen[i.Status], names[i.Name] = i.Name, true
		found, ok := FindStatus(i.Name)
		assert.True(t, ok, i.Name)
		assert.Equal(t, i.Status, found)
		found, ok = FindStatus(fmt.Sprint(int32(i.Status)))
		assert.True(t, ok)
		assert.Equal(t, i.Status, found)
	}
	for n := Status(-67072); n <= -66990; n++ { // the whole range of code signing
		assert.NotEmpty(t, seen[n], "%d is missing", n)
	}
}

func TestFindStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Status{
		"-67050": StatusReqFailed, "errsecCSreqfailed": StatusReqFailed, "ReqFailed": StatusReqFailed,
		"CSSMERR_TP_NOT_TRUSTED": StatusNotTrusted, "not_trusted": StatusNotTrusted, "100002": 100002, "ENOENT": 100002,
		"helper: a sealed resource is missing or invalid":                        StatusBadResource,
		"test-requirement: code failed to satisfy specified code requirement(s)": StatusReqFailed,
		" code object is not signed at all\n":                                    StatusUnsigned,
	} {
		got, ok := FindStatus(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-1", "errSecNothing", "signed", "99999999999"} {
		_, ok := FindStatus(text)
		assert.False(t, ok, text)
	}
}

func TestErrorSaysPartOffsetAndStatus(t *testing.T) {
	t.Parallel()
	e := &Error{Status: StatusSignatureFailed, Part: "CodeDirectory", Off: 0x4020, Arch: "arm64", Path: "Contents/MacOS/x", Err: errors.New("hashOffset is out of range")}
	assert.Equal(t, "Contents/MacOS/x: arm64: CodeDirectory at 0x4020: hashOffset is out of range (errSecCSSignatureFailed)", e.Error())
	wrapped := fmt.Errorf("reading: %w", e)
	assert.Equal(t, StatusSignatureFailed, StatusOf(wrapped))
	assert.Equal(t, StatusSuccess, StatusOf(nil))
	assert.Equal(t, StatusInternalError, StatusOf(errors.New("x")), "an error without a status is never success")
}

func TestFlagsNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0x10002(adhoc,runtime)", (FlagAdHoc | FlagRuntime).String())
	assert.Equal(t, "0x0(none)", CodeFlags(0).String())
	assert.Equal(t, []string{"host", "0x4"}, CodeFlags(5).Names())
	assert.Equal(t, []string{"valid"}, KernelFlags(1).Names(), "bit 0x1 means something else in a process")
}

func TestOID(t *testing.T) {
	t.Parallel()
	for _, dotted := range []string{"1.2.840.113635.100.6.1.13", "2.5.4.3", "2.999.1", "0.9.2342.19200300.100.1.1", "1.2", "2.16.840.1.101.3.4.2.1"} {
		o, err := ParseOID(dotted)
		assert.NoError(t, err)
		assert.Equal(t, dotted, o.String())
	}
	for _, bad := range []string{"", "1", "1.", "1.40", "3.1", "1.02", "1.-2", "a.b", "1..2", "1.2.18446744073709551616"} {
		_, err := ParseOID(bad)
		assert.Error(t, err, bad)
	}
	assert.Equal(t, "0x2a86", OID("\x2a\x86").String(), "an open arc is shown as it is")
	assert.Equal(t, "0x", OID("").String())
}
