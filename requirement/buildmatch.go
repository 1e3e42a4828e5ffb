package requirement

import (
	"errors"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Comparison is what a [Builder] demands of a value. The zero Comparison is a
// mistake.
type Comparison struct {
	made  bool
	op    MatchOp
	value string
	date  int64
	err   error
}

// Exists is true of every value but the boolean false.
func (Builder) Exists() Comparison { return Comparison{made: true, op: MatchExists} }

// Absent is true when there is no value. It is not the opposite of Exists: the
// boolean false is neither.
func (Builder) Absent() Comparison { return Comparison{made: true, op: MatchAbsent} }

// Equal is true of exactly this text.
func (Builder) Equal(v string) Comparison { return compareText(MatchEqual, v) }

// Contains is true of texts that have v in them.
func (Builder) Contains(v string) Comparison { return compareText(MatchContains, v) }

// BeginsWith is true of texts that begin with v.
func (Builder) BeginsWith(v string) Comparison { return compareText(MatchBeginsWith, v) }

// EndsWith is true of texts that end with v.
func (Builder) EndsWith(v string) Comparison { return compareText(MatchEndsWith, v) }

// Less is true of texts before v in the order of [CompareVersions].
func (Builder) Less(v string) Comparison { return compareText(MatchLess, v) }

// LessEqual is true of v and texts before it.
func (Builder) LessEqual(v string) Comparison { return compareText(MatchLessEqual, v) }

// Greater is true of texts after v.
func (Builder) Greater(v string) Comparison { return compareText(MatchGreater, v) }

// GreaterEqual is true of v and texts after it. "1.0" is not among those of
// "1.0.0".
func (Builder) GreaterEqual(v string) Comparison { return compareText(MatchGreaterEqual, v) }

// On is true of exactly this second.
func (Builder) On(t time.Time) Comparison { return compareDate(MatchOn, t) }

// Before is true of dates before t.
func (Builder) Before(t time.Time) Comparison { return compareDate(MatchBefore, t) }

// After is true of dates after t.
func (Builder) After(t time.Time) Comparison { return compareDate(MatchAfter, t) }

// OnOrBefore is true of t and dates before it.
func (Builder) OnOrBefore(t time.Time) Comparison { return compareDate(MatchOnOrBefore, t) }

// OnOrAfter is true of t and dates after it.
func (Builder) OnOrAfter(t time.Time) Comparison { return compareDate(MatchOnOrAfter, t) }

func compareText(op MatchOp, v string) Comparison {
	c := Comparison{made: true, op: op, value: v, err: checkText("value", v, true)}
	if v == "" && (op == MatchContains || op == MatchBeginsWith || op == MatchEndsWith) {
		c.err = errors.New("an empty value is contained in nothing, begins nothing and ends nothing")
	}
	return c
}

// unix2001 is 2001-01-01T00:00:00Z in seconds since 1970.
const unix2001 = 978307200

func compareDate(op MatchOp, t time.Time) Comparison {
	c := Comparison{made: true, op: op, date: t.Unix() - unix2001}
	switch {
	case t.IsZero():
		c.err = errors.New("the date is zero")
	case t.Nanosecond() != 0:
		c.err = fmt.Errorf("the date %s is no whole second, and requirements have no parts of seconds", t.Format(time.RFC3339Nano))
	}
	return c
}

// of completes a term with the comparison.
func (c Comparison) of(e Expr) Term {
	switch {
	case c.err != nil && e.Key != "":
		return Term{err: fmt.Errorf("%q: %w", e.Key, c.err)}
	case c.err != nil:
		return Term{err: c.err}
	case !c.made:
		return bad("a comparison that no Builder made")
	}
	e.Match, e.Value = c.op, c.value
	if c.op.HasDate() {
		e.Value = dateValue(c.date)
	}
	return Term{e: &e}
}

// ofOID completes a term about an object identifier.
func (c Comparison) ofOID(e Expr, dotted string) Term {
	oid, err := code.ParseOID(dotted)
	switch {
	case err != nil:
		return Term{err: err}
	case c.err != nil || c.op == MatchExists || c.op == MatchAbsent:
	case e.Op != OpCertDate:
		c.err = errors.New("only whether it exists or is absent can be asked")
	case !c.op.HasDate():
		c.err = errors.New("a date compares with dates only")
	}
	if c.err != nil {
		return Term{err: fmt.Errorf("%s: %w", dotted, c.err)}
	}
	e.Key = string(oid)
	return c.of(e)
}
