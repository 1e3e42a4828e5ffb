package policy_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
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

func ExampleLoad() {
	files := fstest.MapFS{ // a server opens its folder with os.OpenRoot(dir) and passes root.FS()
		"helper.yaml": {Data: []byte(`apiVersion: xpcpolicy/v1
name: helper
include: peers.yaml
rules:
  - name: clients
    allow: matches("client")
profiles:
  development:
    description: builds that a debugger may attach to
    floor: {relax: debuggable}
`)},
		"peers.yaml": {Data: []byte(`apiVersion: xpcpolicy/v1
peers:
  client: {team: ABCDE12345, min_version: "2.1"}
`)},
	}
	p, err := policy.Load(files, "helper.yaml", policy.Options{Profile: "development"})
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Name(), p.Rules(), len(p.Files()), "files")
	for _, w := range p.Decide(context.Background(), policy.Request{}).Warnings() {
		fmt.Println(w)
	}
	// Output:
	// helper [clients] 2 files
	// profile "development" is in force, which lets in callers that the policy alone would not: builds that a debugger may attach to
	// floor item debuggable is relaxed by this policy: nobody checks that nobody may debug the code: no get-task-allow, not debugged, no invalid pages admitted
}

func ExampleDecision_NearestMiss() {
	p, err := policy.Parse("helper.yaml", []byte(`apiVersion: xpcpolicy/v1
name: helper
rules:
  - name: readers
    operation: read
    allow: team("ABCDE12345") && process.euid == 501
`))
	if err != nil {
		panic(err)
	}
	caller, err := invent.Base("$developer-id")
	if err != nil {
		panic(err)
	}
	caller, err = invent.Apply(caller, invent.Set("process.euid", plist.Int(0)))
	if err != nil {
		panic(err)
	}
	d := p.Decide(context.Background(), policy.Request{Subject: caller, Operation: "read"})
	fmt.Println(d.Outcome())
	fmt.Println(d.NearestMiss(context.Background()))
	// Output:
	// deny
	// nearest allow: process.euid 501 instead of 0
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
