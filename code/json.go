package code

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// strictUnmarshal decodes exactly one value and refuses unknown keys.
func strictUnmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("unexpected data after the JSON value")
	}
	return nil
}

type subjectFields Subject

type subjectJSON struct {
	SchemaVersion int `json:"schema"`
	subjectFields
}

// MarshalJSON writes schema version 1, which docs/schema/subject-1.schema.json
// describes. Facts that nobody looked up are left out, absent ones are null.
func (s Subject) MarshalJSON() ([]byte, error) {
	return json.Marshal(subjectJSON{Schema, subjectFields(s)})
}

// UnmarshalJSON reads schema version 1 and refuses other versions, unknown keys
// and trailing data. The origin is kept as written: use [ReadFacts] for a file.
func (s *Subject) UnmarshalJSON(b []byte) error {
	var v subjectJSON
	if err := strictUnmarshal(b, &v); err != nil {
		return err
	}
	if v.SchemaVersion != Schema {
		return fmt.Errorf("subject schema %d is not supported, want %d", v.SchemaVersion, Schema)
	}
	*s = Subject(v.subjectFields)
	return nil
}

// ReadFacts decodes a facts file. Whatever origin it names, the result has
// [OriginReplay], because nothing was verified here; the named origin moves to
// Recorded.
func ReadFacts(b []byte) (*Subject, error) {
	s := new(Subject)
	if err := strictUnmarshal(b, s); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	if s.Origin != OriginReplay {
		s.Recorded = s.Origin
	}
	s.Origin = OriginReplay
	return s, nil
}
