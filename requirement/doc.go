// Package requirement is Apple's code requirement language, whole: text to tree,
// tree to the binary form and back, canonical text, Apple's own dump, evaluation
// against a [code.Subject], and an explanation of every answer.
//
//	e, err := requirement.Parse("peer.req", `identifier "com.example.app" and anchor apple generic`)
//	if err != nil {
//		return err // a *SyntaxError: spans, what was expected, what to write instead
//	}
//	if requirement.Eval(e, subject, requirement.Options{}).Outcome != requirement.True {
//		return errDenied // False, or Unknown: a fact that nobody supplied
//	}
//
// What this package does NOT check: signatures, certificate chains, seals and
// trust. It answers one question about facts that somebody else verified; a
// requirement that is true of an unverified Subject proves nothing. It looks at
// the top-level slice of the Subject only: a decision about a universal file
// evaluates once for each of [code.Subject.PerSlice]. It does not judge whether a
// requirement is a good one; package lint does.
//
// It follows RequirementLexer, RequirementParser, reqmaker, reqreader, reqdumper
// and reqinterp of Security-61901, and CFString.c for the order of versions.
// Deliberate differences begin with "Apple:" in the source.
package requirement
