package macho_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

func ExampleVerifyReader() {
	program := fixtures.F2() // a universal program, signed below a test root
	s := macho.VerifyReader(context.Background(), bytes.NewReader(program), int64(len(program)), macho.Options{Now: fixtures.Clock})
	fmt.Println(s.Format, s.Validity.Status)
	for _, slice := range s.PerSlice() {
		fmt.Println(slice.Arch, slice.Identifier.Or("?"), slice.Verified())
	}

	program[0x3005] ^= 1
	s = macho.VerifyReader(context.Background(), bytes.NewReader(program), int64(len(program)), macho.Options{Now: fixtures.Clock})
	fmt.Println(s.Validity.Status.Name())
	// Output:
	// Mach-O universal (x86_64 arm64) errSecSuccess (0)
	// x86_64 com.example.client <nil>
	// arm64 com.example.client <nil>
	// errSecCSSignatureFailed
}

func ExampleVerify() {
	s, err := macho.Verify(context.Background(), "../examples/helper/client", macho.Options{Now: fixtures.Clock})
	if err != nil {
		fmt.Println("could not be judged:", err)
		return
	}
	fmt.Println(s.Verified(), s.Identifier.Or("?"), s.ClaimedTeamID.Or("?"))
	// Output:
	// <nil> com.example.client ABCDE12345
}

func ExampleInspect() {
	s, err := macho.Inspect(context.Background(), "../examples/helper/client", macho.Options{Now: fixtures.Clock})
	fmt.Println(err, s.Identifier.Or("?"))
	fmt.Println(s.Verified())
	// Output:
	// <nil> com.example.client
	// pages: check C20 did not run: only the identity was asked for (errSecCSSignatureNotVerifiable)
}
