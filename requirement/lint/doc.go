// Package lint finds requirement texts that admit strangers, refuse everybody, or
// do not compile, before they ship.
//
//	src := diag.NewSource("peer.req", text)
//	for _, f := range lint.Check(src, nil, lint.Config{Target: lint.XPCPeer}) {
//		fmt.Print(diag.Text(f.Diagnostic()))
//	}
//
// A caller that has compiled the text hands its tree over instead of nil, and
// nothing is parsed twice; spans of findings are then those of that text. A policy
// does this at load, with the zero [Config], for each requirement that it compiled:
// errors refuse the document, the rest becomes warnings. Where its own terms stand
// beside the requirement, the caller joins them to it first, or leaves out what
// they answer: a team beside it answers RQ103, an identifier RQ106. Positions in
// the document are the caller's: it knows how the text was quoted there.
//
// Who may pass is judged for each branch of the disjunctive form, because an
// attacker chooses the weakest one. Where the form of a branch does not show
// something, [requirement.Implies] decides; both are bounded, and what is too
// large to judge is itself a finding.
//
// What this package does NOT check: programs, certificates and teams as they are.
// It knows the text, what Apple's certificates look like, and nothing else; a team
// that is well-formed may be the wrong one.
//
// It follows Apple's evaluator (reqinterp.cpp, Security-61901) and technote TN3127.
package lint
