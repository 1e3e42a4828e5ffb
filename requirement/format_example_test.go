package requirement_test

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func ExampleFormatSource() {
	text, err := requirement.FormatSource("helper.req", `
# who may call the helper
(anchor apple generic) and  // Apple knows the developer
cert leaf [subject.OU]=="ABCDE12345" and
  ( identifier com.example.app or identifier "com.example.agent" /* since 2.0 */ );
`, requirement.FormatOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(text)
	// Output:
	// # who may call the helper
	// anchor apple generic // Apple knows the developer
	// and certificate leaf[subject.OU] = ABCDE12345
	// and (
	//     identifier "com.example.app"
	//     or identifier "com.example.agent" /* since 2.0 */
	// )
}
