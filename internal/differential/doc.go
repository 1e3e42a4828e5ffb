// Package differential compares every really signed file that `make real` fetched
// with three readers by other people: relic verifies pages, CMS signature and
// timestamp; go-macho reads the CodeDirectories; fullsailor/pkcs7 verifies the CMS
// signatures. It is a module of its own, so that what it needs is no dependency of
// the rest, and `make differential` runs it.
//
// It has no code but tests, and does NOT fetch anything. go-macho's reader exhausts
// memory on small hostile input, so it gets signatures of the pinned packages alone.
package differential
