package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var entitlementOnly = Rule{
	ID: "RQ516", Slug: "entitlement-only", Severity: diag.Error,
	What: "nothing but an entitlement says who may pass",
	Why:  "whoever signs code, ad hoc too, gives it any entitlement that Apple does not reserve",
	Fix:  `anchor apple generic and certificate leaf[subject.OU] = "TEAM" and …`,
	Bad:  `entitlement["com.example.client"] exists`,
	Good: goodText + ` and entitlement["com.example.client"] exists`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.contentOnly() && b.info == nil {
				p.report(b.entitlement.Span(), "anyone can sign code with this entitlement")
			}
		}
	},
}

var restrictedEntitlement = Rule{
	ID: "RQ517", Slug: "restricted-entitlement-assumed", Severity: diag.Warning,
	What: "an entitlement of Apple's is taken for proof, and no anchor says who signed",
	Why:  "the system refuses to run code that claims it without leave, but a requirement is satisfied all the same",
	Fix:  "anchor apple generic and …",
	Bad:  `identifier "com.example.app" and entitlement["com.apple.developer.endpoint-security.client"] exists`,
	Good: `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345" and entitlement["com.apple.developer.endpoint-security.client"] exists`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.anchor() != nil || b.cdhash != nil {
				continue
			}
			for _, l := range b.lits {
				if !l.not && l.e.Op == requirement.OpEntitlement && l.e.Match != requirement.MatchAbsent && strings.HasPrefix(l.e.Key, "com.apple.") {
					p.report(l.e.Span(), "nothing here says who signed the entitlement "+quote(l.e.Key))
				}
			}
		}
	},
}
