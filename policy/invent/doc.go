// Package invent makes facts about code that does not exist: complete base
// subjects to write tests from, edits of known facts by the names that policies
// use, and attackers that differ from an allowed program in one thing.
//
//	s, _ := invent.Base("$developer-id")
//	old, err := invent.Apply(s, invent.Set("subject.version", plist.String("1.9")))
//	for _, a := range invent.Attacks(s, invent.AttackOptions{}) {
//		// a.Subject must not be allowed where s is
//	}
//
// Everything it returns has the origin "replay", so that each decision over it
// says that no signature was verified, and a server refuses it. What it does NOT
// do: it decides nothing, reads nothing, and an invented attacker that is denied
// proves only that the policy asks the right questions.
//
// The certificates look like Apple's and developers' in every field that
// requirements and policies read; their hashes are made up, except for the root.
package invent
