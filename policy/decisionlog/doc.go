// Package decisionlog records decisions: one entry for each, as a line of JSON or
// through slog, and asks recorded questions again under another policy.
//
//	log := decisionlog.New(decisionlog.JSONLines(file, decisionlog.Masks{"/peer/path"}), decisionlog.Options{AllowsPerSecond: 10})
//	defer log.Close(ctx)
//	e := decisionlog.NewEntry(decision, request, decisionlog.Meta{})
//	_ = log.Log(ctx, e) // counted when it fails; the decision stands
//
// Writing never decides anything: an entry that cannot be written is counted, and
// the next one that can says how many are missing. Allows may be limited and
// dropped; denials wait for room, for a bounded time.
//
// What it does NOT do: it rotates no files and keeps no secrets. Entries hold what
// programs say of themselves, which is untrusted text, and with Facts everything
// that is known about them.
package decisionlog
