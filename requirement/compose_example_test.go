package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func ExampleWithout() {
	e, err := requirement.Parse("", `identifier a and certificate leaf[subject.CN] = "Apple Development: Jo Doe (ABCDE12345)" and anchor apple generic`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requirement.Format(requirement.Without(e, func(n *requirement.Expr) bool {
		return n.Op == requirement.OpCertField && n.Key == "subject.CN"
	})))
	// Output: identifier a and anchor apple generic
}

func ExampleReplaceIdentifier() {
	e, err := requirement.Parse("", `identifier "com.example.app" and anchor apple generic`)
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err = requirement.ReplaceIdentifier(e, "com.example.app", "com.example.app.beta")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requirement.Format(e))
	// Output: identifier "com.example.app.beta" and anchor apple generic
}

func ExampleSimplify() {
	e, err := requirement.Parse("", `anchor apple generic and (always and (identifier a or identifier a)) and anchor apple generic`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requirement.Format(requirement.Simplify(e)))
	// Output: anchor apple generic and identifier a
}
