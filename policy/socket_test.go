package policy

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// socketPeer is what is known of the peer of a Linux socket.
func socketPeer(uid uint32) *code.Subject {
	return &code.Subject{Origin: code.OriginSocket, Process: &code.Process{
		Token: [8]uint32{0xffffffff, uid, 20, 0xffffffff, 0xffffffff, 77, 0xffffffff, 0}, Strength: code.StrengthWeak}}
}

func TestLinuxPeerIsJudgedByItsUserAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	load := func(relax, rule string) *Policy {
		t.Helper()
		p, err := Parse("p.yaml", []byte("apiVersion: xpcpolicy/v1\nname: p\nfloor: {relax: ["+relax+"]}\npeers: {us: {team: ABCDE12345, identifiers: com.example.client}}\nrules:\n  - name: r\n    allow: "+rule+"\n"))
		require.NoError(t, err)
		return p
	}
	const uid = "process.euid == 501"
	everything := strings.Join(relaxableNames()[:len(relaxableNames())-1], ", ")
	d := load(everything, uid).Decide(ctx, Request{Subject: socketPeer(501)})
	assert.False(t, d.Allow(), "all other items together do not let it in")
	assert.Equal(t, "floor:signature", d.Reason())

	p := load("linux-uid-only", uid)
	d = p.Decide(ctx, Request{Subject: socketPeer(501)})
	assert.True(t, d.Allow(), d.Message())
	assert.Contains(t, strings.Join(d.Warnings(), "\n"), "nobody verified which program it is")
	d = p.Decide(ctx, Request{Subject: socketPeer(502)})
	assert.False(t, d.Allow())
	assert.Contains(t, strings.Join(d.Warnings(), "\n"), "linux-uid-only is relaxed", "also in a denial")
	assert.Contains(t, d.Explain().Children[0].Children[0].Hint, "relaxed")

	for _, rule := range []string{`matches("us")`, `"!matches(\"us\")"`, `subject.team_id == "ABCDE12345"`, `"subject.team_id != \"A\""`, "subject.adhoc", `"!subject.adhoc"`, "process.interpreter", `"!process.interpreter"`} {
		d := load("linux-uid-only", rule).Decide(ctx, Request{Subject: socketPeer(501)})
		assert.False(t, d.Allow(), "%s is about a program, and nobody knows it", rule)
	}

	for name, change := range map[string]func(*code.Subject){
		"a file":    func(s *code.Subject) { s.Process, s.Origin = nil, code.OriginDisk },
		"a process": func(s *code.Subject) { s.Origin = code.OriginKernel },
		"nothing":   func(s *code.Subject) { s.Origin = "" },
	} {
		s := socketPeer(501)
		change(s)
		assert.False(t, p.Decide(ctx, Request{Subject: s}).Allow(), "%s is no socket's peer, and all of the floor holds", name)
	}
}

func TestTamperedProcessHasTheKernelsStatus(t *testing.T) {
	t.Parallel()
	f := facts{s: &code.Subject{Process: &code.Process{Status: code.Known(code.CSValid | code.CSDebugged)}}}
	assert.True(t, f.tampered())
	f.s.Process.Status = code.Known(code.CSValid | code.CSGetTaskAllow)
	assert.False(t, f.tampered(), "that somebody may is not that somebody did")
}
