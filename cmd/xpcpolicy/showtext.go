package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// printer writes names and values in two columns. Everything that comes out of a
// file passes through it, and nothing reaches the terminal unescaped.
type printer struct{ w io.Writer }

func (p printer) heading(text string) { fmt.Fprintln(p.w, text) }

func (p printer) row(name, value string) {
	if value != "" {
		fmt.Fprintf(p.w, "  %-18s %s\n", diag.Printable(name), diag.Printable(value))
	}
}

func (p printer) sub(name, value string) {
	fmt.Fprintf(p.w, "    %-16s %s\n", diag.Printable(name), diag.Printable(value))
}

// text prints an optional text fact.
func (p printer) text(name string, f code.Fact[string]) {
	switch v, ok, err := f.Get(); {
	case ok:
		p.row(name, v)
	case err != nil:
		p.row(name, "unknown: "+err.Error())
	default:
		p.row(name, "none")
	}
}

func (p printer) boolean(name string, f code.Fact[bool]) {
	switch v, ok, err := f.Get(); {
	case ok && v:
		p.row(name, "yes")
	case ok:
		p.row(name, "no")
	case err != nil:
		p.row(name, "unknown: "+err.Error())
	}
}

// slice prints what one slice says.
func (p printer) slice(v *code.Subject) {
	p.row("file type", v.FileType)
	if v.Arch != "" {
		p.row("architecture", v.Arch)
	}
	if v.Platform != 0 {
		p.row("platform", fmt.Sprintf("%s %s, SDK %s", macho.PlatformName(v.Platform), v.MinOS, v.SDK))
	}
	p.row("UUID", v.UUID)
	if v.Size > 0 {
		p.row("place", fmt.Sprintf("%d bytes at offset %d", v.Size, v.Offset))
	}
	if !v.Signed {
		p.row("signature", "none: the code is not signed at all")
		return
	}
	p.text("identifier", v.Identifier)
	p.row("team", team(&v.Slice))
	p.row("channel", channel(&v.Slice))
	p.directories(&v.Slice)
	p.certificates(&v.Slice)
	p.times(&v.Slice)
	p.plist("Info.plist", v.Info, "none, or not sealed by this signature")
	p.plist("entitlements", v.Entitlements, "none")
	p.requirements(&v.Slice)
	p.constraints(&v.Slice)
	p.row("sealed resources", resources(v))
}

// team says what the signature claims and whether the certificates agree.
func team(v *code.Slice) string {
	claimed, ok, err := v.ClaimedTeamID.Get()
	switch {
	case err != nil:
		return "unknown: " + err.Error()
	case !ok:
		return "not set"
	}
	verified, ok, err := v.VerifiedTeam(nil).Get()
	switch {
	case err != nil:
		return claimed + ", claimed; nobody knows the certificates"
	case ok && verified == claimed:
		return claimed + ", verified: Apple's certificates vouch for it"
	}
	leaf, ok, _ := v.Leaf().Get()
	if !ok {
		return claimed + ", claimed only: no certificate signs this code"
	}
	if ou, _ := leaf.First(code.OIDOrganizationalUnit); ou == claimed {
		return claimed + ", claimed; the certificate says the same, but its root is not one of Apple's"
	}
	return claimed + ", claimed only: the certificate does not say so"
}

func channel(v *code.Slice) string {
	c, ok, err := v.Channel().Get()
	switch {
	case err != nil:
		return "unknown: " + err.Error()
	case !ok:
		return "none"
	}
	return string(c)
}

// directories prints the CodeDirectories, best first, and the hashes.
func (p printer) directories(v *code.Slice) {
	if f, ok, _ := v.Flags.Get(); ok {
		p.row("flags", f.String())
	}
	if f, ok, _ := v.ExecSegFlags.Get(); ok && f != 0 {
		p.row("executable segment", f.String()+", claimed")
	}
	if b, ok, _ := v.PlatformByte.Get(); ok && b != 0 {
		p.row("platform byte", fmt.Sprintf("%d, a claim to belong to the system", b))
	}
	p.text("runtime version", v.RuntimeVersion)
	hashes, _, err := v.CDHashes.Get()
	if err != nil {
		p.row("cdhash", "unknown: "+err.Error())
	}
	for i, h := range hashes {
		name := "cdhash"
		if i > 0 {
			name = "also"
		}
		p.row(name, h.String()+" "+h.Type.String())
		if len(h.Full) > 20 {
			p.sub("full", h.Full.String())
		}
	}
	sig := v.Signature
	if sig == nil {
		return
	}
	for i := range sig.Directories {
		d := &sig.Directories[i]
		p.row("CodeDirectory", fmt.Sprintf("%s v=%x size=%d flags=%s hashes=%d+%d location=embedded",
			macho.SlotName(d.Slot), d.Version, d.Length, d.Flags, d.CodeSlots, d.SpecialSlots))
		p.sub("hash", fmt.Sprintf("type=%s size=%d page=%s", d.HashType, d.HashSize, pageSize(d.PageSize)))
		p.sub("covers", fmt.Sprintf("%d bytes", max(d.CodeLimit, d.CodeLimit64)))
		if d.ExecSegLimit != 0 {
			p.sub("executable", fmt.Sprintf("base=%d limit=%d flags=%s", d.ExecSegBase, d.ExecSegLimit, d.ExecSegFlags))
		}
	}
	p.row("hash choices", hashChoices(hashes))
	p.row("CMS digest", sig.CMSDigest)
	if sig.CMSSize > 0 {
		p.row("signature", fmt.Sprintf("CMS of %d bytes; %d of %d bytes used at offset %d", sig.CMSSize, sig.Length, sig.Size, sig.Offset))
	} else {
		p.row("signature", fmt.Sprintf("ad hoc; %d of %d bytes used at offset %d", sig.Length, sig.Size, sig.Offset))
	}
	for _, s := range sig.Slots {
		p.sub("slot", fmt.Sprintf("%s: %d bytes at %d, magic %08x", s.Name, s.Length, s.Offset, s.Magic))
	}
}

func pageSize(n uint32) string {
	if n == 0 {
		return "all"
	}
	return fmt.Sprint(n)
}

func hashChoices(hashes []code.CDHash) string {
	var names []string
	for i := len(hashes) - 1; i >= 0; i-- { // codesign lists the weakest first
		names = append(names, hashes[i].Type.String())
	}
	return strings.Join(names, ",")
}

func (p printer) certificates(v *code.Slice) {
	certs, ok, err := v.Certs.Get()
	switch {
	case err != nil:
		p.row("authority", "unknown: "+err.Error())
		return
	case !ok:
		p.row("authority", "none: ad hoc, anybody can have made this")
		return
	}
	for i := range certs {
		c := &certs[i]
		p.row("authority", c.CommonName())
		p.sub("valid", fmt.Sprintf("%s to %s", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly)))
		p.sub("sha256", fmt.Sprintf("%x", c.SHA256))
		for _, o := range c.Extensions {
			if name := code.MarkerName(o); name != "" {
				p.sub("marker", fmt.Sprintf("%s (%s)", o, name))
			}
		}
		if i == len(certs)-1 {
			p.sub("root", rootWords(c))
		}
	}
}

func rootWords(c *code.Certificate) string {
	if c.AppleRoot {
		return "one of Apple's"
	}
	return "not one of Apple's: anybody can make such a root, and a policy must name it"
}

func (p printer) times(v *code.Slice) {
	switch t, ok, err := v.SignedAt.Get(); {
	case ok:
		p.row("timestamp", t.UTC().Format(time.RFC3339)+", from a timestamp authority")
	case err != nil:
		p.row("timestamp", "unknown: "+err.Error())
	default:
		p.row("timestamp", "none")
	}
	if t, ok, _ := v.SigningTime.Get(); ok {
		p.row("signed time", t.UTC().Format(time.RFC3339)+", claimed by the signer")
	}
}

// plist prints a dictionary, one entry for each line, in the order of the file.
func (p printer) plist(name string, f code.Fact[code.Value], none string) {
	v, ok, err := f.Get()
	switch {
	case err != nil:
		p.row(name, "unknown: "+err.Error())
	case !ok:
		p.row(name, none)
	default:
		p.row(name, plural(v.Len(), "key"))
		for key, value := range v.All() {
			fmt.Fprintf(p.w, "    %s = %s\n", diag.Printable(key), diag.Printable(value.String()))
		}
	}
}

func (p printer) requirements(v *code.Slice) {
	blob, ok, err := v.Requirements.Get()
	switch {
	case err != nil:
		p.row("requirements", "unknown: "+err.Error())
		return
	case !ok:
		p.row("requirements", "none")
		return
	}
	set, err := requirement.DecodeSet(blob)
	if err != nil {
		p.row("requirements", fmt.Sprintf("%d bytes that do not decode: %v", len(blob), err))
		return
	}
	p.row("requirements", fmt.Sprintf("count=%d size=%d", len(set.Entries), len(blob)))
	for _, line := range strings.Split(strings.TrimRight(requirement.FormatSet(set, requirement.StyleDefault), "\n"), "\n") {
		if line != "" {
			fmt.Fprintf(p.w, "    %s\n", diag.Printable(line))
		}
	}
}

func (p printer) constraints(v *code.Slice) {
	for _, c := range v.Constraints {
		p.row("constraint", fmt.Sprintf("%s: %d bytes of DER, not evaluated", macho.SlotName(c.Slot), len(c.DER)))
	}
}

// resources says what verification found out about the seal of a bundle's files.
func resources(v *code.Subject) string {
	for _, c := range v.Validity.Checks {
		if c.ID != "R1" || c.Arch != "" && c.Arch != v.Arch {
			continue
		}
		switch c.Outcome {
		case code.Passed:
			return "CodeResources matches its seal; the files that it lists are not read yet"
		case code.NotApplicable:
			return "none: " + c.Reason
		case code.Failed:
			return "broken: " + c.Reason
		}
	}
	return "not read"
}

// validity prints which checks ran.
func (p printer) validity(s *code.Subject) {
	p.heading("verification")
	if err := s.Verified(); err == nil {
		p.row("verdict", "verified")
	} else {
		p.row("verdict", "not verified: "+err.Error())
	}
	if apple, ok, err := s.Validity.Apple.Get(); ok {
		p.row("Apple would say", apple.String())
	} else if err != nil {
		p.row("Apple would say", "unknown: "+err.Error())
	}
	groups := map[code.Outcome][]string{}
	for _, c := range s.Validity.Checks {
		if c.Outcome == code.Failed {
			p.row("failed", fmt.Sprintf("%s %s: %s", c.ID, c.Name, checkNote(c)))
		} else if !slices.Contains(groups[c.Outcome], c.Name) { // once for all slices
			groups[c.Outcome] = append(groups[c.Outcome], c.Name)
		}
	}
	p.row("passed", strings.Join(groups[code.Passed], ", "))
	p.row("not run", strings.Join(groups[code.NotRun], ", "))
	for _, w := range s.Validity.Warnings {
		p.row("warning", slicePrefix(w.Arch)+w.Message)
	}
}
