package lint

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// Bounds of repairing: how long a text may be, and how often it is parsed again.
const (
	maxRepair = 1 << 16
	maxRounds = 48
)

// fault is one reason why a text does not compile, in the original text.
type fault struct {
	diag.Diagnostic
	edits []Edit
	sure  bool // there is one way to repair it
	guess bool // the edits serve to judge the rest, and are not offered
}

// id is the number of the rule that stands for a fault.
func (f *fault) id() string {
	id, _, _ := strings.Cut(f.Rule, " ")
	return id
}

// parse compiles the text. Where that fails it makes the repairs that are certain,
// fills placeholders in, and tries again, so that what the text says beside its
// mistakes is judged too.
func (p *pass) parse() {
	if p.src == nil {
		return
	}
	t := patch{text: p.text}
	a, err := requirement.ParseAny(p.src.Name(), t.text)
	if err != nil && len(p.text) <= maxRepair {
		if p.holes = holes(p.text); len(p.holes) > 0 {
			t.fill(p.holes)
			a, err = requirement.ParseAny(p.src.Name(), t.text)
		}
	}
	for round := 0; err != nil; round++ {
		var syntax *requirement.SyntaxError
		if !errors.As(err, &syntax) {
			return
		}
		repaired := false
		for i := len(syntax.Diagnostics) - 1; i >= 0; i-- {
			f := p.fault(&t, syntax.Diagnostics[i])
			if repaired = (f.sure || f.guess) && round < maxRounds && len(p.text) <= maxRepair; repaired {
				p.faults = append(p.faults, f)
				break
			}
		}
		if !repaired {
			for _, d := range syntax.Diagnostics {
				p.faults = append(p.faults, p.fault(&patch{text: t.text, off: t.off}, d))
			}
			return
		}
		a, err = requirement.ParseAny(p.src.Name(), t.text)
	}
	p.repaired = len(p.holes) == 0
	for i := range p.faults {
		p.repaired = p.repaired && p.faults[i].sure
	}
	if slices.ContainsFunc(p.holes, func(h hole) bool { return h.gap }) {
		return // what was left out decides
	}
	p.set = a.Set
	if p.patch = t; a.Expr != nil {
		p.read(a.Expr)
	} else if e := a.Set.Find(requirement.TypeDesignated); e != nil {
		p.read(e)
	}
}

// fault works out the repair of a diagnostic; when it is certain, it makes it.
func (p *pass) fault(t *patch, d diag.Diagnostic) fault {
	d = closer(t.text, shouted(t.text, d))
	f := fault{Diagnostic: d}
	edits := repairs(t.text, d)
	if f.sure = edits != nil; !f.sure {
		edits = guesses(t.text, d)
		f.guess = edits != nil
	}
	f.Span = t.span(d.Span)
	for _, e := range edits {
		f.edits = append(f.edits, Edit{t.span(e.Span), e.New})
	}
	if len(edits) > 0 {
		t.apply(edits...)
	}
	return f
}

// shouted finds an operator in capitals before the place of an error: after
// `anchor apple` it reads as the name of an anchor, and the next term is at fault.
func shouted(text string, d diag.Diagnostic) diag.Diagnostic {
	before := strings.TrimRight(text[:d.Span.Start], " \t\n")
	word := before[strings.LastIndexAny(before, " \t\n")+1:]
	if op := strings.ToLower(word); d.Rule == "RQ001 syntax" && op != word && (op == "and" || op == "or") {
		d.Rule, d.Fix = "RQ009 wrong-operator-word", op
		d.Summary = quote(word) + " is not a keyword: keywords are lower-case"
		d.Span = diag.Span{Start: len(before) - len(word), End: len(before)}
	}
	return d
}

// closer finds the rule that says most about an error: that of versions, paths and
// white space.
func closer(text string, d diag.Diagnostic) diag.Diagnostic {
	before := strings.TrimRight(text[:d.Span.Start], " \t\n=")
	word := text[d.Span.Start:d.Span.End]
	switch number := d.Rule == "RQ007 unquoted-component-digit"; {
	case number && (strings.HasSuffix(before, "<") || strings.HasSuffix(before, ">")):
		d.Rule = "RQ303 version-unquoted"
	case number && strings.HasSuffix(text[:d.Span.Start], "/"):
		d.Rule, d.Fix = "RQ018 cert-file-path", `H"…", the SHA-1 of the certificate`
		d.Summary = "the path of a certificate, which can hold letters and digits only, and is not read here"
	case word == "\v" || word == "\f":
		d.Rule, d.Fix = "RQ005 crlf-or-odd-space", "a plain space"
		d.Summary = "space that is not a plain space: only space, tab and LF may stand between words"
	}
	return d
}

// repairs returns the edits that are the only way to read a text, in its order;
// nil where a person has to choose.
func repairs(text string, d diag.Diagnostic) []Edit {
	id, _, _ := strings.Cut(d.Rule, " ")
	word := text[d.Span.Start:d.Span.End]
	switch id {
	case "RQ002", "RQ006", "RQ007", "RQ008", "RQ303":
		if strings.HasPrefix(d.Fix, `"`) && wantsValue(text[:d.Span.Start]) {
			return []Edit{{d.Span, d.Fix}}
		}
	case "RQ004":
		return quotes(text, d.Span)
	case "RQ005", "RQ027":
		return everyRune(text, oddSpace)
	case "RQ009":
		if d.Fix == "and" || d.Fix == "or" || d.Fix == "!" || requirement.IsKeyword(d.Fix) {
			return []Edit{{d.Span, d.Fix}}
		}
	case "RQ013":
		if strings.HasPrefix(d.Fix, "field.") || strings.EqualFold(d.Fix, strings.Trim(word, `"`)) {
			return []Edit{{d.Span, d.Fix}}
		}
	case "RQ014":
		if before := strings.TrimRight(text[:d.Span.Start], " \t\n="); strings.HasSuffix(before, "cdhash") && len(word) == 64+3 {
			return []Edit{{d.Span, word[:42] + `"`}}
		}
	case "RQ026":
		return entities(text)
	}
	return nil
}

// wantsValue reports whether a value must follow a text.
func wantsValue(before string) bool {
	before = strings.TrimRight(before, " \t\n")
	if before == "" {
		return false
	}
	if strings.IndexByte("=~<>[", before[len(before)-1]) >= 0 {
		return true
	}
	word := before[strings.LastIndexAny(before, " \t\n()!")+1:]
	return word == "identifier"
}

// guesses returns edits with which the rest of a text can be judged, where what
// was meant cannot be told.
func guesses(text string, d diag.Diagnostic) []Edit {
	switch {
	case strings.HasPrefix(d.Rule, "RQ014"):
		return []Edit{{d.Span, fillerHash}}
	case d.Fix == `add "` && d.Span.End == len(text):
		if strings.HasPrefix(text[d.Span.Start:], `H"`) {
			if rest := text[d.Span.Start+2:]; len(rest) != 40 {
				return []Edit{{d.Span, fillerHash}}
			}
		}
		return []Edit{{diag.Span{Start: len(text), End: len(text)}, `"`}}
	case d.Fix == "add )":
		return []Edit{{diag.Span{Start: len(text), End: len(text)}, `)`}}
	}
	return nil
}

// oddSpace returns what stands for a character that Apple's lexer refuses between
// words; false when it is none of them.
func oddSpace(r rune, next byte) (string, bool) {
	switch r {
	case '\r':
		if next == '\n' {
			return "", true
		}
		return "\n", true
	case '\v', '\f', '\u00a0', '\u1680', '\u2002', '\u2003', '\u2009', '\u202f', '\u3000':
		return " ", true
	case '\ufeff', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2060', '\u00ad', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e':
		return "", true
	}
	return "", false
}

// everyRune replaces characters outside strings and comments.
func everyRune(text string, by func(r rune, next byte) (string, bool)) []Edit {
	var out []Edit
	for i := 0; i < len(text); {
		if end := skipOpaque(text, i); end > i {
			i = end
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		next := byte(0)
		if i+n < len(text) {
			next = text[i+n]
		}
		if s, ok := by(r, next); ok {
			out = append(out, Edit{diag.Span{Start: i, End: i + n}, s})
		}
		i += n
	}
	return out
}

// skipOpaque returns the end of the string or comment that begins at i, else i.
func skipOpaque(text string, i int) int {
	if text[i] != '"' {
		return commentEnd(text, i)
	}
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(text)
}

// Quotes that are no quotes, and what may close them.
const oddQuotes = "“”„‟«»″‘’‚‹›′'`"

// quotes replaces the quotes around one value. The closing one must come before
// the end of the line, and the value be one that needs no escapes.
func quotes(text string, at diag.Span) []Edit {
	rest := text[at.End:]
	n := strings.IndexAny(rest, oddQuotes+"\n\"\\")
	if n < 0 || rest[n] == '\n' || rest[n] == '"' || rest[n] == '\\' {
		return nil
	}
	_, size := utf8.DecodeRuneInString(rest[n:])
	return []Edit{{at, `"`}, {diag.Span{Start: at.End + n, End: at.End + n + size}, `"`}}
}

var entityTexts = [...]struct{ entity, text string }{
	{"&quot;", `"`}, {"&#34;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"},
	{"&apos;", "'"}, {"&#39;", "'"}, {"&nbsp;", " "},
}

// entities replaces every HTML entity of a text.
func entities(text string) []Edit {
	var out []Edit
	for i := 0; i < len(text); i++ {
		if text[i] != '&' {
			continue
		}
		for _, e := range entityTexts {
			if strings.HasPrefix(text[i:], e.entity) {
				out = append(out, Edit{diag.Span{Start: i, End: i + len(e.entity)}, e.text})
			}
		}
	}
	return out
}
