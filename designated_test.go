package xpcpolicy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// designating returns honest code with a designated requirement of its own.
func designating(t *testing.T, text string, change func(*fixtures.Options)) []byte {
	t.Helper()
	o := fixtures.Good()
	set := &requirement.Set{Entries: []requirement.Entry{{Type: requirement.TypeDesignated, Expr: parse(t, text)}}}
	o.Requirements = requirement.EncodeSet(set)
	if change != nil {
		change(&o)
	}
	return fixtures.Sign(o)
}

func TestDesignated(t *testing.T) {
	t.Parallel()
	const loose = "pins neither an anchor"
	broken := fixtures.F1()
	broken[0x900] ^= 1
	for name, tt := range map[string]struct {
		subject *code.Subject
		outcome policy.Outcome
		reason  string
		status  code.Status
		slice   string
		slices  int
		uniform bool
		implied bool
		warning string
	}{
		"honest code":                      {verified(fixtures.F1()), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 1, true, false, xpcpolicy.DesignatedWarning},
		"a universal file":                 {verified(fixtures.F2()), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 2, true, false, xpcpolicy.DesignatedWarning},
		"two identifiers":                  {verified(twoIdentifiers()), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 2, false, false, xpcpolicy.DesignatedWarning},
		"ad-hoc code":                      {verified(fixtures.AdHoc()), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 1, true, true, xpcpolicy.DesignatedWarning},
		"another identifier":               {verified(designating(t, "identifier other", nil)), policy.OutcomeDeny, xpcpolicy.ReasonRequirement, code.StatusReqFailed, "", 1, true, false, xpcpolicy.DesignatedWarning},
		"true of everything (D18)":         {verified(designating(t, `identifier "com.example.client" or anchor apple`, nil)), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 1, true, false, loose},
		"a fact that nobody knows":         {verified(designating(t, "notarized", nil)), policy.OutcomeUnknown, xpcpolicy.ReasonUnknownFact, code.StatusSignatureNotVerifiable, "", 1, true, false, xpcpolicy.DesignatedWarning},
		"broken code keeps what it claims": {verified(broken), policy.OutcomeDeny, xpcpolicy.ReasonVerification, code.StatusSignatureFailed, "", 1, true, false, xpcpolicy.DesignatedWarning},
		"unsigned code":                    {verified(fixtures.Unsigned()), policy.OutcomeDeny, xpcpolicy.ReasonVerification, code.StatusUnsigned, "", 1, true, false, ""},
		"ad-hoc slices list their hashes in another order": {verified(fixtures.Sign(fixtures.Options{AdHoc: true, Arches: []fixtures.Arch{fixtures.X8664, fixtures.ARM64}})),
			policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 2, true, true, xpcpolicy.DesignatedWarning},
		"a universal file with one of its own": {verified(designating(t, "info[x] absent or identifier x", func(o *fixtures.Options) {
			o.Arches = []fixtures.Arch{fixtures.X8664, fixtures.ARM64}
		})), policy.OutcomeAllow, xpcpolicy.ReasonRequirement, 0, "", 2, true, false, loose},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := xpcpolicy.Designated(tt.subject)
			assert.Equal(t, tt.outcome, d.Answer.Outcome(), d.Answer.Message())
			assert.Equal(t, tt.outcome == policy.OutcomeAllow, d.Answer.Allow())
			assert.Equal(t, tt.reason, d.Answer.Reason())
			assert.Equal(t, tt.status, d.Answer.Status())
			assert.Equal(t, tt.slice, d.Answer.Slice())
			assert.Equal(t, tt.uniform, d.Uniform())
			require.Len(t, d.Slices, tt.slices)
			assert.Equal(t, tt.implied, d.Slices[0].Implied)
			if tt.warning == "" {
				assert.Empty(t, d.Answer.Warnings())
			} else {
				assert.Contains(t, strings.Join(d.Answer.Warnings(), "\n"), tt.warning)
			}
			tree := d.Explain()
			assert.Equal(t, d.Answer.Allow(), tree.Verdict == diag.Yes)
		})
	}
}

func TestDesignatedNamesTheSliceThatFails(t *testing.T) {
	t.Parallel()
	slice := func(a fixtures.Arch, text string) fixtures.FatSlice {
		return a.Slice(designating(t, text, func(o *fixtures.Options) { o.Arches = []fixtures.Arch{a} }))
	}
	d := xpcpolicy.Designated(verified(fixtures.Fat(slice(fixtures.X8664, "always"), slice(fixtures.ARM64, "identifier other"))))
	assert.Equal(t, policy.OutcomeDeny, d.Answer.Outcome())
	assert.Equal(t, "arm64", d.Answer.Slice())
	assert.Equal(t, code.StatusReqFailed, d.Answer.Status())
	assert.False(t, d.Uniform())
	assert.Len(t, d.Explain().Children, 3)
}

func TestDesignatedOfUnknownFactsDoesNotAllow(t *testing.T) {
	t.Parallel()
	s := *verified(fixtures.F1())
	s.Requirements = code.Unknown[code.Hex](errors.New("nobody looked"))
	d := xpcpolicy.Designated(&s)
	assert.Equal(t, policy.OutcomeUnknown, d.Answer.Outcome())
	assert.Equal(t, code.StatusSignatureNotVerifiable, d.Answer.Status())
	assert.Contains(t, d.Answer.Message(), "nobody looked")

	s.Requirements = code.Known(code.Hex("no requirement set"))
	assert.Equal(t, policy.OutcomeUnknown, xpcpolicy.Designated(&s).Answer.Outcome())

	assert.Equal(t, policy.OutcomeDeny, xpcpolicy.Designated(nil).Answer.Outcome())
	assert.Equal(t, diag.No, xpcpolicy.Designated(nil).Explain().Verdict)
	assert.Equal(t, policy.OutcomeDeny, xpcpolicy.Designation{}.Answer.Outcome())
}
