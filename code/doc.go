// Package code holds the facts about a piece of signed code: one immutable
// [Subject] that every reader fills and every evaluator reads, the errSecCS
// status numbers, and the tables (flags, marker OIDs, Apple's roots, plug-in
// hosts) that more than one package needs.
//
// A minimal use, deciding on one fact:
//
//	team, ok, err := subject.ClaimedTeamID.Get()
//	switch {
//	case err != nil: // nobody knows: deny
//	case !ok:        // looked, and there is none: deny
//	}
//
// What this package does NOT do: it reads no file, verifies no signature and
// judges no trust. A Subject is only as good as whoever filled it, which
// [Subject.Origin] and [Subject.Validity] say. Package macho fills it from
// files, package token from a running process, and a facts file from JSON.
//
// Names and numbers follow Apple's CSCommon.h, cs_blobs.h and the constants of
// Security-61901.
package code
