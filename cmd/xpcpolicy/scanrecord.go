package main

import (
	"encoding/hex"
	"slices"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// record is one line of a scan. docs/schema/scan-1.schema.json describes it.
type record struct {
	Path string `json:"path"`
	// PathHex has the bytes of a path that is not UTF-8, which JSON cannot hold.
	PathHex string `json:"path_hex,omitempty"`
	Kind    string `json:"kind"`
	// Parent is the path of the bundle around it.
	Parent     string   `json:"parent,omitempty"`
	Executable string   `json:"executable,omitempty"`
	Format     string   `json:"format,omitempty"`
	FileType   string   `json:"file_type,omitempty"`
	Archs      []string `json:"architectures,omitempty"`
	Size       int64    `json:"size,omitempty"`

	Identifier    string `json:"identifier,omitempty"`
	TeamID        string `json:"team_id,omitempty"`
	ClaimedTeamID string `json:"claimed_team_id,omitempty"`
	CDHash        string `json:"cdhash,omitempty"`
	Channel       string `json:"channel,omitempty"`
	// HardenedRuntime is missing for unsigned code and where nobody knows.
	HardenedRuntime *bool    `json:"hardened_runtime,omitempty"`
	Dangerous       []string `json:"dangerous_entitlements,omitempty"`

	Verdict    string      `json:"verdict"`
	Status     code.Status `json:"status"`
	StatusName string      `json:"status_name"`
	Reason     string      `json:"reason,omitempty"`
	Limits     []string    `json:"limits,omitempty"`

	stamp string
}

// newRecord says what verification found out about a piece.
func newRecord(p *piece, kind string, r verdict) *record {
	rec := &record{
		Path: p.path, Kind: kind, Executable: p.exe, Verdict: r.word(),
		Status: r.status, StatusName: r.status.Name(), Reason: r.message, Limits: r.limits,
	}
	if outer := p.outer(); outer != nil {
		rec.Parent = outer.path
	}
	s := r.subject
	if s == nil {
		return rec
	}
	rec.Format, rec.FileType, rec.Size = s.Format, s.FileType, sizeOf(s)
	rec.Identifier, rec.ClaimedTeamID = s.Identifier.Or(""), s.ClaimedTeamID.Or("")
	rec.TeamID = s.VerifiedTeam(nil).Or("")
	if h, ok, _ := s.CDHash().Get(); ok {
		rec.CDHash = h.String()
	}
	if c, ok, _ := s.Channel().Get(); ok {
		rec.Channel = string(c)
	}
	for _, v := range s.PerSlice() {
		if v.Arch != "" {
			rec.Archs = append(rec.Archs, v.Arch)
		}
		if f, ok, _ := v.Flags.Get(); ok { // hardened means: every slice is
			hardened := f&code.FlagRuntime != 0 && (rec.HardenedRuntime == nil || *rec.HardenedRuntime)
			rec.HardenedRuntime = &hardened
		}
		if ents, ok, _ := v.Entitlements.Get(); ok {
			for _, key := range code.DangerousEntitlements(ents) {
				if !slices.Contains(rec.Dangerous, key) {
					rec.Dangerous = append(rec.Dangerous, key)
				}
			}
		}
	}
	return rec
}

// exit is the exit code of one line.
func (r *record) exit() exit {
	switch r.Verdict {
	case "valid", "valid-within-limits":
		return exitYes
	case "unknown":
		return exitUnknown
	}
	return exitNo
}

// finish prepares a record for JSON.
func (r *record) finish() *record {
	if !utf8.ValidString(r.Path) {
		r.PathHex = hex.EncodeToString([]byte(r.Path))
	}
	return r
}
