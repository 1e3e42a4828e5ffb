package policy_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

func ExampleParse() {
	_, err := policy.Parse("helper.yaml", []byte(`apiVersion: xpcpolicy/v1
name: helper
rules:
  - name: clients
    allow: subject.team == "ABCDE12345"
`))
	var list diag.List
	if errors.As(err, &list) {
		fmt.Print(diag.Text(list...))
	}
	// Output:
	// helper.yaml:5:12: unknown name subject.team
	//   |
	// 5 |     allow: subject.team == "ABCDE12345"
	//   |            ^~~~~~~~~~~~
	//   = did you mean "subject.team_id"?
}

func ExamplePolicy_Decide() {
	p, err := policy.Parse("helper.yaml", []byte(`apiVersion: xpcpolicy/v1
name: helper
rules:
  - name: clients
    allow: subject.team_id == "ABCDE12345"
`))
	if err != nil {
		panic(err)
	}
	unverified := &code.Subject{
		Origin: code.OriginDisk,
		Slice:  code.Slice{ClaimedTeamID: code.Known("ABCDE12345")},
	}
	d := p.Decide(context.Background(), policy.Request{Subject: unverified, Operation: "read", Now: time.Now()})
	fmt.Println(d.Allow(), d.Outcome(), d.Reason())
	fmt.Println(d.Message())
	// Output:
	// false unknown floor:signature
	// verification: check C1 did not run: it is not in the list of checks (errSecCSSignatureNotVerifiable)
}

func ExampleDecision_Explain() {
	p, err := policy.Parse("helper.yaml", []byte(`apiVersion: xpcpolicy/v1
name: helper
floor: {relax: [hardened-runtime]}
rules:
  - name: clients
    allow: subject.team_id == "ABCDE12345"
`))
	if err != nil {
		panic(err)
	}
	d := p.Decide(context.Background(), policy.Request{})
	fmt.Print(diag.Tree(d.Explain(), diag.TreeOptions{}))
	for _, w := range d.Warnings() {
		fmt.Println(w)
	}
	// Output:
	// deny: floor:subject  no      [1]
	//
	// [1] nobody said who asks
	// floor item hardened-runtime is relaxed by this policy: nobody checks that the hardened runtime is on
}
