package policy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const sevenClauses = `subject.team_id == "ABCDE12345" && subject.identifier == "com.acme.client" && subject.channel == "developer-id" && subject.hardened_runtime && !subject.linker_signed && "com.acme.client" in subject.entitlements && satisfies(requirements.acme)`

func benchPolicy(b testing.TB) *Policy {
	return load(b, header+"requirements: {acme: anchor apple generic and identifier com.acme.client}\nrules:\n  - name: clients\n    allow: '"+sevenClauses+"'\n")
}

// BenchmarkSHA256 is the yardstick: nanoseconds depend on the machine, the ratio
// to it less so.
func BenchmarkSHA256(b *testing.B) {
	block := make([]byte, 1024)
	for b.Loop() {
		sha256.Sum256(block)
	}
}

func BenchmarkDecide(b *testing.B) {
	p, s := benchPolicy(b), client(b)
	require.True(b, decide(p, s).Allow())
	b.ReportAllocs()
	for b.Loop() {
		if !decide(p, s).Allow() {
			b.Fatal("denied")
		}
	}
}

// BenchmarkDecideParts shows what a decision is made of.
func BenchmarkDecideParts(b *testing.B) {
	p, s := benchPolicy(b), client(b)
	f := facts{p: p, s: s, whole: s, now: clock}
	b.Run("verified", func(b *testing.B) {
		for b.Loop() {
			_ = s.Verified()
		}
	})
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			p.judgeFloor(&f)
		}
	})
	b.Run("rules", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newBinding(context.Background(), f).ask(p.rules[0].when)
		}
	})
}

// BenchmarkPlainCEL evaluates the same conditions with CEL alone, under the same
// kind of limits, over values that are ready.
func BenchmarkPlainCEL(b *testing.B) {
	p, s := benchPolicy(b), client(b)
	e := p.rules[0].when
	vars := map[string]any{}
	bound := newBinding(context.Background(), facts{p: p, s: s, whole: s})
	for name, i := range p.slotOf {
		vars[name] = bound.value(i)
	}
	for name, options := range map[string][]cel.ProgramOption{
		"unlimited": {cel.EvalOptions(cel.OptOptimize)},
		"limits":    {cel.EvalOptions(cel.OptOptimize), cel.CostLimit(decideCost), cel.InterruptCheckFrequency(interruptAt)},
	} {
		program, err := e.env.Program(e.ast, options...)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := program.ContextEval(context.Background(), vars); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPlainCELReady evaluates the same conditions with CEL alone under the same
// limits, over facts that are ready as Go values; the requirement is evaluated when
// the condition comes to it. There is no floor and no verification.
func BenchmarkPlainCELReady(b *testing.B) {
	p, s := benchPolicy(b), client(b)
	e := p.rules[0].when
	program, err := e.env.Program(e.ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(decideCost), cel.InterruptCheckFrequency(interruptAt))
	require.NoError(b, err)
	f := facts{p: p, s: s, whole: s}
	bound := newBinding(context.Background(), f)
	vars := map[string]any{}
	for name, i := range p.slotOf {
		if req := p.slots[i].requirement; req != nil {
			vars[name] = func() any { a, _ := req.eval(&f); return a == yes }
			continue
		}
		v := bound.value(i)
		if native := v.Value(); v.Type() != types.MapType {
			vars[name] = native
		} else {
			vars[name] = v
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if v, _, err := program.ContextEval(context.Background(), vars); err != nil || v != types.True {
			b.Fatal(v, err)
		}
	}
}

// BenchmarkPlainCELFacts does with CEL alone what a rule does: facts of a Subject
// are converted for each question, the requirement is evaluated, and the condition
// runs under the same limits. There is no floor and no verification.
func BenchmarkPlainCELFacts(b *testing.B) {
	p, s := benchPolicy(b), client(b)
	e := p.rules[0].when
	program, err := e.env.Program(e.ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(decideCost), cel.InterruptCheckFrequency(interruptAt))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		bound := newBinding(context.Background(), facts{p: p, s: s, whole: s})
		vars := make(map[string]any, len(p.slots))
		for i := range p.slots {
			vars[p.slots[i].name] = bound.value(i)
		}
		if _, _, err := program.ContextEval(context.Background(), vars); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNearestMiss(b *testing.B) {
	p := benchPolicy(b)
	near := decide(p, edit(b, func(s *code.Subject) { s.Flags = code.Known(code.FlagRuntime | code.FlagLinkerSigned) }))
	far := decide(p, edit(b, func(s *code.Subject) { *s = code.Subject{Origin: code.OriginDisk} }))
	for name, d := range map[string]Decision{"one": near, "none": far} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.NearestMiss(context.Background())
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	d := decide(benchPolicy(b), client(b))
	d.Explain()
	b.ReportAllocs()
	for b.Loop() {
		d.Explain()
	}
}

func twentyRules(n int) []byte {
	var doc strings.Builder
	doc.WriteString(header + "requirements: {acme: anchor apple generic and identifier com.acme.client}\nrules:\n")
	for i := range n {
		fmt.Fprintf(&doc, "  - name: rule %d\n    allow: '%s'\n", i, strings.Replace(sevenClauses, "ABCDE12345", fmt.Sprintf("TEAM%06d", i), 1))
	}
	return []byte(doc.String())
}

func BenchmarkParse(b *testing.B) {
	doc := twentyRules(20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("bench.yaml", doc); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnguardedRules has rules that nothing can look up: their cost grows with
// their number.
func BenchmarkUnguardedRules(b *testing.B) {
	for _, n := range []int{10, 100} {
		doc := strings.ReplaceAll(string(twentyRules(n)), "subject.team_id ==", "!subject.adhoc && subject.team_id !=")
		doc = strings.ReplaceAll(doc, `subject.identifier == "com.acme.client"`, `subject.identifier != "com.acme.client"`)
		p, err := Parse("bench.yaml", []byte(doc))
		require.NoError(b, err)
		s := client(b)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				decide(p, s)
			}
		})
	}
}

func BenchmarkRules(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		p, err := Parse("bench.yaml", twentyRules(n))
		require.NoError(b, err)
		s := client(b)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decide(p, s)
			}
		})
	}
}
