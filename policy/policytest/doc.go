// Package policytest runs suites of tests over policies: who may connect, who may
// not, and why; invented attackers; and how much of the policy the tests came to.
//
//	s, err := policytest.Parse("helper_test.yaml", text)
//	if err != nil {
//		return err // a diag.List: every mistake, with its position
//	}
//	result := s.Run(ctx, policytest.Options{Policy: load})
//	if result.Outcome() != policytest.Passed {
//		fmt.Print(policytest.Text(policytest.TextOptions{}, result))
//	}
//
// A suite names peers (real programs, recorded facts, or facts written in a few
// lines on top of an invented program) and what each may do. From every peer that
// is allowed it invents attackers, which must not be.
//
// What this package does NOT do: it opens no file and reads no clock; the caller
// hands down how policies, programs and facts are read. A suite that passes says
// that the policy does what the suite expects, not that the expectation is right.
package policytest
