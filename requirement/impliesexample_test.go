package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func mustParse(text string) *requirement.Expr {
	e, err := requirement.Parse("", text)
	if err != nil {
		panic(err)
	}
	return e
}

func ExampleImplies() {
	fmt.Println(requirement.Implies(
		mustParse(`anchor apple generic and identifier a`),
		mustParse(`! identifier b`),
		requirement.ImpliesOptions{}))
	fmt.Println(requirement.Implies(
		mustParse(`anchor apple`),
		mustParse(`anchor apple generic`),
		requirement.ImpliesOptions{}))
	// Output:
	// yes
	// no
	// identifier "com.example.program"
	// cdhash cdee000000000000000000000000000000000000
	// in the kernel's trust cache
	// no certificates (ad hoc)
}

func ExampleEquivalent() {
	fmt.Println(requirement.Equivalent(
		mustParse(`identifier a and (notarized or legacy)`),
		mustParse(`identifier a and notarized or identifier a and legacy`),
		requirement.ImpliesOptions{}))
	// Output: yes
}

func ExampleCompare() {
	fmt.Println(requirement.Compare(
		mustParse(`anchor apple generic and info[CFBundleVersion] >= "407"`),
		mustParse(`anchor apple generic and info[CFBundleVersion] >= "410" and notarized`),
		requirement.ImpliesOptions{}))
	// Output:
	// stricter
	//   anchor apple generic
	// - info[CFBundleVersion] >= "407"
	// + info[CFBundleVersion] >= "410"
	// + notarized
	// refused now:
	//   identifier "com.example.program"
	//   cdhash cdee000000000000000000000000000000000000
	//   certificate leaf, which is the root: Apple root, sha1 01ee000000000000000000000000000000000000
	//   info["CFBundleVersion"] is string "407"
}

func ExampleContradiction() {
	i := requirement.Contradiction(mustParse(`certificate leaf[subject.OU] = ABCDE12345 and certificate leaf[subject.OU] = FGHIJ67890`), requirement.ImpliesOptions{})
	fmt.Println(i.Answer)
	// Output: yes
}

func ExampleTautology() {
	i := requirement.Tautology(mustParse(`info[LSUIElement] exists or info[LSUIElement] absent`), requirement.ImpliesOptions{})
	fmt.Println(i) // boolean false neither exists nor is absent
	// Output:
	// no
	// identifier "com.example.program"
	// cdhash cdee000000000000000000000000000000000000
	// no certificates (ad hoc)
	// info["LSUIElement"] is boolean false
}
