package policytest_test

import (
	"context"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/policytest"
)

func ExampleSuite_Run() {
	p, err := policy.Parse("helper.yaml", []byte(`apiVersion: xpcpolicy/v1
name: helper
peers:
  app: {team: ABCDE12345, channel: developer-id, identifiers: com.example.app}
rules:
  - {name: our app, allow: matches("app")}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := policytest.Parse("helper_test.yaml", []byte(`suite: helper
peers:
  app: {like: $developer-id}
  store: {like: $app-store}
cases:
  - {name: Developer ID alone, expect: {app: allow}, because: {store: subject.channel}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := s.Run(context.Background(), p, policytest.Options{})
	fmt.Print(policytest.Text(policytest.TextOptions{}, r))
	fmt.Println(r.Outcome(), r.Err())
	// Output:
	// helper  (helper.yaml)
	//   Developer ID alone
	//     app    allow   ok    rule "our app"
	//     store  deny    ok    default-deny: subject.channel
	//   mutations  29/29 denied, 8 not applicable
	//   coverage  rules 100.0%  conditions 100.0%  floor 100.0%
	// passed <nil>
}
