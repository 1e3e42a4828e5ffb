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
