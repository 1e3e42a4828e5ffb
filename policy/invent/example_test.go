package invent_test

import (
	"context"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

func Example() {
	p, err := policy.Parse("team.yaml", []byte(`apiVersion: xpcpolicy/v1
name: team
rules:
  - {name: our team, allow: subject.team_id == "ABCDE12345"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := invent.Base("$developer-id")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range invent.Attacks(app, invent.AttackOptions{}) {
		if a.Subject != nil && p.Decide(context.Background(), policy.Request{Subject: a.Subject}).Allow() && a.Contrast == nil {
			fmt.Printf("%s: %s\n", a.Name, a.What)
		}
	}
	// Output:
	// development-certificate: a developer of the same team signs on his own machine
	// other-identifier/unrelated: the same signer's program with an unrelated identifier
	// other-identifier/longer: the same signer's program whose identifier begins with the allowed one
	// other-identifier/case: the same signer's program whose identifier differs in case
}
