// Package xpcpolicy is the front door: it opens signed code, verifies it, and
// answers whether the code satisfies a requirement or a policy.
//
//	s, err := xpcpolicy.Verify(ctx, "/Applications/App.app", xpcpolicy.Options{})
//	if err != nil {
//		return err // nothing could be judged: missing or unreadable
//	}
//	d := xpcpolicy.CheckPolicy(ctx, p, s, xpcpolicy.Request{Operation: "install"})
//	if !d.Allow() {
//		log.Print(d.Reason(), ": ", d.Message())
//	}
//
// The commands and every other caller decide through this package, so that the
// order (verification first, then the requirement or the policy, for every slice
// of a universal file) stands in one place.
//
// What it does NOT do: it asks no network, so it knows nothing of revocation and
// notarisation; it does not yet identify running processes; it does not yet
// compare a bundle's resources with their seal, and says so in a warning.
//
// The order follows SecStaticCodeCheckValidity of Security-61901.
package xpcpolicy
