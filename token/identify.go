package token

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// Options are the choices of one identification. The zero value is the strictest.
type Options struct {
	// Strength says where the token came from; the zero value is unknown, which no
	// policy takes unless it relaxes that.
	Strength code.TokenStrength
	// Now is the time against which certificates without a timestamp are judged.
	Now time.Time
	// Verifier verifies the program's file; nil is one that remembers nothing.
	Verifier *macho.Verifier
	// Remember keeps what was verified of a file: it returns the earlier result for
	// an equal key, or calls verify and may keep what that returns, if it verified: a
	// failure may be that of a read, of a file that changed, or of a context that
	// ended. It returns nil when the context ended while it waited for somebody else.
	// Nil verifies each time. The result must not be changed.
	Remember func(key StaticKey, verify func() *code.Subject) *code.Subject
}

// StaticKey names what the verification of a running program's file rests on.
type StaticKey struct {
	CDHash [20]byte // the kernel's
	Offset int64    // of the running slice
	File   FileID
	Info   [32]byte // SHA-256 of the Info.plist beside it; zero when there is none
}

// step is one check of a process. The ids follow the steps of docs/audit-tokens.md.
type step struct {
	id, name string
	run      func(*identification) error
}

// processSteps come before the file is verified, in this order, and the first that
// fails ends the identification.
var processSteps = []step{
	{"P1", "audit token", (*identification).checkToken},
	{"P2", "process exists", (*identification).checkStatus},
	{"P3", "process is valid", (*identification).checkDynamic},
	{"P4", "kernel's cdhash", (*identification).checkCDHash},
	{"P5", "kernel's identity", (*identification).askIdentity},
	{"P6", "program file", (*identification).openFile},
}

// sameSteps compare the verified file with the running code.
var sameSteps = []step{
	{"P8", "file is the running code", (*identification).checkSame},
	{"P9", "entitlements are the kernel's", (*identification).checkEntitlements},
}

// identification is one run of [Identify].
type identification struct {
	ctx     context.Context
	k       Kernel
	t       AuditToken
	o       Options
	process code.Process
	subject *code.Subject
	image   Image
	file    FileID
	key     StaticKey
	info    []byte

	identity, team string
	hasTeam        bool
	entitlements   []byte // the kernel's, with the blob's header; nil when there are none
}

// Identify finds out which code runs in the process that a token names. It asks the
// kernel for the code's hash and identity, verifies the signature of the running
// slice in the program's file, and demands that both are the same code. The facts
// are those of the verified signature.
//
// A kernel that is a recording is named in a warning of the Subject, which every
// decision shows.
//
// The Subject is never nil. It is not verified when anything failed: then
// [code.Subject.Verified] and the validity's checks, P1 to P9 before those of the
// signature, say what, with errSecCSNoSuchCode for a process that is gone.
// The answer holds for the moment: ask the status again after a decision.
func Identify(ctx context.Context, k Kernel, t AuditToken, o Options) *code.Subject {
	id := &identification{ctx: ctx, k: k, t: t, o: o, process: code.Process{Token: t.Words(), Strength: o.Strength}}
	defer id.close()
	var checks []code.Check
	for _, st := range processSteps {
		c := id.check(st)
		checks = append(checks, c)
		if c.Outcome == code.Failed {
			return id.refused(checks)
		}
	}
	static := id.verify()
	if static == nil {
		return id.refused(append(checks, id.check(step{"P7", "signature of the file", func(*identification) error {
			return fail(code.StatusSignatureNotVerifiable, "nobody verified the file")
		}})))
	}
	s := *static // what is remembered is not ours to change
	s.Process = &id.process
	s.Validity.Warnings = append(id.warnings(), s.Validity.Warnings...)
	id.subject = &s
	for _, st := range sameSteps {
		c := code.Check{ID: st.id, Name: st.name, Reason: "the file's signature did not verify"}
		if static.Validity.Status == code.StatusSuccess {
			c = id.check(st)
		}
		checks = append(checks, c)
	}
	if static.Validity.Status == code.StatusSuccess {
		id.advise()
	}
	s.Validity.Checks = append(checks, static.Validity.Checks...)
	for _, c := range checks {
		if c.Outcome == code.Failed && s.Validity.Status == code.StatusSuccess {
			s.Validity.Status = c.Status
		}
	}
	return &s
}

// close releases the program's file.
func (id *identification) close() {
	if id.image != nil {
		id.image.Close()
	}
}

// check runs one step. An error without a status is an internal one.
func (id *identification) check(st step) code.Check {
	c := code.Check{ID: st.id, Name: st.name, Outcome: code.Passed}
	err := id.ctx.Err()
	if err != nil {
		err = fail(code.StatusSignatureNotVerifiable, "%w", err)
	} else {
		err = st.run(id)
	}
	if err != nil {
		c.Outcome, c.Status = code.Failed, code.StatusOf(err)
		var e *code.Error
		if errors.As(err, &e) && e.Err != nil {
			c.Reason = e.Err.Error()
		} else {
			c.Reason = err.Error()
		}
	}
	return c
}

// refused is the Subject of a process about which nothing is known for certain.
func (id *identification) refused(checks []code.Check) *code.Subject {
	return &code.Subject{
		Origin: code.OriginKernel, Process: &id.process,
		Validity: code.Validity{Status: checks[len(checks)-1].Status, Checks: checks, Warnings: id.warnings()},
	}
}

// warnings say what every reader of the Subject must know of its kernel.
func (id *identification) warnings() []code.Warning {
	if _, ok := id.k.(*replay); !ok {
		return nil
	}
	return []code.Warning{{ID: "recordedKernel", Message: "the kernel's answers are a recording: no running process was asked, and whoever wrote the file chose them"}}
}

// fail is a failed step.
func fail(status code.Status, format string, args ...any) error {
	return &code.Error{Status: status, Part: "process", Off: -1, Err: fmt.Errorf(format, args...)}
}

// failKernel is a failed question. An answer that makes no sense is a changed program.
func failKernel(what string, err error) error {
	var e Errno
	if errors.As(err, &e) {
		return fail(e.status(), "%s: %w", what, err)
	}
	return fail(code.StatusGuestInvalid, "%s: %w", what, err)
}

func (id *identification) checkToken() error {
	_, err := Parse(id.t[:])
	return err
}

func (id *identification) checkStatus() error {
	st, err := id.k.Status(id.t)
	if err != nil {
		id.process.Status = code.Unknown[code.KernelFlags](err)
		return failKernel("the kernel's flags", err)
	}
	id.process.Status = code.Known(st)
	return nil
}

func (id *identification) checkDynamic() error {
	st, _, _ := id.process.Status.Get()
	return Dynamic(st)
}

// Dynamic returns why a process with these flags may not talk to anybody: it is not
// valid and signed now, or somebody changed or may have changed its memory. Nil
// says nothing about who signed. A process with get-task-allow passes here, because
// policies may let development builds in; their floor refuses it by default.
func Dynamic(st code.KernelFlags) error {
	switch {
	case st&code.CSValid == 0:
		return fail(code.StatusGuestInvalid, "the code is not valid any more: the kernel's flags are %s", st)
	case st&code.CSSigned == 0:
		return fail(code.StatusGuestInvalid, "the kernel has no signature: its flags are %s", st)
	case st&code.CSKilled != 0:
		return fail(code.StatusGuestInvalid, "the kernel killed it: its flags are %s", st)
	}
	return nil
}

func (id *identification) checkCDHash() error {
	h, err := cdHash(id.k, id.t)
	if err != nil {
		id.process.CDHash = code.Unknown[code.Hex](err)
		return failKernel("the kernel's cdhash", err)
	}
	if h == [20]byte{} {
		return fail(code.StatusUnsigned, "the kernel's cdhash is all zeros")
	}
	id.process.CDHash = code.Known(code.Hex(bytes.Clone(h[:])))
	id.key.CDHash = h
	return nil
}

// askIdentity asks for what the comparison with the file needs.
func (id *identification) askIdentity() (err error) {
	if id.key.Offset, err = sliceOffset(id.k, id.t); err != nil {
		return failKernel("where the running slice begins", err)
	}
	var has bool
	if id.identity, has, err = text(id.k, id.t, OpIdentity); err != nil {
		return failKernel("the kernel's identifier", err)
	}
	if !has {
		return fail(code.StatusUnsigned, "the kernel has no identifier of the code")
	}
	id.process.Identifier = code.Known(id.identity)
	if id.team, id.hasTeam, err = text(id.k, id.t, OpTeamID); err != nil {
		return failKernel("the kernel's team identifier", err)
	}
	id.process.TeamID = code.Absent[string]()
	if id.hasTeam {
		id.process.TeamID = code.Known(id.team)
	}
	if id.entitlements, err = blob(id.k, id.t, OpEntitlementsDER); err != nil {
		return failKernel("the kernel's entitlements", err)
	}
	id.process.ValidationCategory = code.Absent[uint32]() // older systems do not know the question
	if c, err := validationCategory(id.k, id.t); err == nil {
		id.process.ValidationCategory = code.Known(c)
	}
	return nil
}

func (id *identification) openFile() error {
	path, err := id.k.Path(id.t)
	if err != nil {
		return failKernel("the program's path", err)
	}
	id.process.Path = path
	if id.image, err = id.k.Open(path); err != nil {
		return fail(code.StatusSignatureNotVerifiable, "the program's file: %w", err)
	}
	if id.file, err = id.image.Stat(); err != nil {
		return fail(code.StatusSignatureNotVerifiable, "the program's file: %w", err)
	}
	// An Info.plist that cannot be read is as good as none: the signature that
	// seals one fails then.
	if id.info, err = id.image.InfoPlist(); err != nil {
		id.info = nil
	}
	id.key.File = id.file
	if id.info != nil {
		id.key.Info = sha256.Sum256(id.info)
	}
	return nil
}

// verify verifies the running slice, or takes what was verified of it before.
func (id *identification) verify() *code.Subject {
	verify := func() *code.Subject {
		v := id.o.Verifier
		if v == nil {
			v = new(macho.Verifier)
		}
		return v.VerifyRunning(id.ctx, id.image, id.file.Size, macho.Running{
			Offset: id.key.Offset, InfoPlist: id.info, Unchanged: id.unchanged,
		}, macho.Options{Now: id.o.Now})
	}
	if id.o.Remember == nil {
		return verify()
	}
	return id.o.Remember(id.key, verify)
}

func (id *identification) unchanged() error {
	now, err := id.image.Stat()
	if err != nil {
		return err
	}
	if !now.same(id.file) {
		return errors.New("the file changed while it was read")
	}
	return nil
}

// checkSame demands that the kernel runs what the file's signature seals. The kernel
// names no team for platform code.
func (id *identification) checkSame() error {
	h, ok, err := id.subject.CDHash().Get()
	switch {
	case err != nil || !ok:
		return fail(code.StatusStaticCodeChanged, "nobody knows the cdhash of the file: %w", err)
	case h.Hash != id.key.CDHash:
		return fail(code.StatusStaticCodeChanged, "the process runs code with cdhash %x, and its file holds %s: it was replaced or updated", id.key.CDHash, h)
	}
	if identifier, _, _ := id.subject.Identifier.Get(); identifier != id.identity {
		return fail(code.StatusStaticCodeChanged, "the kernel knows the code as %q, and its file says %q", id.identity, identifier)
	}
	st, _, _ := id.process.Status.Get()
	team, hasTeam, err := id.subject.ClaimedTeamID.Get()
	switch {
	case err != nil:
		return fail(code.StatusStaticCodeChanged, "nobody knows the team identifier of the file: %w", err)
	case !id.hasTeam && st&code.CSPlatformBinary != 0:
	case hasTeam != id.hasTeam || team != id.team:
		return fail(code.StatusStaticCodeChanged, "the kernel's team identifier is %q, and the file's is %q", id.team, team)
	}
	return nil
}
