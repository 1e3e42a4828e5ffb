package main

import (
	"encoding/json"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// buildsJSON is a comparison for machines. docs/schema/diff-1.schema.json describes it.
type buildsJSON struct {
	Old         sideJSON         `json:"old"`
	New         sideJSON         `json:"new"`
	Flips       bool             `json:"flips"`
	Conclusion  string           `json:"conclusion"`
	Differences []differenceJSON `json:"differences"`
	Designated  *ownJSON         `json:"designated,omitempty"`
	Items       []itemChange     `json:"items,omitempty"`
}

type sideJSON struct {
	Target     string          `json:"target"`
	Origin     code.Origin     `json:"origin,omitempty"`
	Verified   bool            `json:"verified"`
	Status     code.Status     `json:"status"`
	StatusName string          `json:"status_name"`
	Message    string          `json:"message,omitempty"`
	Designated string          `json:"designated,omitempty"`
	Implied    bool            `json:"designated_implied,omitempty"`
	Decision   json.RawMessage `json:"decision,omitempty"`
}

type differenceJSON struct {
	code.Difference
	Hint string `json:"hint,omitempty"`
}

type ownJSON struct {
	Relation string               `json:"relation"`
	Added    []requirement.Clause `json:"added,omitempty"`
	Removed  []requirement.Clause `json:"removed,omitempty"`
	OldToNew string               `json:"new_satisfies_old"`
	NewToOld string               `json:"old_satisfies_new"`
}

func (r *builds) json() buildsJSON {
	v := buildsJSON{
		Old: r.old.json(), New: r.new.json(), Flips: r.flips(), Conclusion: r.conclusion(),
		Differences: []differenceJSON{}, Items: r.items,
	}
	for i := range r.differences {
		d := differenceJSON{Difference: r.differences[i]}
		if d.Matters {
			d.Hint = hint(&d.Difference)
		}
		v.Differences = append(v.Differences, d)
	}
	if r.own != nil {
		v.Designated = &ownJSON{
			Relation: r.own.Relation.String(), Added: r.own.Added, Removed: r.own.Removed,
			OldToNew: yesNoUnknown(r.accepts.Outcome()), NewToOld: yesNoUnknown(r.accepted.Outcome()),
		}
	}
	return v
}

func (s *side) json() sideJSON {
	v := sideJSON{Target: s.target}
	err := s.err
	if err == nil {
		v.Origin = s.subject.Origin
		err = s.subject.Verified()
		v.Verified = err == nil
	}
	v.Status = code.StatusOf(err)
	v.StatusName = v.Status.Name()
	if err != nil {
		v.Message = xpcpolicy.NotJudged(err).Message()
	}
	if s.err == nil && s.ownErr == nil {
		v.Designated, v.Implied = requirement.Format(s.own.Expr), s.own.Implied
	}
	if s.answer != nil {
		if b, err := s.answer.MarshalJSON(); err == nil {
			v.Decision = b
		}
	}
	return v
}
