package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// verifier holds the flags of one verify command.
type verifier struct {
	*app
	arch        string
	apple       bool
	verbose     bool
	shallow     bool
	noResources bool
	detached    string
	lists       []string
	format      string

	options  xpcpolicy.Options // of every target
	progress *progress
}

func (a *app) verifyCommand() *cobra.Command {
	v := &verifier{app: a}
	cmd := &cobra.Command{
		Use:   "verify TARGET...",
		Short: "Verify signatures, like codesign --verify --strict --deep",
		Long: `verify checks every slice of each target: structure, CodeDirectories, the CMS
signature, the chain, the timestamp, sealed blobs and every page; of a bundle also the
sealed files and the code inside it. It says nothing about who signed: check does.

Code must also satisfy its own designated requirement. That is no proof of who signed
either, because whoever signs writes that requirement.

Our verdict follows Apple's validation and adds stricter rules. --apple prints the
verdict of Apple's own validation instead, offline, and the exit code follows it.

--shallow and --no-resources leave out a part, and the verdict says which. --crl asks
certificate revocation lists: where they do not answer, nobody can tell.

Exit codes: 0 valid and satisfies its own requirement, 1 not, 3 could not tell.`,
		Example: `  xpcpolicy verify examples/helper/client
  xpcpolicy verify --verbose examples/helper/client examples/helper/client-adhoc
  xpcpolicy verify --apple --format ndjson examples/helper/client`,
		RunE: v.run,
	}
	f := cmd.Flags()
	f.StringVar(&v.arch, "arch", "", "verify the slice of one `ARCH` only, as in arm64: the others stay unverified")
	f.BoolVar(&v.apple, "apple", false, "print what Apple's validation would say, and exit by it")
	f.BoolVarP(&v.verbose, "verbose", "v", false, "list every check, and the designated requirement")
	f.BoolVar(&v.shallow, "shallow", false, "verify nested code without its pages and resources, as codesign without --deep")
	f.BoolVar(&v.noResources, "no-resources", false, "leave the files of a bundle alone, as codesign --ignore-resources")
	f.StringArrayVar(&v.lists, "crl", nil, "ask a certificate revocation list in a `FILE`, DER or PEM; may be repeated")
	f.StringVar(&v.detached, "detached", "", "verify with the detached signature in a `FILE`, instead of the one in the target")
	addFormat(cmd, &v.format)
	return cmd
}

func (v *verifier) run(cmd *cobra.Command, targets []string) error {
	if err := checkFormat(cmd, v.format); err != nil {
		return err
	}
	if len(targets) == 0 {
		return usage(cmd, "which program? Name at least one target")
	}
	if err := v.load(cmd, targets); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	v.progress = v.newProgress("verified")
	defer v.progress.end()
	return pipeline[string, verdict]{
		work: func(target string) verdict {
			o := v.options
			o.Progress = v.progress.bundle()
			s, err := xpcpolicy.Verify(ctx, target, o)
			v.progress.add(1, sizeOf(s))
			r := v.judge(target, s, err)
			if r.sound != nil {
				d := xpcpolicy.Designated(r.sound)
				r.own = &d
			}
			return r
		},
		emit: func(r verdict) error {
			v.add(r.exit())
			v.progress.clear()
			if v.format == formatText {
				v.print(r)
				return nil
			}
			if err := v.writeJSON(v.format, r.json()); err != nil {
				cancel()
				return err
			}
			return nil
		},
		idle: v.flush,
	}.run(slices.Values(targets))
}

// load reads the files that flags name: without them nothing is judged.
func (v *verifier) load(cmd *cobra.Command, targets []string) error {
	v.options = xpcpolicy.Options{Arch: v.arch, Now: time.Now(), Shallow: v.shallow, NoResources: v.noResources, Remember: macho.NewVerifier()}
	if dashes := countDashes(append([]string{v.detached}, v.lists...)); dashes > 1 {
		return usage(cmd, "standard input can be read once, and - stands in %d places", dashes)
	}
	for _, name := range v.lists {
		b, err := v.read(name)
		if err != nil {
			return usage(cmd, "the revocation list cannot be read: %s", plain(err))
		}
		v.options.CRLs = append(v.options.CRLs, b)
	}
	if !cmd.Flags().Changed("detached") {
		return nil
	}
	if len(targets) > 1 {
		return usage(cmd, "a detached signature is of one program, and there are %d targets", len(targets))
	}
	b, err := v.read(v.detached)
	if err != nil {
		return usage(cmd, "the detached signature cannot be read: %s", plain(err))
	}
	v.options.Detached = append([]byte{}, b...) // never nil: an empty file is no signature
	return nil
}

// verdict is the answer about one target.
type verdict struct {
	target  string
	subject *code.Subject  // nil when there was nothing to judge
	apple   bool           // it is Apple's verdict
	outcome policy.Outcome // allow stands for valid, deny for invalid
	status  code.Status
	message string
	limits  []string // what flags took out of the verdict
	// sound is the code with what the flags left out as if it did not apply; nil
	// unless the code is valid by our own verdict.
	sound *code.Subject
	// own is what the code says of itself; nil when that was not asked.
	own *xpcpolicy.Designation
}

func (v *verifier) judge(target string, s *code.Subject, err error) verdict {
	r := verdict{target: target, subject: s, apple: v.apple, outcome: policy.OutcomeUnknown}
	if err != nil {
		n := xpcpolicy.NotJudged(err)
		r.status, r.message = n.Status(), n.Message()
		return r
	}
	r.limits = v.limits(s)
	if v.apple {
		r.byApple()
		return r
	}
	err = s.Verified()
	r.status = code.StatusOf(err)
	sound := s
	if err != nil && len(r.limits) > 0 {
		sound, err = v.apartFromLimits(s, err)
	}
	if err == nil {
		err = v.revocation(s)
		r.status = code.StatusOf(err)
	}
	switch {
	case err == nil:
		r.outcome, r.status = policy.OutcomeAllow, code.StatusSuccess
		r.sound = sound
	case r.status == code.StatusSignatureNotVerifiable:
		r.message = err.Error()
	default:
		r.outcome, r.message = policy.OutcomeDeny, err.Error()
	}
	return r
}

// revocation returns why the lists do not answer for code with certificates, when
// somebody asked them. What they revoked has failed before.
func (v *verifier) revocation(s *code.Subject) error {
	if len(v.options.CRLs) == 0 {
		return nil
	}
	for _, view := range s.PerSlice() {
		if view.Certs.IsAbsent() {
			continue
		}
		if err := view.Revocation.Err(); err != nil {
			return &code.Error{Status: code.StatusSignatureNotVerifiable, Part: "revocation lists", Off: -1, Arch: view.Arch, Err: err}
		}
	}
	return nil
}

// byApple is the verdict of Apple's validation.
func (r *verdict) byApple() {
	status, ok, why := r.subject.Validity.Apple.Get()
	switch {
	case why != nil || !ok:
		r.status, r.message = code.StatusSignatureNotVerifiable, "Apple's verdict on this file is not known"
		if why != nil {
			r.message += ": " + why.Error()
		}
	case status == code.StatusSuccess:
		r.outcome = policy.OutcomeAllow
	default:
		r.outcome, r.status, r.message = policy.OutcomeDeny, status, status.Info().Meaning
	}
}

// leftOut reports whether a flag asked not to run this check.
func (v *verifier) leftOut(c *code.Check) bool {
	if c.Outcome != code.NotRun {
		return false
	}
	return v.noResources && strings.HasPrefix(c.ID, "R") || v.shallow && c.ID == "R9"
}

// limits lists what flags took out of the verdict on this target.
func (v *verifier) limits(s *code.Subject) []string {
	var out []string
	if slices.ContainsFunc(s.Validity.Checks, func(c code.Check) bool { return v.leftOut(&c) }) {
		switch {
		case v.noResources:
			out = append(out, "the files of the bundle and the code inside it were not verified (--no-resources)")
		case v.shallow:
			out = append(out, "the code inside the bundle was not verified as a whole (--shallow)")
		}
	}
	return out
}

// apartFromLimits is the code with the checks that flags left out as if they did not
// apply; the error is nil when nothing else keeps it from counting as verified.
func (v *verifier) apartFromLimits(s *code.Subject, err error) (*code.Subject, error) {
	whole := *s
	whole.Validity.Checks = slices.Clone(s.Validity.Checks)
	for i := range whole.Validity.Checks {
		if c := &whole.Validity.Checks[i]; v.leftOut(c) {
			c.Outcome = code.NotApplicable
		}
	}
	if whole.Verified() != nil {
		return s, err
	}
	return &whole, nil
}

// exit is the exit code: valid code that does not satisfy its own designated
// requirement is a no, as for codesign.
func (r *verdict) exit() exit {
	if r.outcome == policy.OutcomeAllow && r.own != nil {
		return outcomeExit(r.own.Answer.Outcome())
	}
	return outcomeExit(r.outcome)
}

// word names the outcome of verification.
func (r *verdict) word() string {
	switch r.outcome {
	case policy.OutcomeAllow:
		if len(r.limits) > 0 {
			return "valid-within-limits"
		}
		return "valid"
	case policy.OutcomeUnknown:
		return "unknown"
	}
	if r.status == code.StatusUnsigned {
		return "unsigned"
	}
	return "invalid"
}

// sizeOf is how many bytes of slices were read.
func sizeOf(s *code.Subject) int64 {
	if s == nil {
		return 0
	}
	if len(s.Slices) == 0 {
		return s.Size
	}
	n := int64(0)
	for i := range s.Slices {
		n += s.Slices[i].Size
	}
	return n
}
