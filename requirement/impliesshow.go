package requirement

import (
	"errors"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// errorText is the cause of an aborted evaluation, without the name of the part.
func errorText(err error) string {
	var e *code.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// describeFacts lists what requirements can see of a program that the search made
// up, and leaves out what ordinary code does not have.
func describeFacts(s *code.Subject) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString("\n" + strings.Join(parts, " ")) }
	if id, ok, _ := s.Identifier.Get(); ok {
		line("identifier", strconv.Quote(id))
	}
	if h, ok, _ := s.CDHash().Get(); ok {
		line("cdhash", h.String())
	}
	if p, ok, _ := s.PlatformByte.Get(); ok && p != 0 {
		line("platform", itoa(int(p)))
	}
	for _, f := range [...]struct {
		fact code.Fact[bool]
		text string
	}{
		{s.InTrustCache, "in the kernel's trust cache"},
		{s.Notarized, "notarized"},
		{s.LegacyListed, "on Apple's list of old Developer ID code"},
	} {
		if f.fact.Or(false) {
			line(f.text)
		}
	}
	certs := s.Certs.Or(nil)
	if len(certs) == 0 {
		line("no certificates (ad hoc)")
	}
	for i := range certs {
		line("certificate", certName(i, len(certs)), describeCertificate(&certs[i]))
	}
	for _, d := range [...]struct {
		name string
		fact code.Fact[code.Value]
	}{{"info", s.Info}, {"entitlement", s.Entitlements}} {
		v, _, _ := d.fact.Get()
		if v.Kind() != plist.KindDict {
			continue
		}
		for k, x := range v.All() {
			line(d.name+"["+strconv.Quote(k)+"]", "is", x.Kind().String(), x.String())
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func certName(i, n int) string {
	switch {
	case i == n-1 && i > 0:
		return "root:"
	case i == 0 && n == 1:
		return "leaf, which is the root:"
	case i == 0:
		return "leaf:"
	}
	return itoa(i) + ":"
}

func describeCertificate(c *code.Certificate) string {
	var parts []string
	if c.AppleRoot {
		parts = append(parts, "Apple root")
	}
	if c.TrustSetting != code.TrustUnspecified {
		parts = append(parts, string(c.TrustSetting))
	}
	for _, a := range c.Subject {
		parts = append(parts, "subject."+strings.TrimPrefix(attributeName(a.Type), "subject.")+" "+strconv.Quote(a.Value))
	}
	for _, o := range c.Extensions {
		parts = append(parts, "field."+o.String())
	}
	for _, o := range c.Policies {
		parts = append(parts, "policy."+o.String())
	}
	for _, d := range c.Dates {
		parts = append(parts, "timestamp."+d.OID.String()+" "+dateText(int64(d.Seconds)))
	}
	return strings.Join(append(parts, "sha1 "+hexText(string(c.SHA1[:]))), ", ")
}
