package code

import (
	"fmt"
	"strings"
)

type flagName[T ~uint32 | ~uint64] struct {
	bit  T
	name string
}

// flagNames lists the names of the bits set in v, low bits first; bits without
// a name appear as one hexadecimal rest.
func flagNames[T ~uint32 | ~uint64](v T, table []flagName[T]) []string {
	var names []string
	for _, f := range table {
		if v&f.bit != 0 {
			names = append(names, f.name)
			v &^= f.bit
		}
	}
	if v != 0 {
		names = append(names, fmt.Sprintf("0x%x", uint64(v)))
	}
	return names
}

// CodeFlags are the flags of a CodeDirectory, as stored in the file. They are a
// claim of whoever signed. Never read them with the table of [KernelFlags]: bit
// 0x1 is "host" here and "valid" there.
type CodeFlags uint32

// The CodeDirectory flags (cs_blobs.h, kSecCodeSignature…).
const (
	FlagHost              CodeFlags = 0x0001
	FlagAdHoc             CodeFlags = 0x0002
	FlagForceHard         CodeFlags = 0x0100
	FlagForceKill         CodeFlags = 0x0200
	FlagForceExpiration   CodeFlags = 0x0400
	FlagRestrict          CodeFlags = 0x0800
	FlagEnforcement       CodeFlags = 0x1000
	FlagLibraryValidation CodeFlags = 0x2000
	FlagRuntime           CodeFlags = 0x10000
	FlagLinkerSigned      CodeFlags = 0x20000
)

var codeFlagNames = []flagName[CodeFlags]{
	{FlagHost, "host"}, {FlagAdHoc, "adhoc"}, {FlagForceHard, "hard"},
	{FlagForceKill, "kill"}, {FlagForceExpiration, "expires"},
	{FlagRestrict, "restrict"}, {FlagEnforcement, "enforcement"},
	{FlagLibraryValidation, "library-validation"}, {FlagRuntime, "runtime"},
	{FlagLinkerSigned, "linker-signed"},
}

// Names returns codesign's option names of the set bits, low bits first.
func (f CodeFlags) Names() []string { return flagNames(f, codeFlagNames) }

// String returns "0x10000(runtime)" in the way codesign prints flags.
func (f CodeFlags) String() string { return withNames(uint64(f), f.Names()) }

// KernelFlags are the code-signing status of a running process, as csops
// reports them.
type KernelFlags uint32

// The process status flags (cs_blobs.h, CS_…).
const (
	CSValid                 KernelFlags = 0x00000001
	CSAdHoc                 KernelFlags = 0x00000002
	CSGetTaskAllow          KernelFlags = 0x00000004
	CSInstaller             KernelFlags = 0x00000008
	CSForcedLV              KernelFlags = 0x00000010
	CSInvalidAllowed        KernelFlags = 0x00000020
	CSHard                  KernelFlags = 0x00000100
	CSKill                  KernelFlags = 0x00000200
	CSCheckExpiration       KernelFlags = 0x00000400
	CSRestrict              KernelFlags = 0x00000800
	CSEnforcement           KernelFlags = 0x00001000
	CSRequireLV             KernelFlags = 0x00002000
	CSEntitlementsValidated KernelFlags = 0x00004000
	CSNVRAMUnrestricted     KernelFlags = 0x00008000
	CSRuntime               KernelFlags = 0x00010000
	CSLinkerSigned          KernelFlags = 0x00020000
	CSExecSetHard           KernelFlags = 0x00100000
	CSExecSetKill           KernelFlags = 0x00200000
	CSExecSetEnforcement    KernelFlags = 0x00400000
	CSExecInheritSIP        KernelFlags = 0x00800000
	CSKilled                KernelFlags = 0x01000000
	CSNoUntrustedHelpers    KernelFlags = 0x02000000
	CSPlatformBinary        KernelFlags = 0x04000000
	CSPlatformPath          KernelFlags = 0x08000000
	CSDebugged              KernelFlags = 0x10000000
	CSSigned                KernelFlags = 0x20000000
	CSDevCode               KernelFlags = 0x40000000
	CSDatavaultController   KernelFlags = 0x80000000
)

var kernelFlagNames = []flagName[KernelFlags]{
	{CSValid, "valid"}, {CSAdHoc, "adhoc"}, {CSGetTaskAllow, "get-task-allow"},
	{CSInstaller, "installer"}, {CSForcedLV, "forced-library-validation"},
	{CSInvalidAllowed, "invalid-allowed"}, {CSHard, "hard"}, {CSKill, "kill"},
	{CSCheckExpiration, "check-expiration"}, {CSRestrict, "restrict"},
	{CSEnforcement, "enforcement"}, {CSRequireLV, "library-validation"},
	{CSEntitlementsValidated, "entitlements-validated"},
	{CSNVRAMUnrestricted, "nvram-unrestricted"}, {CSRuntime, "runtime"},
	{CSLinkerSigned, "linker-signed"}, {CSExecSetHard, "exec-set-hard"},
	{CSExecSetKill, "exec-set-kill"}, {CSExecSetEnforcement, "exec-set-enforcement"},
	{CSExecInheritSIP, "exec-inherit-sip"}, {CSKilled, "killed"},
	{CSNoUntrustedHelpers, "no-untrusted-helpers"}, {CSPlatformBinary, "platform-binary"},
	{CSPlatformPath, "platform-path"}, {CSDebugged, "debugged"}, {CSSigned, "signed"},
	{CSDevCode, "dev-code"}, {CSDatavaultController, "datavault-controller"},
}

// Names returns the names of the set bits, low bits first.
func (f KernelFlags) Names() []string { return flagNames(f, kernelFlagNames) }

// String returns the number and the names.
func (f KernelFlags) String() string { return withNames(uint64(f), f.Names()) }

// ExecSegFlags are the executable-segment flags of a CodeDirectory (version
// 0x20400 and later). They are derived from entitlements at signing time, are a
// claim, and grant nothing.
type ExecSegFlags uint64

var execSegFlagNames = []flagName[ExecSegFlags]{
	{0x1, "main-binary"}, {0x10, "allow-unsigned"}, {0x20, "debugger"}, {0x40, "jit"},
	{0x80, "skip-library-validation"}, {0x100, "can-load-cdhash"}, {0x200, "can-exec-cdhash"},
}

// Names returns the names of the set bits, low bits first.
func (f ExecSegFlags) Names() []string { return flagNames(f, execSegFlagNames) }

// String returns the number and the names.
func (f ExecSegFlags) String() string { return withNames(uint64(f), f.Names()) }

func withNames(v uint64, names []string) string {
	if len(names) == 0 {
		return fmt.Sprintf("0x%x(none)", v)
	}
	return fmt.Sprintf("0x%x(%s)", v, strings.Join(names, ","))
}
