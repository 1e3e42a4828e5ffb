package decisionlog

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// Schema is the version of the JSON form of an [Entry].
// docs/schema/decision-log-1.schema.json describes it.
const Schema = 1

// Entry is one decision with what it was about. Fields that nobody knows are empty.
type Entry struct {
	Schema     int       `json:"schema"`
	ID         string    `json:"decision_id"`
	Time       time.Time `json:"timestamp"` // of the decision
	Policy     Policy    `json:"policy"`
	Operation  string    `json:"operation,omitempty"`
	Result     string    `json:"result"` // "allow", "deny" or "unknown"
	Rule       string    `json:"rule,omitempty"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message,omitempty"`
	Unknown    []string  `json:"unknown_facts,omitempty"`
	Status     int32     `json:"status"`
	StatusName string    `json:"status_name"`
	Warnings   []string  `json:"warnings,omitempty"`
	Peer       Peer      `json:"peer"`
	Evidence   Evidence  `json:"evidence"`
	// Cached is set when the answer was kept from an earlier question.
	Cached  bool              `json:"cached,omitempty"`
	Metrics *Metrics          `json:"metrics,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	TraceID string            `json:"trace_id,omitempty"`
	SpanID  string            `json:"span_id,omitempty"`
	// Dropped counts the entries before this one that are not in the log.
	Dropped *Dropped `json:"dropped,omitempty"`
	// Masked lists, as JSON pointers, what was taken out of the entry.
	Masked []string `json:"masked,omitempty"`
	// Facts is everything that was known about the program, in the form of a facts
	// file, so that the question can be asked again; nil leaves it out.
	Facts json.RawMessage `json:"facts,omitempty"`
}

// Policy names the policy that decided.
type Policy struct {
	Name     string `json:"name"`
	Revision string `json:"revision"` // SHA-256 in hexadecimal
	Profile  string `json:"profile,omitempty"`
	Source   string `json:"source,omitempty"`
}

// Peer is who asked. Everything but TeamID is what the program says of itself.
type Peer struct {
	Identifier    string   `json:"identifier,omitempty"`
	TeamID        string   `json:"team_id,omitempty"` // the verified team
	ClaimedTeamID string   `json:"claimed_team_id,omitempty"`
	CDHash        string   `json:"cdhash,omitempty"`
	Version       string   `json:"version,omitempty"`
	Flags         []string `json:"flags,omitempty"`
	Path          string   `json:"path,omitempty"`
	Process       *Process `json:"process,omitempty"`
}

// Process is the running program, in the words of its audit token.
type Process struct {
	PID        uint32   `json:"pid"`
	PIDVersion uint32   `json:"pid_version"`
	EUID       uint32   `json:"euid"`
	AUID       uint32   `json:"auid"`
	ASID       uint32   `json:"asid"`
	Strength   string   `json:"token_strength,omitempty"`
	Flags      []string `json:"flags,omitempty"`
}

// Evidence says what the decision was made from.
type Evidence struct {
	Source       string     `json:"source"` // "disk", "kernel" or "replay"
	Recorded     string     `json:"recorded_source,omitempty"`
	Slice        string     `json:"slice,omitempty"` // the slice that decided
	Slices       []string   `json:"slices,omitempty"`
	Chain        []string   `json:"chain_sha256,omitempty"` // leaf first
	SignedAt     *time.Time `json:"signed_at,omitempty"`
	SigningTime  *time.Time `json:"signing_time,omitempty"`
	Notarized    *bool      `json:"notarized,omitempty"`
	HostsVersion int        `json:"hosts_version"` // of the lists of interpreters and plug-in hosts
}

// Metrics say how long things took, in nanoseconds; zero is not measured.
type Metrics struct {
	Verify int64 `json:"verify_ns,omitempty"`
	Decide int64 `json:"decide_ns,omitempty"`
	Total  int64 `json:"total_ns,omitempty"`
}

// Dropped counts entries that are not in the log.
type Dropped struct {
	Allows  uint64 `json:"allows,omitempty"`
	Denials uint64 `json:"denials,omitempty"` // and questions that could not be answered
}

// Meta is what the caller knows about a decision. The zero value knows nothing.
type Meta struct {
	ID      string // "" makes a random one
	Cached  bool
	Metrics Metrics
	Labels  map[string]string
	TraceID string
	SpanID  string
	// Facts adds everything that is known about the program, so that the decision
	// can be replayed. It makes entries some ten times as long.
	Facts bool
}

// NewEntry describes a decision. The request must be the one that was decided.
func NewEntry(d policy.Decision, r policy.Request, m Meta) Entry {
	e := Entry{
		Schema: Schema, ID: m.ID, Time: r.Now.UTC(), Operation: r.Operation,
		Result: d.Outcome().String(), Rule: d.Rule(), Reason: d.Reason(), Message: d.Message(), Unknown: d.Facts(),
		Status: int32(d.Status()), StatusName: d.Status().Name(), Warnings: d.Warnings(),
		Cached: m.Cached, Labels: m.Labels, TraceID: m.TraceID, SpanID: m.SpanID,
		Evidence: Evidence{Slice: d.Slice(), HostsVersion: code.HostsVersion},
	}
	if e.ID == "" {
		e.ID = newID()
	}
	if m.Metrics != (Metrics{}) {
		e.Metrics = &m.Metrics
	}
	if p := d.Policy(); p != nil {
		e.Policy = Policy{Name: p.Name(), Revision: p.Revision(), Profile: p.Profile(), Source: p.Source().Name()}
	}
	if r.Subject == nil {
		return e
	}
	e.peer(d, r.Subject)
	e.evidence(r.Subject)
	if m.Facts {
		if b, err := json.Marshal(r.Subject); err == nil {
			e.Facts = b
		}
	}
	return e
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (e *Entry) peer(d policy.Decision, s *code.Subject) {
	e.Peer = Peer{Identifier: s.Identifier.Or(""), ClaimedTeamID: s.ClaimedTeamID.Or(""), TeamID: teamOf(d), Flags: s.Flags.Or(0).Names(), Path: s.Path}
	if h, ok, _ := s.CDHash().Get(); ok {
		e.Peer.CDHash = h.String()
	}
	if v, ok := s.Info.Or(code.Value{}).Get("CFBundleShortVersionString"); ok {
		e.Peer.Version, _ = v.Str()
	}
	if p := s.Process; p != nil {
		e.Peer.Process = &Process{PID: p.PID(), PIDVersion: p.PIDVersion(), EUID: p.Token[1], AUID: p.Token[0], ASID: p.Token[6],
			Strength: string(p.Strength), Flags: p.Status.Or(0).Names()}
	}
}

// teamOf is the team that the policy's trust vouches for, which the decision knows.
func teamOf(d policy.Decision) string {
	b, err := d.MarshalJSON()
	if err != nil {
		return ""
	}
	var v struct {
		Subject struct {
			TeamID string `json:"team_id"`
		} `json:"subject"`
	}
	if json.Unmarshal(b, &v) != nil {
		return ""
	}
	return v.Subject.TeamID
}

func (e *Entry) evidence(s *code.Subject) {
	e.Evidence.Source, e.Evidence.Recorded = string(s.Origin), string(s.Recorded)
	for i := range s.Slices {
		e.Evidence.Slices = append(e.Evidence.Slices, s.Slices[i].Arch)
	}
	if certs, ok, _ := s.Certs.Get(); ok {
		for i := range certs {
			e.Evidence.Chain = append(e.Evidence.Chain, hex.EncodeToString(certs[i].SHA256[:]))
		}
	}
	e.Evidence.SignedAt, e.Evidence.SigningTime = known(s.SignedAt), known(s.SigningTime)
	e.Evidence.Notarized = known(s.Notarized)
}

// known points at the value of a fact; nil when there is none.
func known[T any](f code.Fact[T]) *T {
	v, ok, _ := f.Get()
	if !ok {
		return nil
	}
	return &v
}
