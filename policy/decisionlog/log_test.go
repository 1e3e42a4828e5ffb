package decisionlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

var clock = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const text = `apiVersion: xpcpolicy/v1
name: test
peers: {ours: {team: ABCDE12345, channel: developer-id, identifiers: com.example.app}}
rules: [{name: ours, allow: matches("ours"), message: welcome}]
`

// facts are those of a Developer ID program that passes the floor.
func facts(t testing.TB) *code.Subject {
	t.Helper()
	attr := func(cn, ou string) []code.Attribute {
		return []code.Attribute{{Type: code.OIDCommonName, Value: cn}, {Type: code.OIDOrganizationalUnit, Value: ou}}
	}
	s := &code.Subject{Origin: code.OriginKernel, Path: "/Applications/App.app\u202e", Slice: code.Slice{
		Arch: "arm64", Signed: true, Identifier: code.Known("com.example.app"), ClaimedTeamID: code.Known("ABCDE12345"),
		Flags: code.Known(code.FlagRuntime), Entitlements: code.Absent[code.Value](), SignedAt: code.Known(clock),
		CDHashes: code.Known([]code.CDHash{{Type: code.HashSHA256, Hash: [20]byte{1}, Full: append(code.Hex{1}, make([]byte, 31)...)}}),
		Certs: code.Known([]code.Certificate{
			{Subject: attr("Developer ID Application: Example", "ABCDE12345"), Extensions: []code.OID{code.OIDDeveloperID}},
			{Subject: attr("Developer ID CA", ""), Extensions: []code.OID{code.OIDDeveloperIDCA}},
			{Subject: attr("Apple Root CA", ""), AppleRoot: true},
		}),
	}, Process: &code.Process{Token: [8]uint32{501, 502, 20, 501, 20, 4711, 100007, 9}, Strength: code.StrengthMessage,
		Status: code.Known(code.CSValid | code.CSSigned | code.CSRuntime)}}
	for _, id := range code.Mandatory(code.OriginKernel) {
		s.Validity.Checks = append(s.Validity.Checks, code.Check{ID: id, Outcome: code.Passed})
	}
	return s
}

func entry(t testing.TB, m Meta) Entry {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(text))
	require.NoError(t, err)
	r := policy.Request{Subject: facts(t), Operation: "install", Now: clock}
	d := p.Decide(context.Background(), r)
	require.True(t, d.Allow(), d.Message())
	return NewEntry(d, r, m)
}

func TestAnEntrySaysWhoAskedWhatAndWhy(t *testing.T) {
	t.Parallel()
	e := entry(t, Meta{ID: "x", Cached: true, Metrics: Metrics{Total: 7}, Labels: map[string]string{"host": "a"}, TraceID: "t", SpanID: "s"})
	assert.Equal(t, "test", e.Policy.Name)
	assert.Len(t, e.Policy.Revision, 64)
	assert.Equal(t, "policy.yaml", e.Policy.Source)
	assert.Equal(t, []string{"allow", "ours", "rule", "welcome", "install"}, []string{e.Result, e.Rule, e.Reason, e.Message, e.Operation})
	assert.Equal(t, "ABCDE12345", e.Peer.TeamID)
	assert.Equal(t, Process{PID: 4711, PIDVersion: 9, EUID: 502, AUID: 501, ASID: 100007, Strength: "message", Flags: []string{"valid", "runtime", "signed"}}, *e.Peer.Process)
	assert.Equal(t, "kernel", e.Evidence.Source)
	assert.Len(t, e.Evidence.Chain, 3)
	assert.Equal(t, clock, *e.Evidence.SignedAt)
	assert.Nil(t, e.Evidence.Notarized, "nobody knows")
	assert.Nil(t, e.Facts)

	zero := NewEntry(policy.Decision{}, policy.Request{}, Meta{})
	assert.Equal(t, "deny", zero.Result)
	assert.NotEmpty(t, zero.ID)
	assert.NotEqual(t, zero.ID, NewEntry(policy.Decision{}, policy.Request{}, Meta{}).ID)
}

func TestJSONLinesAreOneLineEachAndSteerNoTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := JSONLines(&b, nil)
	e := entry(t, Meta{ID: "x"})
	e.Message = "two\nlines\x1b[31m"
	require.NoError(t, s.Log(context.Background(), e))
	require.NoError(t, s.Log(context.Background(), e))
	assert.Equal(t, 2, strings.Count(b.String(), "\n"))
	for _, bad := range []string{"\x1b", "\u202e"} {
		assert.NotContains(t, b.String(), bad)
	}
	n := 0
	for line, err := range Read(&b) {
		require.NoError(t, err)
		n++
		assert.Equal(t, n, line.Number)
		assert.Equal(t, e.Message, line.Entry.Message)
		assert.Equal(t, e.Peer, line.Entry.Peer)
	}
	assert.Equal(t, 2, n)
}

func TestMasks(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := JSONLines(&b, Masks{"/peer/path", "/labels/*", "/evidence/chain_sha256/0", "/facts", "/peer/no~1such~0key"})
	require.NoError(t, s.Log(context.Background(), entry(t, Meta{Facts: true, Labels: map[string]string{"a/b": "secret"}})))
	assert.NotContains(t, b.String(), "/Applications")
	assert.NotContains(t, b.String(), "secret")
	assert.NotContains(t, b.String(), `"facts":`)
	var v map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &v))
	assert.Equal(t, []any{"/peer/path", "/labels/*", "/evidence/chain_sha256/0", "/facts"}, v["masked"])
	chain := v["evidence"].(map[string]any)["chain_sha256"].([]any)
	assert.Len(t, chain, 3)
	assert.Nil(t, chain[0])
	assert.Equal(t, "com.example.app", v["peer"].(map[string]any)["identifier"])

	for _, bad := range []string{"peer", "/", "/result", "/masked", "/*", "/decision_id", "/pear/path"} {
		b.Reset()
		assert.Error(t, Masks{bad}.Check(), bad)
		assert.Error(t, JSONLines(&b, Masks{bad}).Log(context.Background(), Entry{}), bad)
		assert.Empty(t, b.String(), "nothing is written that was to be hidden: %s", bad)
	}
}

func TestSlog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := Slog(slog.New(slog.NewJSONHandler(&b, nil)), Masks{"/peer/path"})
	e := entry(t, Meta{ID: "x"})
	require.NoError(t, s.Log(context.Background(), e))
	assert.Contains(t, b.String(), `"level":"INFO","msg":"decision"`)
	assert.Contains(t, b.String(), `"result":"allow"`)
	assert.NotContains(t, b.String(), "/Applications")
	b.Reset()
	e.Result = "deny"
	require.NoError(t, s.Log(context.Background(), e))
	assert.Contains(t, b.String(), `"level":"WARN"`)
	quiet := Slog(slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelError})), nil)
	b.Reset()
	require.NoError(t, quiet.Log(context.Background(), e))
	assert.Empty(t, b.String())
}

// gate is a sink that writes nothing until it is opened.
type gate struct {
	mu      sync.Mutex
	entries []Entry
	open    chan struct{}
	fail    func(n int) error
}

func (g *gate) Log(_ context.Context, e Entry) error {
	if g.open != nil {
		<-g.open
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		if err := g.fail(len(g.entries)); err != nil {
			g.fail = nil
			return err
		}
	}
	g.entries = append(g.entries, e)
	return nil
}

func result(word string, at time.Duration) Entry {
	return Entry{Schema: Schema, Result: word, Time: clock.Add(at)}
}

func TestAllowsAreLimitedAndDenialsAreNot(t *testing.T) {
	t.Parallel()
	g := &gate{}
	l := New(g, Options{AllowsPerSecond: 2})
	ctx := context.Background()
	for i := range 10 {
		err := l.Log(ctx, result("allow", time.Duration(i)*100*time.Millisecond))
		assert.Equal(t, i != 0 && i != 1 && i != 5, errors.Is(err, ErrLimited), "allow %d: %v", i, err)
		require.NoError(t, l.Log(ctx, result("deny", 0)))
	}
	require.NoError(t, l.Log(ctx, result("unknown", 0)))
	require.NoError(t, l.Close(ctx))
	assert.Equal(t, Stats{Written: 14, LimitedAllows: 7}, l.Stats())
	total := uint64(0)
	for _, e := range g.entries {
		if e.Dropped != nil {
			total += e.Dropped.Allows
		}
	}
	assert.Equal(t, uint64(7), total, "the log itself says what is missing")
	assert.ErrorIs(t, l.Log(ctx, result("deny", 0)), ErrClosed)
	assert.Equal(t, uint64(1), l.Stats().DroppedDenials)
}

func TestASlowSinkHoldsNoDecisionUp(t *testing.T) {
	t.Parallel()
	g := &gate{open: make(chan struct{})}
	l := New(g, Options{Queue: 2, Wait: 500 * time.Millisecond})
	ctx := context.Background()
	for range 3 { // two wait, and the writer holds one
		require.NoError(t, l.Log(ctx, result("deny", 0)))
	}
	began := time.Now()
	assert.ErrorIs(t, l.Log(ctx, result("allow", 0)), ErrFull)
	assert.ErrorIs(t, l.Log(ctx, result("deny", 0)), ErrFull)
	assert.Less(t, time.Since(began), 5*time.Second)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	assert.ErrorIs(t, l.Log(cancelled, result("deny", 0)), context.Canceled)
	close(g.open)
	require.NoError(t, l.Log(ctx, result("deny", 0)), "there is room again")
	require.NoError(t, l.Close(ctx))
	assert.Equal(t, Stats{Written: 4, DroppedAllows: 1, DroppedDenials: 2}, l.Stats())
	var lost Dropped
	for _, e := range g.entries {
		if e.Dropped != nil {
			lost.Allows += e.Dropped.Allows
			lost.Denials += e.Dropped.Denials
		}
	}
	assert.Equal(t, Dropped{1, 2}, lost, "no denial is dropped silently")
}

func TestErrorsAndDefectsOfASinkAreCounted(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(int) error{
		"an error": func(int) error { return errors.New("disk full") },
		"a panic":  func(int) error { panic("defect") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			g := &gate{fail: func(n int) error {
				if calls++; calls == 1 {
					return fail(n)
				}
				return nil
			}}
			l := New(g, Options{})
			for range 2 {
				require.NoError(t, l.Log(context.Background(), result("deny", 0)))
			}
			require.NoError(t, l.Close(context.Background()))
			assert.Equal(t, Stats{Written: 1, Failed: 1}, l.Stats())
			require.Len(t, g.entries, 1)
			assert.Equal(t, &Dropped{Denials: 1}, g.entries[0].Dropped)
		})
	}
	assert.EqualError(t, Sinks{&gate{fail: func(int) error { return errors.New("one") }}, &gate{}}.Log(context.Background(), Entry{}), "one")
}

func TestManyWritersAndAClose(t *testing.T) {
	t.Parallel()
	g := &gate{}
	l := New(g, Options{Queue: 4, Wait: time.Second})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				_ = l.Log(context.Background(), result([]string{"allow", "deny"}[i%2], 0))
			}
		})
	}
	require.NoError(t, l.Close(context.Background()))
	wg.Wait()
	require.NoError(t, l.Close(context.Background()), "twice is once")
	s := l.Stats()
	assert.Equal(t, uint64(400), s.Written+s.DroppedAllows+s.DroppedDenials, "%+v", s)
	assert.Len(t, g.entries, int(s.Written))
}

func TestReplay(t *testing.T) {
	t.Parallel()
	stricter, err := policy.Parse("new.yaml", []byte(strings.ReplaceAll(text, "identifiers: com.example.app", "identifiers: com.example.app, min_version: '2'")))
	require.NoError(t, err)
	same, err := policy.Parse("same.yaml", []byte(text))
	require.NoError(t, err)
	e := entry(t, Meta{Facts: true})

	r, err := Replay(context.Background(), e, same)
	require.NoError(t, err)
	assert.False(t, r.Changed)
	assert.True(t, r.Decision.Allow())
	r, err = Replay(context.Background(), e, stricter)
	require.NoError(t, err)
	assert.True(t, r.Changed)
	assert.False(t, r.Decision.Allow())
	assert.Contains(t, strings.Join(r.Decision.Warnings(), "\n"), "replay")

	for name, tt := range map[string]struct {
		edit func(e *Entry)
		want string
	}{
		"no facts":            {func(e *Entry) { e.Facts = nil }, "has no facts"},
		"facts masked":        {func(e *Entry) { e.Masked = []string{"/facts/path"} }, "/facts/path is masked"},
		"operation masked":    {func(e *Entry) { e.Masked = []string{"/operation"} }, "/operation is masked"},
		"an unreadable mask":  {func(e *Entry) { e.Masked = []string{"facts"} }, "nobody knows what"},
		"facts that are none": {func(e *Entry) { e.Facts = []byte(`{"schema":1,"x":2}`) }, "facts:"},
	} {
		bad := e
		tt.edit(&bad)
		_, err := Replay(context.Background(), bad, same)
		assert.ErrorContains(t, err, tt.want, name)
	}
}

func TestReadGoesOnBehindABadLine(t *testing.T) {
	t.Parallel()
	var got []string
	for l, err := range Read(strings.NewReader("{\n\n{\"schema\":2,\"result\":\"deny\"}\n{\"schema\":1,\"result\":\"maybe\"}\n{\"schema\":1,\"result\":\"deny\",\"later\":1}\n")) {
		got = append(got, fmt.Sprintf("%d:%v", l.Number, err != nil))
	}
	assert.Equal(t, []string{"1:true", "3:true", "4:true", "5:false"}, got)
	for _, err := range Read(strings.NewReader(strings.Repeat("x", maxLine+1))) {
		assert.ErrorContains(t, err, "longer than")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"schema":1,"result":"deny","facts":{"schema":1}}`))
	p, err := policy.Parse("p.yaml", []byte(text))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		for l, err := range Read(bytes.NewReader(b)) {
			if err != nil {
				continue
			}
			if r, err := Replay(context.Background(), l.Entry, p); err == nil && r.Decision.Allow() != (r.Decision.Outcome() == policy.OutcomeAllow) {
				t.Fatal("an answer that contradicts itself")
			}
		}
	})
}
