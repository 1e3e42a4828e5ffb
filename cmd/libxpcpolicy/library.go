package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// library holds the open guards by number, the first one 1. Numbers are never used
// again.
type library struct {
	mu     sync.Mutex
	guards atomic.Pointer[[]*handle] // nil where one was closed; replaced, never written
}

// guards is the library of this process: C has numbers only.
var guards library

// handle is one open guard.
type handle struct {
	guard  *xpcpolicy.Guard
	prefix string                 // of each message; "" except over a recording
	failed atomic.Pointer[string] // why the last reload failed; nil: it did not
}

// settings are the options of C.
type settings struct {
	path, profile, recording string
	recorded                 bool
	strength                 int32
	timeout, reload          time.Duration
}

// recordedPrefix begins each message of a guard over a recording.
const recordedPrefix = "RECORDING: "

const (
	defaultTimeout = 5 * time.Second
	reloadTimeout  = time.Minute // a policy's tests may verify programs
)

var strengths = map[int32]code.TokenStrength{0: "", 1: code.StrengthMessage, 2: code.StrengthConnection, 3: code.StrengthWeak}

// open opens a guard, and returns its number.
func (l *library) open(s settings) (uint64, error) {
	strength, ok := strengths[s.strength]
	if !ok {
		return 0, fmt.Errorf("strength %d is none of XPCPOLICY_STRENGTH_", s.strength)
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	h := &handle{}
	o := xpcpolicy.GuardOptions{Strength: strength, Profile: s.profile, Timeout: s.timeout, Reload: s.reload, Reloaded: func(_ string, err error) {
		if err == nil {
			h.failed.Store(nil)
			return
		}
		text := message(err)
		h.failed.Store(&text)
	}}
	if s.recorded {
		rec, err := readRecording(s.recording)
		if err != nil {
			return 0, err
		}
		o.Kernel, h.prefix = rec.Kernel(), recordedPrefix
		fmt.Fprintln(os.Stderr, "xpcpolicy: RECORDING: the answers of the kernel come from "+diag.Printable(s.recording)+": whoever wrote that file decides. This is for tests only")
	}
	var err error
	if h.guard, err = xpcpolicy.Open(s.path, o); err != nil {
		return 0, err
	}
	return l.add(h), nil
}

func (l *library) add(h *handle) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*handle
	if old := l.guards.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, h)
	l.guards.Store(&list)
	return uint64(len(list))
}

func (l *library) get(n uint64) *handle {
	list := l.guards.Load()
	if list == nil || n == 0 || n > uint64(len(*list)) {
		return nil
	}
	return (*list)[n-1]
}

// close ends a guard.
func (l *library) close(n uint64) {
	if h := l.remove(n); h != nil {
		_ = h.guard.Close()
	}
}

func (l *library) remove(n uint64) *handle {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.get(n)
	if h != nil {
		list := append([]*handle(nil), *l.guards.Load()...)
		list[n-1] = nil
		l.guards.Store(&list)
	}
	return h
}

func readRecording(path string) (*token.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return token.ReadRecording(f)
}

// message is an error for people: a policy's problems with their positions.
func message(err error) string {
	var list diag.List
	if errors.As(err, &list) {
		return diag.Text(list...)
	}
	return diag.Printable(err.Error())
}

var errNoGuard = errors.New("there is no such guard: it was closed, or never opened")

// reply is what C is told of a decision. The zero reply denies.
type reply struct {
	outcome, status       int32
	prefix                string
	reason, rule, message string
}

// refusal is the reply to a question that no guard was asked.
func refusal(status code.Status, text string) reply {
	return reply{status: int32(status), reason: "error", message: text}
}

// decide asks a guard.
func (h *handle) decide(t token.AuditToken, operation string) policy.Decision {
	return h.guard.AllowOperation(context.Background(), t, operation)
}

func (h *handle) reply(d policy.Decision) reply {
	r := reply{status: int32(d.Status()), prefix: h.prefix, reason: d.Reason(), rule: d.Rule(), message: d.Message()}
	switch d.Outcome() {
	case policy.OutcomeUnknown:
		r.outcome = 2
	case policy.OutcomeAllow:
		r.outcome = 1
	}
	return r
}

// reload loads the policy again.
func (h *handle) reload() error {
	ctx, cancel := context.WithTimeout(context.Background(), reloadTimeout)
	defer cancel()
	return h.guard.Reload(ctx)
}

// explain is the decision with the way to it, as JSON.
func (h *handle) explain(t token.AuditToken, operation string) ([]byte, error) {
	d := h.decide(t, operation)
	return json.Marshal(struct {
		Decision    policy.Decision `json:"decision"`
		Recording   bool            `json:"recording,omitempty"`
		Explanation *diag.Node      `json:"explanation"`
	}{d, h.prefix != "", d.Explain()})
}

// cut shortens text to n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// version is that of the module, as the go command recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
