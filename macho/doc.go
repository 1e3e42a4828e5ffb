// Package macho reads code signatures from Mach-O files and bundles and
// verifies them on any system, producing a [code.Subject].
//
//	s, err := macho.Verify(ctx, "/Applications/App.app", macho.Options{})
//	if err != nil {
//		return err // nothing could be judged: missing or unreadable
//	}
//	if err := s.Verified(); err != nil {
//		return err // the first check that failed
//	}
//	// s.Identifier, s.Certs, … are facts now
//
// The steps, their order and their statuses are one table, in steps.go. They
// follow SecStaticCodeCheckValidity of Security-61901, with rules that are
// stricter on purpose; beside our verdict stands the one that Apple's code would
// give. Untrusted bytes never panic, and memory stays in proportion to the
// signature, not to the file.
//
// What this package does NOT do: it judges no trust (a chain is verified up to
// whatever self-signed certificate it ends in), asks no network, checks no
// revocation and does not know whether code is notarised. The requirements that a
// bundle's seal has for nested code are judged by [Options.Requirement].
package macho
