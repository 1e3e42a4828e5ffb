// Package policy decides who may talk to a program: a document of ordered rules,
// written in YAML and CEL, over the facts of a [code.Subject].
//
//	p, err := policy.Parse("helper.yaml", text)
//	if err != nil {
//		return err // a diag.List: every mistake, with its position
//	}
//	if !p.Decide(ctx, policy.Request{Subject: subject, Now: time.Now()}).Allow() {
//		return errDenied
//	}
//
// Before any rule is asked stands the floor: a verified signature, a chain to a
// trusted root, nothing that lets strangers run inside. A fact that nobody knows
// is unknown to every rule, under negation too, and never allows. When no rule
// allows, the answer is deny.
//
// What this package does NOT do: it opens no file, verifies no signature, reads
// no clock and keeps no state. A decision is a function of the document and the
// request; whether the facts are true is the business of whoever made the
// Subject.
//
// It follows nothing of Apple's; requirement texts inside a document are
// evaluated by package requirement, which does.
package policy
