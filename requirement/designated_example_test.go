package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func exampleSubject() *code.Subject {
	s := &code.Subject{}
	s.Signed = true
	s.Identifier = code.Known("com.example.app")
	s.Requirements = code.Absent[code.Hex]()
	s.Certs = code.Known([]code.Certificate{
		{Subject: []code.Attribute{{Type: code.OIDOrganizationalUnit, Value: "ABCDE12345"}}, Extensions: []code.OID{code.OIDDeveloperID}},
		{Extensions: []code.OID{code.OIDDeveloperIDCA}},
		{AppleRoot: true},
	})
	return s
}

func ExampleDesignated() {
	d, err := requirement.Designated(exampleSubject())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d)
	fmt.Println("satisfied:", d.Result.Outcome)
	// Output:
	// # designated => identifier "com.example.app" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = ABCDE12345
	// satisfied: true
}

func ExampleDefaultDesignated() {
	s := exampleSubject()
	s.Identifier = code.Unknown[string](nil)
	_, err := requirement.DefaultDesignated(s)
	fmt.Println(err)
	// Output: identifier is not known: nobody looked this fact up
}
