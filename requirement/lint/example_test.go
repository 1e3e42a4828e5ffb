package lint_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

func ExampleCheck() {
	src := diag.NewSource("peer.req", `anchor apple generic and identifier "com.example.app" or identifier "com.example.tool"`)
	for _, f := range lint.Check(src, nil, lint.Config{Target: lint.SMJobBless}) {
		fmt.Println(f.Severity, f.Rule.Name()+":", f.Message)
	}
	// Output:
	// error RQ103 generic-without-team: any developer can sign code as "com.example.app"
	// error RQ203 or-precedence: "and" binds tighter than "or": the other clauses hold for identifier "com.example.app" only
	// error RQ101 identifier-only: anyone can sign code as "com.example.tool"
}

func ExampleFix() {
	fmt.Println(lint.Fix(`anchor apple generic and certificate leaf[subject.OU] = 9ABCDE1234`, lint.Config{}, false))
	// Output: anchor apple generic and certificate leaf[subject.OU] = "9ABCDE1234"
}
