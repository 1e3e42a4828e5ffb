package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func ExampleParse() {
	e, err := requirement.Parse("peer.req", `identifier "com.example.app" and anchor apple generic`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%x\n", requirement.Encode(e))
	// Output: fade0c000000002c0000000100000006000000020000000f636f6d2e6578616d706c652e617070000000000f
}

func ExampleParse_error() {
	_, err := requirement.Parse("peer.req", `anchor apple generic and certificate leaf[subject.OU] = 9ABCDE1234`)
	if syntax, ok := err.(*requirement.SyntaxError); ok {
		fmt.Print(diag.Text(syntax.Diagnostics...))
	}
	fmt.Print(requirement.AppleError(err))
	// Output:
	// peer.req:1:57: a value that starts with a digit must be quoted [RQ002 team-unquoted-digit]
	//   |
	// 1 | anchor apple generic and certificate leaf[subject.OU] = 9ABCDE1234
	//   |                                                         ^~~~~~~~~~
	//   = fix: "9ABCDE1234"
	// line 1:55: unexpected token: =
	// line 1:57: expecting EOF, found '9'
}

func ExampleEval() {
	subject := &code.Subject{}
	subject.Identifier = code.Known("com.example.app")
	subject.Certs = code.Absent[[]code.Certificate]() // ad hoc

	for _, text := range []string{`identifier "com.example.app"`, `anchor apple generic`, `! notarized`} {
		e, err := requirement.Parse("", text)
		if err != nil {
			fmt.Println(err)
			return
		}
		r := requirement.Eval(e, subject, requirement.Options{})
		fmt.Println(text, "is", r.Outcome, r.Missing)
	}
	// Output:
	// identifier "com.example.app" is true []
	// anchor apple generic is false []
	// ! notarized is unknown [notarized]
}

func ExampleExplain() {
	subject := &code.Subject{}
	subject.Identifier = code.Known("com.example.App")
	subject.Info = code.Absent[code.Value]()
	e, err := requirement.Parse("", `identifier "com.example.app" or info[CFBundleVersion] >= "407"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, tree := requirement.Explain(e, subject, requirement.Options{})
	fmt.Print(diag.Tree(tree, diag.TreeOptions{}))
	// Output:
	// or                                 no
	// ├─ identifier "com.example.app"    no      [1]
	// └─ info[CFBundleVersion] >= "407"  no      [2]
	//
	// [1] expected "com.example.app", found "com.example.App", which differs in case, and case counts
	// [2] expected >= "407", found no value: nothing is sealed as Info.plist
}

func ExampleFormat() {
	e, err := requirement.Parse("", `cert leaf trusted and (identifier host2 and (true))`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(requirement.Format(e))
	fmt.Println(requirement.FormatStyle(e, requirement.StyleExact))
	fmt.Println(requirement.FormatStyle(e, requirement.StyleApple))
	// Output:
	// certificate leaf trusted and identifier host2 and always
	// certificate leaf trusted and (identifier host2 and always)
	// certificate leaftrusted and identifier host2 and always
}

func ExampleAll() {
	e, err := requirement.Parse("", `identifier a or ! identifier b`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range requirement.All(e) {
		if n.Op == requirement.OpIdent {
			fmt.Println(n.Value, n.Span())
		}
	}
	// Output:
	// a {0 12}
	// b {18 30}
}
