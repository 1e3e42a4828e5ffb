// Package draft writes a policy for given builds of programs: the narrowest one that
// allows them all, with a requirement and a suite of tests.
//
//	d, err := draft.New("helper", builds)
//	if err != nil {
//		return err // a build that nothing can be drafted for, and why
//	}
//	fmt.Print(d.Policy)
//	for _, problem := range d.Problems {
//		warn(problem) // what the draft does not do; empty for a good one
//	}
//
// A draft is tried before it is handed out: it must load, allow every build, and
// deny the attackers that package invent makes of them.
//
// What it does NOT do: it cannot know which programs should come in, what they may
// ask for, or which versions had holes. It says what these builds have in common.
package draft
