package main

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// summary counts what a scan found.
type summary struct {
	begun                                time.Time
	pieces                               int
	bytes                                int64
	verdicts, kinds, channels, dangerous map[string]int
	notHardened                          int
}

func (s *summary) count(r *record) {
	if s.verdicts == nil {
		s.verdicts, s.kinds, s.channels, s.dangerous = map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	}
	s.verdicts[r.Verdict]++
	if r.Kind == "file" || r.Kind == "directory" {
		return // what could not be read
	}
	s.pieces++
	s.bytes += r.Size
	s.kinds[r.Kind]++
	channel := r.Channel
	if channel == "" {
		if channel = "unknown"; r.Verdict == "unsigned" {
			channel = "unsigned"
		}
	}
	s.channels[channel]++
	for _, key := range r.Dangerous {
		s.dangerous[key]++
	}
	if r.HardenedRuntime != nil && !*r.HardenedRuntime {
		s.notHardened++
	}
}

// printRow prints one piece for people. Rows come as the scan goes on, so that
// columns have a fixed width.
func (s *scanner) printRow(r *record) {
	if !s.headed {
		s.headed = true
		fmt.Fprintln(s.stdout, s.paint(bold, strings.TrimRight(columns("VERDICT", "CHANNEL", "TEAM", "RUNTIME", "IDENTIFIER", "PATH"), " ")))
	}
	colour := red
	switch r.exit() {
	case exitYes:
		colour = green
	case exitUnknown:
		colour = yellow
	}
	runtime := "-"
	if r.HardenedRuntime != nil {
		if runtime = "not"; *r.HardenedRuntime {
			runtime = "hardened"
		}
	}
	team := r.TeamID
	if team == "" && r.ClaimedTeamID != "" {
		team = r.ClaimedTeamID + "?"
	}
	verdict := r.Verdict
	if verdict == "valid-within-limits" {
		verdict = "limited"
	}
	row := columns(verdict, dash(r.Channel), dash(shown(team)), runtime, dash(shown(r.Identifier)), shown(r.Path))
	fmt.Fprintln(s.stdout, s.paint(colour, row[:len(verdict)])+row[len(verdict):])
	if r.Reason != "" {
		fmt.Fprintf(s.stdout, "%10s %s: %s\n", "", r.StatusName, shown(oneLine(r.Reason)))
	}
	if len(r.Dangerous) > 0 {
		fmt.Fprintf(s.stdout, "%10s dangerous: %s\n", "", strings.Join(r.Dangerous, ", "))
	}
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// columns joins the cells of a row. A cell that is too long shifts the rest.
func columns(cells ...string) string {
	widths := [...]int{10, 12, 11, 8, 32}
	var b strings.Builder
	for i, c := range cells {
		b.WriteString(c)
		if i < len(widths) {
			b.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c))+1))
		}
	}
	return b.String()
}

// writeSummary ends a scan: behind the table, and beside JSON, which it must not
// disturb.
func (s *scanner) writeSummary() error {
	if s.quiet {
		return nil
	}
	var w io.Writer = s.stderr
	if s.format == formatText {
		w = s.stdout
		fmt.Fprintln(w)
	} else {
		s.flush()
	}
	m, took := &s.summary, time.Since(s.summary.begun)
	fmt.Fprintf(w, "%s of code in %s and %s; %s in %s, %s/s\n",
		plural(m.pieces, "piece"), plural(int(s.walked.files), "file"), pluralY(int(s.walked.dirs), "director"),
		byteCount(float64(m.bytes)), took.Round(time.Millisecond), byteCount(float64(m.bytes)/max(took.Seconds(), 1e-9)))
	for _, group := range []struct {
		title  string
		counts map[string]int
	}{{"verdict", m.verdicts}, {"kind", m.kinds}, {"channel", m.channels}, {"dangerous", m.dangerous}} {
		for _, key := range byCount(group.counts) {
			fmt.Fprintf(w, "  %-10s %8d  %s\n", group.title, group.counts[key], key)
		}
	}
	if m.notHardened > 0 {
		fmt.Fprintf(w, "  %-10s %8d  without the hardened runtime\n", "runtime", m.notHardened)
	}
	for _, left := range []struct {
		n    int64
		what string
	}{{s.walked.links, "symbolic links, not followed"}, {s.walked.special, "pipes, sockets and devices, not opened"}} {
		if left.n > 0 {
			fmt.Fprintf(w, "  %-10s %8d  %s\n", "left out", left.n, left.what)
		}
	}
	return nil
}

// byCount lists keys, the most frequent first.
func byCount(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	sort.SliceStable(keys, func(i, j int) bool { return m[keys[i]] > m[keys[j]] })
	return keys
}

func pluralY(n int, stem string) string {
	if n == 1 {
		return "1 " + stem + "y"
	}
	return fmt.Sprintf("%d %sies", n, stem)
}
