// Package token holds audit tokens: the only name of a running process that a
// decision may rest on.
//
//	t, err := token.Parse(message.AuditToken)
//	if err != nil {
//		return err // errSecCSInvalidAttributeValues: deny
//	}
//	fmt.Println(t.PID(), t.PIDVersion())
//
// What this package does NOT do: it does not ask the kernel who the process is,
// and a token says nothing about whether that process still runs. Nothing here
// or elsewhere in this module decides on a bare process identifier: it is reused
// quickly, and a program can replace itself without changing it.
//
// The layout follows bsd/kern/kern_audit_session and osfmk/kern of
// xnu-11417.101.15: eight 32-bit words in host byte order.
package token
