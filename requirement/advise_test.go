package requirement

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// TestAdvice holds for the first diagnostic: what it marks, its rule, its fix.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ marks, rule, fix string }{
		`certificate leaf[subject.OU] = 9ABCDE1234`:   {`9ABCDE1234`, ruleDigit, `"9ABCDE1234"`},
		`certificate leaf[subject.OU] = 9ABC and "`:   {`9ABC`, ruleDigit, `"9ABC"`}, // beside the lexer's error
		`identifier com.example.my-app and always`:    {`com.example.my-app`, ruleHyphen, `"com.example.my-app"`},
		`identifier com.example.my_app`:               {`com.example.my_app`, ruleHyphen, `"com.example.my_app"`},
		`identifier com.1password`:                    {`com.1password`, ruleComponent, `"com.1password"`},
		`entitlement[com.apple.security.app-sandbox]`: {`com.apple.security.app-sandbox`, ruleHyphen, `"com.apple.security.app-sandbox"`},
		`info[CFBundleVersion] >= 10.15`:              {`10.15`, ruleComponent, `"10.15"`},
		`info[CFBundleVersion] >= 407`:                {`407`, ruleComponent, `"407"`},
		`identifier host`:                             {`host`, ruleReserved, `"host"`},
		`info[a] = true`:                              {`true`, ruleReserved, ``},
		`not anchor apple`:                            {`not`, ruleOperator, `!`},
		`anchor apple generic AND always`:             {`AND`, ruleOperator, `and`},
		`always && always`:                            {`&&`, ruleOperator, `and`},
		`always || always`:                            {`||`, ruleOperator, `or`},
		`info[a] != b`:                                {`!=`, ruleOperator, `! (… = …)`},
		`identifier "a", anchor apple`:                {`,`, ruleOperator, ``},
		"anchor apple\r\n":                            {"\r", ruleSpace, `LF line ends`},
		"anchor\u00a0apple":                           {"\u00a0", ruleSpace, `a plain space`},
		"anchor apple\u200b":                          {"\u200b", ruleInvisible, `delete it`},
		`identifier “com.example”`:                    {`“`, ruleQuotes, `"`},
		`identifier 'com.example'`:                    {`'`, ruleQuotes, `"`},
		`identifier &quot;a&quot;`:                    {`&quot;`, ruleEntity, ``},
		`identifier "a\\b"`:                           {`\\`, ruleBackslash, ``},
		`identifier "a`:                               {`"a`, ruleSyntax, `add "`},
		`(always`:                                     {``, ruleSyntax, `add )`},
		`always)`:                                     {`)`, ruleSyntax, `delete it`},
		`/** x **/ always`:                            {`/** x **/ always`, ruleComment, `/* … */ without further stars`},
		`certificate leaf[OU] = x`:                    {`OU`, ruleCertKey, `subject.OU`},
		`certificate leaf["1.2.840"] exists`:          {`"1.2.840"`, ruleCertKey, `field.1.2.840`},
		`certificate leaf[email] = x`:                 {`email`, ruleCertKey, ``},
		`cdhash H"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`: {`H"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`, ruleHash, `H"0123456789abcdef0123456789abcdef01234567"`},
		`designated => identifier a`:         {`designated`, ruleSet, `drop the label and its =>`},
		`anchor = /Library/ca`:               {`/Library/ca`, ruleFile, `H"…", the SHA-1 of the certificate`},
		`anchor Apple`:                       {`Apple`, ruleOperator, `apple`},
		`info[a] exist`:                      {`exist`, ruleSyntax, `exists`},
		`info[a] contains b`:                 {`contains`, ruleSyntax, `~`},
		`info[a] = Developer ID Application`: {`Developer ID Application`, ruleSyntax, `"Developer ID Application"`},
		`identifier = com.example.*`:         {`com.example.*`, ruleWildcard, ``},
		`identifier = *foo`:                  {`*`, ruleWildcard, ``},
		`ABCDE12345`:                         {`ABCDE12345`, ruleSyntax, `certificate leaf[subject.OU] = "ABCDE12345"`},
		`com.example.my-tool`:                {`com.example.my-tool`, ruleEntitlement, `identifier "com.example.my-tool" (or entitlement["com.example.my-tool"] exists)`},
		`leaf[subject.OU] = x`:               {`leaf`, ruleSyntax, `certificate leaf`},
		`subject.OU = x`:                     {`subject.OU`, ruleSyntax, `certificate leaf[subject.OU]`},
		`identifier "a" and $TEAM`:           {`$`, ruleTemplate, ``},
		`info[a] = 0xabc`:                    {`0xabc`, ruleSyntax, `0x0abc`},
		"\xfa\xde\x0c\x00":                   {"\xfa", ruleBinary, ``},
	} {
		_, err := Parse("advice", text)
		var list diag.List
		if !assert.ErrorAs(t, err, &list, text) {
			continue
		}
		d := list[0]
		rule := want.rule
		if d.Rule == "" {
			rule = ""
		}
		assert.Equal(t, want.marks, text[d.Span.Start:d.Span.End], text)
		assert.Equal(t, rule, d.Rule, text)
		assert.Equal(t, want.fix, d.Fix, text)
		assert.NotEmpty(t, d.Summary, text)
	}
}

func TestSeveralErrors(t *testing.T) {
	t.Parallel()
	_, err := Parse("many", "info[a] = 5\nand cdhash H\"00\"\nand foo")
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.Equal(t, "many:1:11: a number is not a value; quote it [RQ007 unquoted-component-digit]", syntax.Diagnostics[0].Error())
	assert.Equal(t, "many:1:11: a number is not a value; quote it [RQ007 unquoted-component-digit]", err.Error())

	_, err = Parse("many", `cdhash H"00" and foo and cert leaf[x] = y`)
	require.ErrorAs(t, err, &syntax)
	assert.Len(t, syntax.Diagnostics, 3)
	assert.Equal(t, "line 1:8: invalid hash length\nline 1:18: unexpected token: foo\nline 1:36: x: unrecognized certificate field\n", AppleError(err))
	assert.Equal(t, "", AppleError(nil))
	assert.Equal(t, "other", AppleError(errors.New("other")))
}

func TestParseOptions(t *testing.T) {
	t.Parallel()
	var comments []diag.Span
	o := ParseOptions{
		Comments: &comments,
		ReadFile: func(path string) ([]byte, error) {
			if path == "/my/ca" {
				return []byte("certificate"), nil
			}
			return nil, os.ErrNotExist
		},
	}
	const text = "# first\nanchor = /my/ca /* second */ // third"
	e, err := o.Parse("options", text)
	require.NoError(t, err)
	assert.Equal(t, `certificate root = H"735ad571c189d7ba84464bf4a9f1d2280175b128"`, Format(e))
	var found []string
	for _, c := range comments {
		found = append(found, text[c.Start:c.End])
	}
	assert.Equal(t, []string{"# first", "/* second */", "// third"}, found)

	_, err = o.Parse("options", `certificate leaf = "ca.cer"`)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "ca.cer")
}
