package requirement

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// subjectFields are the attributes that requirements know. (certfields in
// csutilities.cpp)
var subjectFields = [...]struct {
	name string
	oid  code.OID
}{
	{"CN", code.OIDCommonName},
	{"OU", code.OIDOrganizationalUnit},
	{"O", code.OIDOrganization},
	{"C", code.MustOID("2.5.4.6")},
	{"D", code.MustOID("2.5.4.13")},
	{"L", code.MustOID("2.5.4.7")},
	{"C-O", code.MustOID("2.5.4.10.1")},
	{"C-OU", code.MustOID("2.5.4.11.1")},
	{"ST", code.MustOID("2.5.4.8")},
	{"C-ST", code.MustOID("2.5.4.8.1")},
	{"STREET", code.MustOID("2.5.4.9")},
	{"C-STREET", code.MustOID("2.5.4.9.1")},
	{"UID", code.MustOID("0.9.2342.19200300.100.1.1")},
}

// SubjectField returns the attribute that a key of a certificate field means, as
// in "subject.OU"; false for keys that Apple's interpreter does not know, which
// make a term false.
func SubjectField(key string) (code.OID, bool) {
	const prefix = "subject."
	if !strings.HasPrefix(key, prefix) {
		return "", false
	}
	return subjectOID(key[len(prefix):])
}

func subjectOID(name string) (code.OID, bool) {
	if name == "OU" { // nearly all: it holds the team
		return code.OIDOrganizationalUnit, true
	}
	for i := range subjectFields {
		if subjectFields[i].name == name {
			return subjectFields[i].oid, true
		}
	}
	return "", false
}

var oidEmail = code.MustOID("1.2.840.113549.1.9.1")

// certField evaluates an attribute of a certificate's subject. It is never true
// when the certificate or the attribute is missing, not even for `absent`.
func certField(e *Expr, c *code.Certificate, want string) Outcome {
	if c == nil {
		return False
	}
	if e.Key == "email" { // no text compiles to this
		for i := range c.Subject {
			if c.Subject[i].Type == oidEmail && matchString(e, c.Subject[i].Value, want) {
				return True
			}
		}
		return Unknown // names in an extension count too, and are no fact here
	}
	oid, ok := SubjectField(e.Key)
	if !ok {
		return False
	}
	value, ok := c.Last(oid)
	return outcome(ok && matchString(e, value, want))
}
