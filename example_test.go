package xpcpolicy_test

import (
	"context"
	"fmt"
	"os"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func Example() {
	text, err := os.ReadFile("examples/helper/policy.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := policy.Parse("policy.yaml", text)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for _, path := range []string{"examples/helper/client", "examples/helper/client-old"} {
		s, err := xpcpolicy.Verify(ctx, path, xpcpolicy.Options{})
		if err != nil { // missing or unreadable: nothing was judged, so nobody is let in
			fmt.Println(err)
			return
		}
		d := xpcpolicy.CheckPolicy(ctx, p, s, xpcpolicy.Request{})
		fmt.Println(path, d.Allow(), d.Reason())
	}
	// Output:
	// examples/helper/client true rule
	// examples/helper/client-old false default-deny
}

func ExampleCheckRequirement() {
	e, err := requirement.Parse("peer", `identifier "com.example.client" and certificate leaf[subject.OU] = "ZYXWV98765"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := xpcpolicy.Verify(context.Background(), "examples/helper/client", xpcpolicy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := xpcpolicy.CheckRequirement(e, s)
	fmt.Println(r.Outcome(), r.Status())
	// Output: deny errSecCSReqFailed (-67050)
}

func ExampleInspect() {
	s, err := xpcpolicy.Inspect(context.Background(), "examples/helper/client", xpcpolicy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Identifier.Or("?"), s.ClaimedTeamID.Or("none"))
	fmt.Println(s.Verified() == nil)
	// Output:
	// com.example.client ABCDE12345
	// false
}
