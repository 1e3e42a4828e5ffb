package draft_test

import (
	"context"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/policy/draft"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

func ExampleNew() {
	website, err := invent.Base("$developer-id")
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := invent.Base("$app-store")
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := draft.New(context.Background(), "helper", []draft.Build{
		{Path: "App.app", Subject: website}, {Path: "Store.app", Subject: store},
	}, draft.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(d.Policy)
	fmt.Println(len(d.Problems), "problems")
	// Output:
	// # Drafted from 2 builds: the narrowest policy that allows them all.
	// # Read it, and decide what each of them may ask for.
	// apiVersion: xpcpolicy/v1
	// name: "helper"
	// peers:
	//   app:
	//     requirement: >-
	//       identifier "com.example.app" and anchor apple generic
	//       and (certificate leaf[field.1.2.840.113635.100.6.1.9] /* exists */
	//       or certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */
	//       and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */
	//       and certificate leaf[subject.OU] = ABCDE12345)
	//     team: "ABCDE12345"
	//     min_version: "2.0"
	//     require: { flags: [runtime] }
	//     forbid:
	//       entitlements:
	//         - com.apple.security.get-task-allow
	//         - com.apple.security.cs.disable-library-validation
	//         - com.apple.private.security.clear-library-validation
	//         - com.apple.security.cs.allow-dyld-environment-variables
	//         - com.apple.security.cs.disable-executable-page-protection
	// rules:
	//   - name: "app of team ABCDE12345"
	//     allow: matches("app")
	// 0 problems
}
