package policytest

import (
	"encoding/xml"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes results in the XML that CI systems read. Attackers are tests too;
// those that are not applicable are skipped.
func JUnit(results ...*Result) ([]byte, error) {
	var all junitSuites
	for _, r := range results {
		s := junitSuite{Name: clean(r.Suite), Time: seconds(r.Duration.Seconds())}
		for i := range r.Checks {
			c := &r.Checks[i]
			one := junitCase{Class: clean(r.Suite), Name: clean(c.Case + " / " + asks(c)), Time: seconds(c.Duration.Seconds())}
			switch c.Outcome {
			case Failed:
				one.Failure = &junitMessage{clean(c.Problem), clean(diag.Tree(c.Decision.Explain(), diag.TreeOptions{Notes: c.Decision.Allow()}))}
			case Broken:
				one.Error = &junitMessage{Message: clean(c.Problem)}
			case Skipped, Todo:
				one.Skipped = &junitMessage{Message: clean(string(c.Outcome) + ": " + c.Problem)}
			}
			s.add(one)
		}
		for i := range r.Mutations {
			m := &r.Mutations[i]
			name := "mutations / " + m.Peer + " / " + m.Name
			if m.Operation != "" {
				name += " / " + m.Operation
			}
			one := junitCase{Class: clean(r.Suite), Name: clean(name), Time: seconds(0)}
			switch m.Outcome {
			case Admitted:
				one.Failure = &junitMessage{Message: clean(m.What + ", and it is let in by " + reasonOf(m.Decision))}
			case NotApplicable, Accepted:
				one.Skipped = &junitMessage{Message: clean(m.Why)}
			}
			s.add(one)
		}
		for _, p := range r.Problems {
			s.add(junitCase{Class: clean(r.Suite), Name: "coverage", Time: seconds(0), Failure: &junitMessage{Message: clean(p)}})
		}
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	b, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func seconds(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }

// clean makes text safe for XML and terminals, line by line.
func clean(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = diag.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
