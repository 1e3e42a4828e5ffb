package xpcpolicy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// Peer is a running process that asks for something.
type Peer struct {
	// Token names the process, and Strength says where the token came from.
	Token    token.AuditToken
	Strength code.TokenStrength
	// Operation is what it wants to do, in the policy's words; "" is none.
	Operation string
	// Now is the time of the decision; zero means the system's clock.
	Now time.Time
}

// CheckPeer decides once about a running process, and returns the facts that the
// decision rests on. Servers have a [Guard], which does the same and keeps answers.
func CheckPeer(ctx context.Context, p *policy.Policy, k token.Kernel, peer Peer) (policy.Decision, *code.Subject) {
	now := clock(peer.Now)
	s := token.Identify(ctx, k, peer.Token, token.Options{Strength: peer.Strength, Now: now})
	r := Request{Operation: peer.Operation, Now: now}
	d := CheckPolicy(ctx, p, s, r)
	if s.Verified() != nil {
		return d, s
	}
	before, _, _ := s.Process.Status.Get()
	if err := still(k, peer.Token, before); err != nil {
		s = withCheck(s, err)
		d = CheckPolicy(ctx, p, s, r)
	}
	return d, s
}

// flags asks for the kernel's flags of a process.
func flags(k token.Kernel, t token.AuditToken) (code.KernelFlags, error) {
	now, err := k.Status(t)
	switch {
	case errors.Is(err, token.ESRCH):
		return 0, &code.Error{Status: code.StatusNoSuchCode, Err: err}
	case err != nil:
		return 0, &code.Error{Status: code.StatusSignatureNotVerifiable, Err: err}
	}
	return now, nil
}

// still returns why a process is not what it was when its flags were these.
func still(k token.Kernel, t token.AuditToken, before code.KernelFlags) error {
	now, err := flags(k, t)
	switch {
	case err != nil:
		return err
	case now != before:
		return &code.Error{Status: code.StatusGuestInvalid, Err: fmt.Errorf("the kernel's flags were %s and are %s now", before, now)}
	}
	return nil
}

// withCheck is a subject with one more check, which failed.
func withCheck(s *code.Subject, err error) *code.Subject {
	c := code.Check{ID: "P11", Name: "process is still the same", Outcome: code.Failed, Status: code.StatusOf(err), Reason: err.Error()}
	var e *code.Error
	if errors.As(err, &e) && e.Err != nil {
		c.Reason = e.Err.Error()
	}
	copied := *s
	copied.Validity.Checks = append(append([]code.Check(nil), s.Validity.Checks...), c)
	copied.Validity.Status = c.Status
	return &copied
}
