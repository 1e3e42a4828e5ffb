package policytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/policy"
)

// strong is a policy without a hole that the attackers know of.
const strong = `apiVersion: xpcpolicy/v1
name: strong
peers:
  app:
    requirement: >-
      anchor apple generic and (identifier "com.example.app" or identifier "com.example.tool")
      and (certificate leaf[field.1.2.840.113635.100.6.1.9] exists
      or certificate 1[field.1.2.840.113635.100.6.2.6] exists and certificate leaf[field.1.2.840.113635.100.6.1.13] exists
      and certificate leaf[subject.OU] = ABCDE12345)
    team: ABCDE12345
    min_version: "1.10"
    require: {flags: runtime}
rules:
  - {name: no betas, deny: 'subject.version == "1.13"', message: withdrawn}
  - {name: ours, allow: matches("app"), operation: [read, write]}
  - {name: tools may install, allow: 'matches("app") && subject.identifier == "com.example.tool"', operation: install}
`

const strongSuite = `suite: strong
peers:
  app: {like: $developer-id, set: {subject.version: "1.10"}}
  store: {like: $app-store}
  tool: {like: app, set: {subject.identifier: com.example.tool}}
  old: {like: app, set: {subject.version: "1.9"}}
  withdrawn: {like: app, set: {subject.version: "1.13"}}
  debuggable: {like: app, set: {subject.entitlements.com.apple.security.get-task-allow: true}}
  nobody knows: {like: app, unknown: subject.info}
cases:
  - name: current builds read
    operation: read
    expect: {app: allow, store: allow, tool: allow, "*": deny}
    because:
      app: ours
      old: subject.version >= 1.10
      withdrawn: no betas
      debuggable: debuggable
      nobody knows: subject.version
matrix:
  operations: [read, write, install, erase]
  allow:
    app: [read, write]
    store: [read, write]
    tool: [read, write, install]
mutations: {oldest: "1.10"}
coverage: {rules: 100, conditions: 80}
`

func load(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(text))
	require.NoError(t, err)
	return p
}

func runText(t testing.TB, policyText, suite string) *Result {
	t.Helper()
	s, err := Parse("policy_test.yaml", []byte(suite))
	require.NoError(t, err)
	return s.Run(context.Background(), load(t, policyText), Options{})
}
