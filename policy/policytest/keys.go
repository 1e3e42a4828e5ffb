package policytest

import "github.com/xpcpolicy/xpcpolicy/policy"

// APIVersion is the version of the document that this package reads.
const APIVersion = policy.APIVersion

// keyKind is what a key of a suite holds.
type keyKind uint8

const (
	textKey      keyKind = iota // one text
	textsKey                    // one text or a list of texts
	timeKey                     // a time
	percentKey                  // a number from 0 to 100
	objectKey                   // an object with fixed keys
	listKey                     // a list of such objects
	namedKey                    // an object whose keys the author chooses
	wordsKey                    // one word, or an object of words by peer
	mutationsKey                // "auto", or an object
	freeKey                     // anything; checked by whoever reads it
)

// key describes one key of a suite. The strict reader, the JSON Schema and
// docs/testing.md follow this one table; tests compare them with it.
type key struct {
	name     string
	kind     keyKind
	doc      string
	required bool
	enum     []string
	keys     []key
}

// The words of expect.
var outcomeWords = []string{"allow", "deny", "unknown"}

var suiteKeys = []key{
	{name: "apiVersion", kind: textKey, enum: []string{APIVersion}, doc: "The version of this format. May be left out."},
	{name: "suite", kind: textKey, required: true, doc: "What reports call this suite."},
	{name: "policy", kind: textsKey, doc: "The policy under test, relative to the suite; several are tested one after the other. Default: NAME.yaml for NAME_test.yaml, else policy.yaml beside it."},
	{name: "options", kind: objectKey, keys: optionKeys, doc: "What every question of the suite has in common."},
	{name: "peers", kind: namedKey, required: true, keys: peerKeys, doc: "Who asks, by name."},
	{name: "cases", kind: listKey, keys: caseKeys, doc: "What each of them must be told."},
	{name: "matrix", kind: objectKey, keys: matrixKeys, doc: "Every peer with every operation, as a table."},
	{name: "mutations", kind: mutationsKey, keys: mutationKeys, doc: "Attackers invented from each peer that is allowed. Default: auto."},
	{name: "coverage", kind: objectKey, keys: coverageKeys, doc: "How much of the policy the suite must come to, in percent."},
}

var optionKeys = []key{
	{name: "now", kind: timeKey, doc: "The time of every decision. Default: 2026-06-01T12:00:00Z, so that tests do not change with the day."},
	{name: "profile", kind: textKey, doc: "The profile of the policy that is in force. Default: none."},
}

var peerKeys = []key{
	{name: "file", kind: textKey, doc: "A real program or bundle, relative to the suite. It is verified as check does."},
	{name: "facts", kind: textKey, doc: "A file that xpcpolicy facts wrote, relative to the suite."},
	{name: "inline", kind: freeKey, doc: "The same facts, written here."},
	{name: "like", kind: textKey, doc: "Another peer of the suite, or an invented program: $developer-id, $app-store, $testflight, $development, $platform, $adhoc."},
	{name: "set", kind: freeKey, doc: `Facts to change, by the names that policies use, as in subject.version: "1.9".`},
	{name: "unset", kind: textsKey, doc: "Facts that are not there."},
	{name: "unknown", kind: textsKey, doc: "Facts that nobody could find out."},
	{name: "process", kind: freeKey, doc: "The running process: auid, euid, egid, ruid, rgid, pid, asid, pid_version, flags, token_strength."},
}

var caseKeys = []key{
	{name: "name", kind: textKey, required: true, doc: "The claim that the case proves."},
	{name: "peers", kind: textsKey, doc: "Names of peers; * stands for any text. Default: all."},
	{name: "operation", kind: textsKey, doc: "What they ask for; several are asked one after the other. Default: none."},
	{name: "expect", kind: wordsKey, required: true, enum: outcomeWords, doc: `allow, deny or unknown, for all peers or by name; "*" is the rest. Peers that are not listed must be denied.`},
	{name: "because", kind: wordsKey, doc: "Why, for all peers or by name: the rule, the reason, the floor item, the unknown fact, or the beginning of a clause that is not satisfied."},
	{name: "now", kind: timeKey, doc: "The time of these decisions."},
	{name: "skip", kind: textKey, doc: "Why the case does not run. It says so in every report."},
	{name: "todo", kind: textKey, doc: "Why the case may fail for now. It runs, and the report says when it no longer fails."},
}

var matrixKeys = []key{
	{name: "operations", kind: textsKey, required: true, doc: "The operations: the columns of the table."},
	{name: "allow", kind: namedKey, required: true, doc: "The operations that each peer may have; * stands for any text. Everything else must be denied."},
}

var mutationKeys = []key{
	{name: "skip", kind: textsKey, doc: "Kinds of attackers that may come in, as in older-version; * stands for any text."},
	{name: "because", kind: textKey, doc: "Why they may."},
	{name: "oldest", kind: textKey, doc: "The oldest version that may come in: versions just below are tried."},
}

var coverageKeys = []key{
	{name: "rules", kind: percentKey, doc: "Rules that decided at least once."},
	{name: "conditions", kind: percentKey, doc: "Clauses and lines of peers, each both true and false."},
	{name: "floor", kind: percentKey, doc: "Items of the floor that refused at least one peer or attacker."},
}
