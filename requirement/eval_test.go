package requirement

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func TestEvalFacts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		req  string
		want Outcome
	}{
		"identifier counts case":                        {`identifier "com.example.Helper"`, False},
		"absent info key is absent":                     {`info[LSUIElement] absent`, True},
		"extension of a missing certificate":            {`certificate 9[field.1.2.3] absent`, False},
		"extension that a certificate lacks":            {`certificate leaf[field.1.2.3] absent`, True},
		"policy of a missing certificate":               {`certificate 9[policy.1.2.3] absent`, False},
		"date of a missing certificate":                 {`certificate 9[timestamp.1.2.3] absent`, True},
		"subject attribute is never absent":             {`certificate leaf[subject.L] absent`, False},
		"unknown subject key is never absent":           {`certificate leaf[subject.TEAM] absent`, False},
		"negative slot beyond the leaf":                 {`certificate -9[subject.CN] exists`, False},
		"slot -3 is the leaf of three":                  {`certificate -3[subject.OU] = ABCDE12345`, True},
		"team compares bytes, not case":                 {`certificate leaf[subject.OU] = abcde12345`, False},
		"empty needle is part of nothing":               {`info[CFBundleVersion] = ""*`, False},
		"value of an extension never compares":          {`certificate leaf[field.1.2.840.113635.100.6.1.13] = x`, False},
		"boolean true exists":                           {`entitlement["com.apple.security.app-sandbox"]`, True},
		"boolean true equals no text":                   {`entitlement["com.apple.security.app-sandbox"] = "true"`, False},
		"named code that nobody registered":             {`(anything)`, False},
		"named anchor that nobody registered":           {`anchor apple anything`, False},
		"platform is a byte":                            {`platform = 256`, False},
		"root by its certificate":                       {`anchor apple generic`, True},
		"Apple's own software only":                     {`anchor apple`, False},
		"trust settings that were looked up":            {`anchor trusted`, False},
		"the chain's dates are no date of an extension": {`certificate leaf[timestamp.1.2.840.113635.100.6.1.33] absent`, True},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Eval(parsed(t, tt.req), benchSubject(t), Options{})
			require.NoError(t, r.Err)
			assert.Equal(t, tt.want, r.Outcome)
		})
	}
}

func TestEvalUnknown(t *testing.T) {
	t.Parallel()
	nothing := &code.Subject{}
	for req, missing := range map[string][]string{
		`identifier a`: {"identifier"},
		`cdhash H"0000000000000000000000000000000000000000"`: {"cdhashes"},
		`platform = 1`:         {"platform_byte"},
		`notarized`:            {"notarized"},
		`legacy`:               {"certificates"},
		`info[a] absent`:       {"info"},
		`entitlement[a]`:       {"entitlements"},
		`anchor apple`:         {"certificates", "in_trust_cache"},
		`anchor apple generic`: {"certificates"},
		`anchor trusted`:       {"certificates"},
		`certificate leaf[subject.OU] = x and ! notarized`:     {"certificates", "notarized"},
		`certificate leaf[timestamp.1.2] absent`:               {"certificates"},
		`always and (notarized or identifier a) and notarized`: {"notarized", "identifier"},
	} {
		e := parsed(t, req)
		for _, x := range []*Expr{e, {Op: OpNot, X: e}} {
			r := Eval(x, nothing, Options{})
			assert.Equal(t, Unknown, r.Outcome, req)
			assert.Equal(t, missing, r.Missing, req)
			assert.NotEqual(t, code.StatusSuccess, r.Status)
			assert.NoError(t, r.Err)
		}
	}
	for req, want := range map[string]Outcome{
		`notarized or always`:       True,
		`notarized and never`:       False,
		`never and notarized`:       False,
		`! (notarized and never)`:   True,
		`notarized and ! notarized`: Unknown, // facts are not tracked
		`always or identifier a`:    True,
	} {
		assert.Equal(t, want, Eval(parsed(t, req), nothing, Options{}).Outcome, req)
	}
	assert.Equal(t, Unknown, Result{}.Outcome, "the zero Result decides nothing")
	assert.NotEqual(t, True, Outcome(0))
}

func TestEvalAborts(t *testing.T) {
	t.Parallel()
	s := benchSubject(t)
	for name, tt := range map[string]struct {
		program string
		want    code.Status
	}{
		"unknown opcode on the right of false": {"000000060000000000000063", code.StatusUnimplemented},
		"hash of 19 bytes":                     {"000000040000000000000013" + strings.Repeat("00", 20), code.StatusReqInvalid},
		"value that is not UTF-8":              {"0000000a00000001730000000000000100000001ff000000", code.StatusReqInvalid},
		"key that is not UTF-8":                {"0000000a00000001ff00000000000000", code.StatusReqInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Decode(program(t, tt.program))
			require.NoError(t, err)
			for _, x := range []*Expr{e, {Op: OpNot, X: e}, {Op: OpOr, X: e, Y: &Expr{Op: OpTrue}}} {
				r := Eval(x, s, Options{})
				assert.Equal(t, tt.want, code.StatusOf(r.Err))
				assert.Equal(t, tt.want, r.Status)
				assert.Equal(t, Unknown, r.Outcome)
			}
		})
	}
	for _, e := range []*Expr{nil, {Op: OpNot}, {Op: OpAnd, X: &Expr{Op: OpTrue}}, {Op: Op(99)}} {
		assert.Error(t, Eval(e, s, Options{}).Err)
	}
	assert.Equal(t, code.StatusObjectRequired, Eval(parsed(t, "identifier a"), nil, Options{}).Status)
	assert.Equal(t, Unknown, Eval(parsed(t, "always"), nil, Options{}).Outcome)
}

func TestFragments(t *testing.T) {
	t.Parallel()
	s := benchSubject(t)
	loop := parsed(t, `(loop)`)
	o := Options{
		Anchors: map[string]*Expr{"ours": parsed(t, `certificate leaf[subject.OU] = ABCDE12345`)},
		Codes:   map[string]*Expr{"sub": parsed(t, `anchor apple ours`), "loop": loop, "unknown": parsed(t, `! (maybe)`), "maybe": parsed(t, `notarized`)},
	}
	assert.Equal(t, True, Eval(parsed(t, `(sub) and anchor apple ours`), s, o).Outcome)
	assert.Equal(t, False, Eval(parsed(t, `(sub)`), s, Options{}).Outcome)
	assert.Equal(t, code.StatusReqInvalid, Eval(parsed(t, `(loop)`), s, o).Status)
	s.Notarized = code.Unknown[bool](errors.New("no syspolicyd"))
	r := Eval(parsed(t, `(unknown)`), s, o)
	assert.Equal(t, Unknown, r.Outcome)
	assert.Equal(t, []string{"notarized"}, r.Missing)
}

func TestConstraint(t *testing.T) {
	t.Parallel()
	blob := []byte("\xfa\xde\x0c\x00\x00\x00\x00\x14\x00\x00\x00\x02\x00\x00\x00\x02\x30\x00\x00\x00")
	e, err := Decode(blob)
	require.NoError(t, err)
	assert.Equal(t, OpConstraint, e.Op)
	assert.Equal(t, blob, Encode(e))
	assert.Equal(t, "?constraint 0x0000000230000000", Format(e))
	r := Eval(e, &code.Subject{}, Options{})
	assert.Equal(t, Unknown, r.Outcome)
	assert.NotEmpty(t, r.Missing)
	r = Eval(e, &code.Subject{}, Options{Constraint: func(program []byte, _ *code.Subject) Outcome {
		assert.Len(t, program, 8)
		return True
	}})
	assert.Equal(t, True, r.Outcome)
}

func TestLegacy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(s *code.Subject, leaf *code.Certificate)
		want   Outcome
	}{
		"listed":                     {func(s *code.Subject, _ *code.Certificate) { s.LegacyListed = code.Known(true) }, True},
		"not listed":                 {func(*code.Subject, *code.Certificate) {}, False},
		"nobody knows the list":      {func(s *code.Subject, _ *code.Certificate) { s.LegacyListed = code.Fact[bool]{} }, Unknown},
		"old timestamp":              {func(s *code.Subject, _ *code.Certificate) { s.SignedAt = code.Known(legacySigned.Add(-time.Second)) }, True},
		"timestamp at the cut-off":   {func(s *code.Subject, _ *code.Certificate) { s.SignedAt = code.Known(legacySigned) }, False},
		"unknown timestamp":          {func(s *code.Subject, _ *code.Certificate) { s.SignedAt = code.Fact[time.Time]{} }, Unknown},
		"no certificates":            {func(s *code.Subject, _ *code.Certificate) { s.Certs = code.Absent[[]code.Certificate]() }, False},
		"account at the cut-off":     {func(s *code.Subject, c *code.Certificate) { date(s, c, legacyAccount) }, False},
		"account before the cut-off": {func(s *code.Subject, c *code.Certificate) { date(s, c, legacyAccount-1) }, True},
		"account date not readable": {func(s *code.Subject, c *code.Certificate) {
			date(s, c, 1)
			c.Dates = nil
		}, False},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := benchSubject(t)
			certs, _, _ := s.Certs.Get()
			tt.change(s, &certs[0])
			assert.Equal(t, tt.want, Eval(parsed(t, "legacy"), s, Options{}).Outcome)
		})
	}
}

// date gives the leaf a Developer ID account date, and puts the code on the list.
func date(s *code.Subject, c *code.Certificate, seconds float64) {
	s.LegacyListed = code.Known(true)
	c.Extensions = append(c.Extensions, code.OIDDeveloperIDDate)
	c.Dates = []code.DateExtension{{OID: code.OIDDeveloperIDDate, Seconds: seconds}}
}

func TestMatchArrays(t *testing.T) {
	t.Parallel()
	s := &code.Subject{}
	dict, err := plist.Dict(
		code.Entry{Key: "a", Value: plist.Array(plist.Int(1), plist.String("x"), plist.Array(plist.String("deep")))},
		code.Entry{Key: "f", Value: plist.Array(plist.Bool(false))},
		code.Entry{Key: "d", Value: plist.DateAt(0.5)},
	)
	require.NoError(t, err)
	s.Info = code.Known(dict)
	for req, want := range map[string]Outcome{
		`info[a] = x`:                               True,
		`info[a] = deep`:                            True,
		`info[a] = "1"`:                             False,
		`info[f]`:                                   True, // the array itself exists
		`info[d] > timestamp "20010101000000Z"`:     True, // half a second later
		`info[d] <= timestamp "20010101000000Z"`:    False,
		`info[d] = timestamp "not a date, hence 0"`: False,
		`info[a] < timestamp "20010101000000Z"`:     False,
		`info[d] < "3"`:                             False,
	} {
		assert.Equal(t, want, Eval(parsed(t, req), s, Options{}).Outcome, req)
	}
}

func TestContextSubject(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		``, `[]`, `{"surprise":1}`, `{"certs":[{"trust":"maybe"}]}`, `{"certs":[{"der":"zz"}]}`, `{"directory":{"cdhash":"00"}}`,
		`{"directory":{"platform":256}}`, `{"info":[]}`, `{"info":{"a":null}}`, `{"info":{"a":{"$data":"0"}}}`, `{} {}`,
	} {
		_, err := ContextSubject([]byte(bad))
		assert.Error(t, err, bad)
	}
	s, err := ContextSubject([]byte(`{}`))
	require.NoError(t, err)
	for req, want := range map[string]Outcome{
		`identifier a`: False, `notarized`: False, `legacy`: False, `anchor apple`: False, `anchor trusted`: False,
		`info[a] absent`: True, `entitlement[a] absent`: True, `platform = 0`: False, `certificate leaf[field.1.2] absent`: False,
	} {
		r := Eval(parsed(t, req), s, Options{})
		assert.Equal(t, want, r.Outcome, "%s %v", req, r.Missing)
	}
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	var again code.Subject
	require.NoError(t, json.Unmarshal(raw, &again))
	assert.Equal(t, False, Eval(parsed(t, `notarized`), &again, Options{}).Outcome)
}

func TestTrustSettings(t *testing.T) {
	t.Parallel()
	const (
		none    = code.TrustUnspecified
		unknown = code.TrustUnknown
	)
	for name, tt := range map[string]struct {
		leaf, ca, root code.TrustSetting
		chain, one     Outcome // `anchor trusted` and `certificate 1 trusted`
	}{
		"nothing set":                  {none, none, none, False, False},
		"trusted root":                 {none, none, code.TrustRoot, True, False},
		"denied before trusted":        {none, code.TrustDeny, code.TrustRoot, False, False},
		"trusted before denied":        {none, code.TrustAsRoot, code.TrustDeny, True, True},
		"unknown before trusted":       {unknown, code.TrustAsRoot, none, Unknown, True},
		"trusted before unknown":       {code.TrustAsRoot, unknown, unknown, True, Unknown},
		"denied, whatever comes later": {code.TrustDeny, unknown, unknown, False, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := benchSubject(t)
			certs, _, _ := s.Certs.Get()
			certs[0].TrustSetting, certs[1].TrustSetting, certs[2].TrustSetting = tt.leaf, tt.ca, tt.root
			for req, want := range map[string]Outcome{`anchor trusted`: tt.chain, `certificate 1 trusted`: tt.one, `certificate 7 trusted`: False} {
				r, n := Explain(parsed(t, req), s, Options{})
				assert.Equal(t, want, r.Outcome, req)
				assert.Equal(t, outcomeVerdict[want], n.Verdict, req)
				assert.NotEmpty(t, n.Found+n.Note)
			}
		})
	}
}

func TestUnknownCertificateFacts(t *testing.T) {
	t.Parallel()
	s := benchSubject(t)
	certs, _, _ := s.Certs.Get()
	certs[2].SHA1 = [20]byte{}
	r := Eval(parsed(t, `! anchor = H"0000000000000000000000000000000000000000"`), s, Options{})
	assert.Equal(t, Unknown, r.Outcome, "a hash that nobody computed equals nothing, not even zeros")
	assert.Equal(t, []string{"certificates[2].sha1"}, r.Missing)

	email := &Expr{Op: OpCertField, Key: "email", Match: MatchEqual, Value: "a@b.c"}
	r = Eval(email, s, Options{})
	assert.Equal(t, Unknown, r.Outcome)
	assert.Equal(t, []string{"certificates[0].email names"}, r.Missing)
	certs[0].Subject = append(certs[0].Subject, code.Attribute{Type: oidEmail, Value: "a@b.c"})
	assert.Equal(t, True, Eval(email, s, Options{}).Outcome)
}

func TestAppleAnchor(t *testing.T) {
	t.Parallel()
	apple := func() *code.Subject {
		s, err := ContextSubject([]byte(`{"certs":[
		 {"subject":{"CN":"Software Signing","O":"Apple Inc."},"extensions":["1.2.840.113635.100.6.22"]},
		 {"subject":{"CN":"Apple Code Signing Certification Authority","O":"Apple Inc."}},
		 {"subject":{"CN":"Apple Root CA"},"appleCA":true}],"directory":{"identifier":"com.apple.ls"}}`))
		require.NoError(t, err)
		return s
	}
	for name, tt := range map[string]struct {
		change func(s *code.Subject, certs []code.Certificate)
		want   Outcome
	}{
		"Apple's own software": {func(*code.Subject, []code.Certificate) {}, True},
		"private root":         {func(_ *code.Subject, c []code.Certificate) { c[2].AppleRoot = false }, False},
		"no marker":            {func(_ *code.Subject, c []code.Certificate) { c[0].Extensions = nil }, False},
		"other intermediate":   {func(_ *code.Subject, c []code.Certificate) { c[1].Subject[0].Value += " 2" }, False},
		"only the root":        {func(s *code.Subject, c []code.Certificate) { s.Certs = code.Known(c[2:]) }, False},
		"in the trust cache, ad hoc": {func(s *code.Subject, _ []code.Certificate) {
			s.Certs, s.InTrustCache = code.Absent[[]code.Certificate](), code.Known(true)
		}, True},
		"ad hoc, nobody knows": {func(s *code.Subject, _ []code.Certificate) {
			s.Certs, s.InTrustCache = code.Absent[[]code.Certificate](), code.Fact[bool]{}
		}, Unknown},
		"private root off a Mac": {func(s *code.Subject, c []code.Certificate) {
			s.InTrustCache, c[2].AppleRoot = code.Fact[bool]{}, false
		}, False},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apple()
			certs, _, _ := s.Certs.Get()
			tt.change(s, certs)
			r, n := Explain(parsed(t, `anchor apple`), s, Options{})
			assert.Equal(t, tt.want, r.Outcome)
			assert.NotEmpty(t, n.Found+n.Note)
		})
	}
}
