package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var orPrecedence = Rule{
	ID: "RQ203", Slug: "or-precedence", Severity: diag.Error,
	What:  "an `or` without parentheses beside an `and`: the clauses of one side do not hold for the other",
	Why:   "`and` binds tighter than `or`, so an alternative lacks what was meant to hold for all of them",
	Fix:   "put the alternatives into parentheses",
	Bad:   `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345" and identifier "com.example.app" or identifier "com.example.tool"`,
	Good:  `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345" and (identifier "com.example.app" or identifier "com.example.tool")`,
	check: checkPrecedence,
}

// checkPrecedence looks for A and x or y, and x or y and A, where x and y are
// terms of one kind and the side without A is open to strangers.
func checkPrecedence(p *pass) {
	if p.expr == nil || p.over || p.src == nil {
		return
	}
	for e := range requirement.All(p.expr) {
		if e.Op != requirement.OpOr || e.X == nil || e.Y == nil {
			continue
		}
		ops := p.operands(e)
		for i, x := range ops {
			if x.Op != requirement.OpAnd || p.inParens(x) {
				continue
			}
			terms := p.operands(x)
			if last := terms[len(terms)-1]; i+1 < len(ops) {
				n := i + 1
				for n < len(ops) && sameKind(last, ops[n]) && p.open(ops[n]) {
					n++
				}
				if n > i+1 {
					p.reportPrecedence(last, ops[n-1], x)
				}
			}
			n := i
			for n > 0 && sameKind(terms[0], ops[n-1]) && p.open(ops[n-1]) {
				n--
			}
			if n < i {
				p.reportPrecedence(ops[n], terms[0], x)
			}
		}
	}
}

func (p *pass) reportPrecedence(from, to, and *requirement.Expr) {
	at := diag.Span{Start: from.Span().Start, End: to.Span().End}
	f := p.report(at, `"and" binds tighter than "or": the other clauses hold for `+p.shown(termIn(and, from, to))+" only")
	f.Fix = "(" + p.cut(at) + ")"
	f.Edits = []Edit{p.insert(at.Start, "("), p.insert(at.End, ")")}
}

// termIn is whichever of two terms is part of a conjunction.
func termIn(and, a, b *requirement.Expr) *requirement.Expr {
	if s := and.Span(); a.Span().Start >= s.Start && a.Span().End <= s.End {
		return a
	}
	return b
}

func (p *pass) cut(s diag.Span) string {
	if s.End <= len(p.patch.text) && s.Start <= s.End {
		return p.patch.text[s.Start:s.End]
	}
	return ""
}

// open reports whether strangers satisfy a part of the requirement by itself.
func (p *pass) open(e *requirement.Expr) bool {
	branches, ok := split(e)
	for i := range branches {
		if branches[i].weakness() > 0 {
			return true
		}
	}
	return !ok
}

// operands returns the parts of a chain, which parentheses end.
func (p *pass) operands(e *requirement.Expr) []*requirement.Expr {
	var out []*requirement.Expr
	todo := []*requirement.Expr{e}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x.Op == e.Op && x.X != nil && x.Y != nil && (x == e || !p.inParens(x)) {
			todo = append(todo, x.Y, x.X)
			continue
		}
		out = append(out, x)
	}
	return out
}

// inParens reports whether parentheses enclose exactly an operator and its
// operands.
func (p *pass) inParens(e *requirement.Expr) bool {
	s := e.Span()
	before := strings.TrimRight(p.patch.text[:min(s.Start, len(p.patch.text))], " \t\n")
	after := skipBlank(p.patch.text, s.End)
	return strings.HasSuffix(before, "(") && after < len(p.patch.text) && p.patch.text[after] == ')'
}

func sameKind(a, b *requirement.Expr) bool {
	return a.Op == b.Op && a.Slot == b.Slot && a.Key == b.Key && a.Op != requirement.OpAnd && a.Op != requirement.OpOr
}

var weakBranch = Rule{
	ID: "RQ205", Slug: "weak-branch", Severity: diag.Error,
	Levels: []Level{{Targets: []Target{Gatekeeper}, Off: true}},
	What:   "one alternative says less about the signer than the others",
	Why:    "an attacker chooses the alternative that is easiest to satisfy",
	Fix:    "let every alternative say anchor, team and identifier",
	Bad:    `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345" or identifier "com.example.tool" and info[CFBundleVersion] exists`,
	Good:   `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345" or cdhash H"0123456789abcdef0123456789abcdef01234567"`,
	check:  checkWeakBranch,
}

// How much a branch leaves open. What RQ200 says is not said again.
const (
	anyProgram = 1 + iota // of one signer
	anyone
)

func (b *branch) weakness() int {
	switch {
	case len(b.lits) == 0:
		return 0
	case b.unanchored(), b.identifierOnly(), b.genericOnly(), b.withoutTeam(), b.storeOnly(), b.contentOnly():
		return anyone
	case b.teamOnly():
		return anyProgram
	}
	return 0
}

// contentOnly reports whether a branch looks at nothing but what the signer wrote
// into property lists and entitlements.
func (b *branch) contentOnly() bool {
	return oneOf(b.ident, b.cert, b.cdhash, b.anchor()) == nil && oneOf(b.info, b.entitlement) != nil
}

func checkWeakBranch(p *pass) {
	live := p.live()
	least, most := anyone, 0
	named := false // some alternative names a program
	for _, b := range live {
		w := b.weakness()
		least, most = min(least, w), max(most, w)
		named = named || b.ident != nil
	}
	if len(live) < 2 || most == 0 || least == anyone || p.found("RQ203") || p.found("RQ200") {
		return // one branch, or all are the same: their own rules say it
	}
	team, _ := teamOnly.Level(p.cfg)
	for _, b := range live {
		if w := b.weakness(); w == most && b.via != nil {
			f := p.report(b.via.Span(), "this alternative is true of "+openTo[w])
			if w == anyProgram && !named {
				f.Severity = max(f.Severity, team)
			}
		}
	}
}

// openTo says whom a weakness lets in.
var openTo = [...]string{anyProgram: "every program of its signer", anyone: "programs of strangers"}
