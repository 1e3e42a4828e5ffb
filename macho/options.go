package macho

import "time"

// Options are the choices of one verification. The zero value is the strictest.
type Options struct {
	// Now is the time against which certificates without a secure timestamp and
	// without a claimed signing time are judged. The package reads no clock; the
	// zero time means that such expiry stays unjudged, which no verdict but that
	// of code with the expiration flag depends on.
	Now time.Time
	// Arch narrows a universal file to one slice, as in "arm64". What it leaves
	// out is not verified, and the verdict says so.
	Arch string
}
