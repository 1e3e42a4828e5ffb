//go:build real

package real

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// tally counts what was compared.
type tally struct {
	rows, facts   int
	disagreements []string
	otherRows     map[string]int // rows that are not compared, by kind
	notCompared   map[string]int // facts that package code does not hold, by field
	checks        map[string]map[code.Outcome]int
}

func count[K comparable](m *map[K]int, k K) {
	if *m == nil {
		*m = map[K]int{}
	}
	(*m)[k]++
}

// countChecks counts how the checks of one slice, or of the whole file, ended.
func (t *tally) countChecks(checks []code.Check) {
	for _, c := range checks {
		if t.checks == nil {
			t.checks = map[string]map[code.Outcome]int{}
		}
		if t.checks[c.ID] == nil {
			t.checks[c.ID] = map[code.Outcome]int{}
		}
		t.checks[c.ID][c.Outcome]++
	}
}

// probe compares the facts of one row.
type probe struct {
	t     *tally
	where string // package, path, slice
}

// eq compares one fact. Both must have the same type.
func (p probe) eq(field string, want, got any) {
	p.t.facts++
	if !reflect.DeepEqual(want, got) {
		p.differ(field, want, got)
	}
}

func (p probe) differ(field string, want, got any) {
	p.t.disagreements = append(p.t.disagreements, fmt.Sprintf("%s: %s: want %v, got %v", p.where, field, want, got))
}

// skip says that a fact of the row has nothing to be compared with.
func (p probe) skip(fields ...string) {
	for _, f := range fields {
		count(&p.t.notCompared, f)
	}
}

// report is the summary: what was compared, what was not, and how each check ended.
func (t *tally) report(packages int) string {
	var b strings.Builder
	b.WriteString("check            passed  not applicable  failed  not run\n")
	ids := slices.SortedFunc(maps.Keys(t.checks), func(x, y string) int {
		return strings.Compare(fmt.Sprintf("%c%3s", x[0], x[1:]), fmt.Sprintf("%c%3s", y[0], y[1:]))
	})
	for _, id := range ids {
		c := t.checks[id]
		fmt.Fprintf(&b, "%-16s %6d  %14d  %6d  %7d\n", id, c[code.Passed], c[code.NotApplicable], c[code.Failed], c[code.NotRun])
	}
	for _, what := range []struct {
		name string
		m    map[string]int
	}{{"rows not compared", t.otherRows}, {"facts not compared", t.notCompared}} {
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(what.m)) {
			parts = append(parts, fmt.Sprintf("%s %d", k, what.m[k]))
		}
		fmt.Fprintf(&b, "%s: %s\n", what.name, strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "%d packages, %d rows compared, %d facts compared, %d disagreements", packages, t.rows, t.facts, len(t.disagreements))
	return b.String()
}
