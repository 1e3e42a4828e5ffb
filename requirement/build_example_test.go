package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func ExampleBuilder() {
	var build requirement.Builder
	e, err := build.And(
		build.Or(
			build.DeveloperID("ABCDE12345"),
			build.MacAppStore(),
		),
		build.Identifier("com.example.app"),
		build.Not(build.Entitlement("com.apple.security.get-task-allow", build.Exists())),
	).Expr()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requirement.FormatStyle(e, requirement.StyleIndent))
	// Output:
	// (
	//     (
	//         anchor apple generic
	//         and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */
	//         and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */
	//         and certificate leaf[subject.OU] = ABCDE12345
	//     )
	//     or (
	//         anchor apple generic
	//         and certificate leaf[field.1.2.840.113635.100.6.1.9] /* exists */
	//     )
	// )
	// and identifier "com.example.app"
	// and ! entitlement["com.apple.security.get-task-allow"] /* exists */
}

// What comes from outside is data, whatever it looks like.
func ExampleBuilder_Identifier() {
	var build requirement.Builder
	fmt.Println(build.Identifier(`x" or always or identifier "x`))
	// Output: identifier "x\" or always or identifier \"x"
}

func ExampleTerm_Expr() {
	var build requirement.Builder
	_, err := build.And(
		build.Identifier(""),
		build.Team("Example GmbH"),
		build.CertificateExtension(requirement.SlotLeaf, "1.2.840.113635.", build.Exists()),
	).Expr()
	fmt.Println(err)
	// Output:
	// identifier is empty
	// team identifier "Example GmbH" is not 10 capital letters and digits
	// object identifier "1.2.840.113635.": arc 5 is not a plain number
}

func ExampleBuilder_Requirement() {
	theirs, err := requirement.Parse("theirs.req", `identifier a or identifier b`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var build requirement.Builder
	fmt.Println(build.And(build.AnchorAppleGeneric(), build.Requirement(theirs)))
	// Output: anchor apple generic and (identifier a or identifier b)
}
