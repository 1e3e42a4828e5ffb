// Package testworld makes recordings of kernels for tests: what the kernel of a Mac
// would answer about processes that run programs of package fixtures, and the bytes
// of those programs. Nothing else imports it.
package testworld

import (
	"encoding/binary"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// Healthy are the kernel's flags of a hardened process that nobody touched.
const Healthy = code.CSValid | code.CSSigned | code.CSHard | code.CSKill | code.CSRuntime | code.CSEnforcement

// Policy allows current, hardened clients of the fixtures' team.
const Policy = `apiVersion: xpcpolicy/v1
name: world
trust:
  apple: false
  roots: 9334129cbf1bfe6a068cd19f5f83b46a70f4b4d6f6dd7301abece0f18e87ada1
peers:
  client:
    team: ABCDE12345
    identifiers: com.example.client
    min_version: "2.0"
rules:
  - name: clients
    allow: matches("client")
`

// Process is one running program.
type Process struct {
	PID, Version uint32
	Path         string
	Program      fixtures.Options
	Arch         fixtures.Arch
	Status       []code.KernelFlags // one for each time it is asked, the last one for ever; nil: [Healthy]
	Gone         bool               // the kernel answers ESRCH
}

// Token is the audit token of a process, of user 501.
func (p Process) Token() token.AuditToken {
	var t token.AuditToken
	for i, v := range []uint32{501, 501, 20, 501, 20, p.PID, 100001, p.Version} {
		binary.LittleEndian.PutUint32(t[4*i:], v)
	}
	return t
}

// Record returns what the kernel would answer about processes.
func Record(processes ...Process) *token.Recording {
	r := &token.Recording{Schema: token.RecordingSchema}
	for _, p := range processes {
		if p.Path == "" {
			p.Path = "/Applications/Client.app/Contents/MacOS/client"
		}
		tok := p.Token()
		rec := token.RecordedProcess{Token: tok[:], Ops: map[string][]token.RecordedAnswer{}}
		if p.Gone {
			rec.Status = []token.RecordedAnswer{{Errno: token.ESRCH}}
			r.Processes = append(r.Processes, rec)
			continue
		}
		if p.Status == nil {
			p.Status = []code.KernelFlags{Healthy}
		}
		for _, st := range p.Status {
			rec.Status = append(rec.Status, token.RecordedAnswer{Flags: st})
		}
		s := fixtures.SignSlice(p.Program, p.Arch)
		identifier := p.Program.Identifier
		if identifier == "" {
			identifier = "com.example.client"
		}
		add := func(op token.Op, a token.RecordedAnswer) {
			rec.Ops[op.String()] = []token.RecordedAnswer{a}
		}
		add(token.OpCDHash, token.RecordedAnswer{Data: s.CDHash()})
		add(token.OpSliceOffset, token.RecordedAnswer{Data: make([]byte, 8)})
		add(token.OpIdentity, token.RecordedAnswer{Data: text(identifier)})
		add(token.OpTeamID, token.RecordedAnswer{Data: text(fixtures.Team)})
		if p.Program.AdHoc {
			add(token.OpTeamID, token.RecordedAnswer{Errno: token.ENOENT})
		}
		add(token.OpEntitlementsDER, token.RecordedAnswer{})
		if p.Program.Entitlements != nil {
			add(token.OpEntitlementsDER, token.RecordedAnswer{Data: fixtures.EntitlementsDER(p.Program.Entitlements)})
		}
		add(token.OpValidationCategory, token.RecordedAnswer{Data: []byte{6, 0, 0, 0}})
		rec.Path = []token.RecordedAnswer{{Text: p.Path}}
		r.Processes = append(r.Processes, rec)
		r.Images = append(r.Images, token.RecordedImage{
			Path:      p.Path,
			Stat:      []token.FileID{{Device: 1, Inode: uint64(p.PID), Size: int64(len(s.Bytes)), Modified: time.Unix(1, 0), Changed: time.Unix(1, 0)}},
			Ranges:    []token.RecordedRange{{Data: s.Bytes}},
			InfoPlist: []token.RecordedAnswer{{}},
		})
	}
	return r
}

// text is a string as the kernel answers it: a header, and NUL.
func text(s string) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(s)+9))
	return append(append(b, s...), 0)
}
