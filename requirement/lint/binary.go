package lint

import (
	"bytes"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var trailingBytes = Rule{
	ID: "RQ215", Slug: "trailing-bytes", Severity: diag.Warning,
	What: "a binary requirement holds bytes that nothing reads",
	Why:  "two requirements that mean the same are not the same bytes, and something can be hidden there",
	Fix:  "compile the requirement again from its source",
	check: func(p *pass) {
		if p.expr == nil || p.src != nil {
			return
		}
		clean := requirement.Without(p.expr, func(*requirement.Expr) bool { return false })
		if was, is := requirement.Encode(p.expr), requirement.Encode(clean); !bytes.Equal(was, is) {
			p.report(diag.Span{}, fmt.Sprintf("%d bytes, of which the requirement needs %d", len(was), len(is)))
		}
	},
}

var unknownOpcode = Rule{
	ID: "RQ216", Slug: "unknown-opcode", Severity: diag.Warning,
	What: "a binary requirement holds an operation that this version of the language does not know",
	Why:  "depending on its flags it is false, skipped, or ends the evaluation, and other versions of the system know it",
	Fix:  "compile the requirement again from its source",
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpUnknown {
				p.report(e.Span(), fmt.Sprintf("operation %d is not known", e.Slot))
			}
		})
	},
}

var flaggedOpcode = Rule{
	ID: "RQ217", Slug: "flagged-known-opcode", Severity: diag.Warning,
	What: "a binary requirement has flags on an operation that is known",
	Why:  "the flags mean nothing here, and other readers may take the operation for an unknown one",
	Fix:  "compile the requirement again from its source",
	check: func(p *pass) {
		if p.expr == nil {
			return
		}
		for e := range requirement.All(p.expr) {
			if e.Op != requirement.OpUnknown && e.Flags != 0 {
				p.report(e.Span(), fmt.Sprintf("flags %#02x on an operation that is known", e.Flags))
			}
		}
	},
}

var oldOpcode = Rule{
	ID: "RQ218", Slug: "legacy-opcode-5", Severity: diag.Info,
	What:  "a binary requirement has the old form of an Info.plist comparison",
	Why:   "no compiler writes it any more, so the blob is old or made by hand",
	Fix:   "compile the requirement again from its source",
	check: func(p *pass) { p.keyword(requirement.OpInfoValue, "no compiler writes this operation") },
}
