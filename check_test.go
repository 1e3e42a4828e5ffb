package xpcpolicy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func verified(b []byte) *code.Subject {
	return macho.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), macho.Options{Now: fixtures.Clock})
}

func parse(t *testing.T, text string) *requirement.Expr {
	t.Helper()
	e, err := requirement.Parse("test", text)
	require.NoError(t, err)
	return e
}

func twoIdentifiers() []byte {
	slice := func(a fixtures.Arch, id string) fixtures.FatSlice {
		o := fixtures.Good()
		o.Arches, o.Identifier = []fixtures.Arch{a}, id
		return a.Slice(fixtures.Sign(o))
	}
	return fixtures.Fat(slice(fixtures.X8664, "one"), slice(fixtures.ARM64, "two"))
}

func TestCheckRequirement(t *testing.T) {
	t.Parallel()
	good, fat, adhoc := verified(fixtures.F1()), verified(twoIdentifiers()), verified(fixtures.AdHoc())
	broken := fixtures.F1()
	broken[0x900] ^= 1
	replay := *good
	replay.Origin, replay.Recorded = code.OriginReplay, code.OriginDisk

	const leaf = `certificate leaf = H"4f778bd49240d1e860438afdbdcee8f70c085fcb"`
	for name, tt := range map[string]struct {
		subject *code.Subject
		text    string
		outcome policy.Outcome
		reason  string
		status  code.Status
		slice   string
		warning string // "" is none
	}{
		"a pinned certificate is allowed without a warning": {
			good, leaf, policy.OutcomeAllow, "requirement", 0, "", ""},
		"a requirement without a pin says what it is worth": {
			good, `identifier "com.example.client"`, policy.OutcomeAllow, "requirement", 0, "", "which is not one of Apple's roots"},
		"an or pins only when both sides do": {
			good, leaf + ` or identifier "com.example.client"`, policy.OutcomeAllow, "requirement", 0, "", "which is not one of Apple's roots"},
		"a denied pin pins nothing": {
			good, `! certificate leaf = H"0000000000000000000000000000000000000000"`, policy.OutcomeAllow, "requirement", 0, "", "which is not one of Apple's roots"},
		"ad-hoc code passes a requirement that names it": {
			adhoc, `identifier "com.example.client"`, policy.OutcomeAllow, "requirement", 0, "", "signed ad hoc"},
		"a false requirement denies": {
			good, `identifier other`, policy.OutcomeDeny, "requirement", code.StatusReqFailed, "", ""},
		"an unknown fact does not allow": {
			good, `notarized`, policy.OutcomeUnknown, "unknown-fact", code.StatusSignatureNotVerifiable, "", ""},
		"its negation does not allow either": {
			good, `! notarized`, policy.OutcomeUnknown, "unknown-fact", code.StatusSignatureNotVerifiable, "", ""},
		"the worst slice counts and is named": {
			fat, leaf + ` and identifier one`, policy.OutcomeDeny, "requirement", code.StatusReqFailed, "arm64", ""},
		"in whichever order the slices are": {
			fat, leaf + ` and identifier two`, policy.OutcomeDeny, "requirement", code.StatusReqFailed, "x86_64", ""},
		"false in one slice counts more than unknown in the other": {
			fat, `identifier one and notarized`, policy.OutcomeDeny, "requirement", code.StatusReqFailed, "arm64", ""},
		"all slices must satisfy it": {
			fat, leaf, policy.OutcomeAllow, "requirement", 0, "", ""},
		"broken code is denied before the requirement is asked": {
			verified(broken), `always`, policy.OutcomeDeny, "verification", code.StatusSignatureFailed, "", ""},
		"unsigned code does not satisfy a negation": {
			verified(fixtures.Unsigned()), `! identifier x`, policy.OutcomeDeny, "verification", code.StatusUnsigned, "", ""},
		"facts that say nothing are not verified": {
			&code.Subject{}, `always`, policy.OutcomeDeny, "verification", code.StatusInternalError, "", ""},
		"replayed facts say so": {
			&replay, leaf, policy.OutcomeAllow, "requirement", 0, "", xpcpolicy.ReplayWarning},
		"nobody is denied": {
			nil, `always`, policy.OutcomeDeny, "error", code.StatusObjectRequired, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := xpcpolicy.CheckRequirement(parse(t, tt.text), tt.subject)
			assert.Equal(t, tt.outcome, r.Outcome(), r.Message())
			assert.Equal(t, tt.outcome == policy.OutcomeAllow, r.Allow())
			assert.Equal(t, tt.reason, r.Reason())
			assert.Equal(t, tt.status, r.Status())
			assert.Equal(t, tt.slice, r.Slice())
			if tt.warning == "" {
				assert.Empty(t, r.Warnings())
			} else {
				require.Len(t, r.Warnings(), 1)
				assert.Contains(t, r.Warnings()[0], tt.warning)
			}
			tree := r.Explain()
			assert.Equal(t, tt.outcome == policy.OutcomeAllow, tree.Verdict == diag.Yes)
			assert.Equal(t, tt.outcome == policy.OutcomeDeny, tree.Verdict == diag.No)
		})
	}
}

func TestARequirementThatCannotBeEvaluatedDoesNotAllow(t *testing.T) {
	t.Parallel()
	e, err := requirement.Decode([]byte("\xfa\xde\x0c\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x01"))
	require.NoError(t, err)
	assert.True(t, xpcpolicy.CheckRequirement(e, verified(fixtures.F1())).Allow(), "always")

	deep := &requirement.Expr{Op: requirement.OpTrue}
	for range 2000 {
		deep = &requirement.Expr{Op: requirement.OpNot, X: deep}
	}
	r := xpcpolicy.CheckRequirement(deep, verified(fixtures.F1()))
	assert.Equal(t, policy.OutcomeUnknown, r.Outcome())
	assert.Equal(t, "error", r.Reason())
	assert.Equal(t, code.StatusReqInvalid, r.Status())
	assert.False(t, xpcpolicy.CheckRequirement(nil, verified(fixtures.F1())).Allow())
}

func TestZeroResultDenies(t *testing.T) {
	t.Parallel()
	var r xpcpolicy.Result
	assert.False(t, r.Allow())
	assert.Equal(t, policy.OutcomeDeny, r.Outcome())
	assert.Equal(t, code.StatusReqFailed, r.Status())
	assert.Equal(t, "error", r.Reason())
	assert.NotEmpty(t, r.Message())
	assert.Equal(t, diag.No, r.Explain().Verdict)
}

func TestNotJudgedIsNeverADenialOrAnAllow(t *testing.T) {
	t.Parallel()
	_, err := xpcpolicy.Verify(context.Background(), filepath.Join(t.TempDir(), "absent"), xpcpolicy.Options{})
	for _, err := range []error{err, errors.New("anything"), nil} {
		r := xpcpolicy.NotJudged(err)
		assert.False(t, r.Allow())
		assert.Equal(t, policy.OutcomeUnknown, r.Outcome())
	}
	assert.Equal(t, code.StatusStaticCodeNotFound, xpcpolicy.NotJudged(err).Status())
}

func TestInspectedCodeIsNeverAllowed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "client")
	require.NoError(t, os.WriteFile(path, fixtures.F1(), 0o644))
	s, err := xpcpolicy.Inspect(context.Background(), path, xpcpolicy.Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, "com.example.client", s.Identifier.Or(""))
	r := xpcpolicy.CheckRequirement(parse(t, "always"), s)
	assert.Equal(t, policy.OutcomeUnknown, r.Outcome(), "the pages were not read: the question is open")

	p, err := policy.Parse("p.yaml", []byte("apiVersion: xpcpolicy/v1\nname: all\nrules: [{name: all, allow: \"true\"}]\n"))
	require.NoError(t, err)
	assert.False(t, xpcpolicy.CheckPolicy(context.Background(), p, s, xpcpolicy.Request{}).Allow())
	assert.False(t, xpcpolicy.CheckPolicy(context.Background(), nil, s, xpcpolicy.Request{}).Allow())
	assert.False(t, xpcpolicy.CheckPolicy(context.Background(), p, nil, xpcpolicy.Request{}).Allow())
}

// TestResultAndDecisionHaveTheSameKeys keeps the two answers one schema.
func TestResultAndDecisionHaveTheSameKeys(t *testing.T) {
	t.Parallel()
	s := verified(fixtures.F1())
	p, err := policy.Parse("p.yaml", []byte("apiVersion: xpcpolicy/v1\nname: none\nrules: [{name: none, allow: \"false\"}]\n"))
	require.NoError(t, err)
	keys := func(v any) map[string]any {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		var m map[string]any
		require.NoError(t, json.Unmarshal(b, &m))
		return m
	}
	d := keys(xpcpolicy.CheckPolicy(context.Background(), p, s, xpcpolicy.Request{Now: fixtures.Clock}))
	r := keys(xpcpolicy.CheckRequirement(parse(t, "never"), s))
	for _, key := range []string{"outcome", "allow", "reason", "message", "status", "status_name", "subject"} {
		assert.Contains(t, d, key)
		assert.Contains(t, r, key)
		assert.IsType(t, d[key], r[key])
	}
	for key := range r {
		if key != "requirement" && key != "warnings" {
			assert.Contains(t, d, key)
		}
	}
}
