//go:build !darwin

package token

func peerToken(uintptr) (AuditToken, error) { return AuditToken{}, ENOTSUP }
