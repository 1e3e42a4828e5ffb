package policytest

import (
	"encoding/json"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// ResultSchema is the version of the JSON form of results.
const ResultSchema = 1

type resultJSON struct {
	Schema    int            `json:"schema"`
	Suite     string         `json:"suite"`
	Policy    string         `json:"policy"`
	Outcome   Outcome        `json:"outcome"`
	Ran       int            `json:"ran"`
	Checks    []checkJSON    `json:"checks"`
	Mutations []mutationJSON `json:"mutations"`
	Coverage  coverageJSON   `json:"coverage"`
	Problems  []string       `json:"problems,omitempty"`
	Findings  diag.List      `json:"findings,omitempty"` // of the policy; they fail nothing
	Seconds   float64        `json:"seconds,omitempty"`
}

type checkJSON struct {
	Case      string  `json:"case"`
	Peer      string  `json:"peer"`
	Operation string  `json:"operation,omitempty"`
	Outcome   Outcome `json:"outcome"`
	Want      string  `json:"want"`
	Got       string  `json:"got,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	Problem   string  `json:"problem,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
}

type mutationJSON struct {
	Peer      string          `json:"peer"`
	Operation string          `json:"operation,omitempty"`
	Kind      string          `json:"kind"`
	Name      string          `json:"name"`
	What      string          `json:"what,omitempty"`
	Outcome   MutationOutcome `json:"outcome"`
	Why       string          `json:"why,omitempty"`
	Got       string          `json:"got,omitempty"`
	Reason    string          `json:"reason,omitempty"`
}

type coverageJSON struct {
	Rules      partJSON `json:"rules"`
	Conditions partJSON `json:"conditions"`
	Floor      partJSON `json:"floor"`
}

type partJSON struct {
	Seen    int      `json:"seen"`
	Total   int      `json:"total"`
	Percent float64  `json:"percent"`
	Missing []string `json:"missing,omitempty"`
}

func (p Part) json() partJSON { return partJSON{p.Seen, p.Total, p.Percent(), p.Missing} }

// MarshalJSON writes the result for machines.
func (r *Result) MarshalJSON() ([]byte, error) {
	v := resultJSON{
		Schema: ResultSchema, Suite: r.Suite, Policy: r.Policy, Outcome: r.Outcome(), Ran: r.Ran(),
		Checks: []checkJSON{}, Mutations: []mutationJSON{}, Problems: r.Problems, Findings: r.Findings, Seconds: r.Duration.Seconds(),
		Coverage: coverageJSON{r.Coverage.Rules.json(), r.Coverage.Conditions.json(), r.Coverage.Floor.json()},
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		k := checkJSON{Case: c.Case, Peer: c.Peer, Operation: c.Operation, Outcome: c.Outcome, Want: c.Want.String(),
			Reason: c.Reason, Problem: c.Problem, Seconds: c.Duration.Seconds()}
		if c.Outcome != Skipped && c.Outcome != Broken {
			k.Got = c.Got.String()
		}
		v.Checks = append(v.Checks, k)
	}
	for i := range r.Mutations {
		m := &r.Mutations[i]
		k := mutationJSON{Peer: m.Peer, Operation: m.Operation, Kind: m.Kind, Name: m.Name, What: m.What, Outcome: m.Outcome, Why: m.Why}
		if m.Outcome == Denied || m.Outcome == Admitted {
			k.Got, k.Reason = m.Got.String(), reasonOf(m.Decision)
		}
		v.Mutations = append(v.Mutations, k)
	}
	return json.Marshal(v)
}
