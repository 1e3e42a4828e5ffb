package policy

import "github.com/xpcpolicy/xpcpolicy/code"

// APIVersion is the version of the document that this package reads.
const APIVersion = "xpcpolicy/v1"

// keyKind is what a key of the document holds.
type keyKind uint8

const (
	textKey   keyKind = iota // one text
	celKey                   // one text, a CEL expression
	boolKey                  // true or false
	textsKey                 // one text or a list of texts; with keys, of texts and such objects
	objectKey                // an object with fixed keys
	listKey                  // a list of such objects
	namedKey                 // an object whose keys are names the author chooses
)

// key describes one key of the document. The strict reader, the JSON Schema and
// docs/policy.md follow this one table; tests compare them with it.
type key struct {
	name     string
	kind     keyKind
	doc      string
	required bool
	enum     []string
	keys     []key // of an object, of each object of a list, of each named object
	value    keyKind
}

var documentKeys = []key{
	{name: "apiVersion", kind: textKey, required: true, enum: []string{APIVersion}, doc: "The version of this format."},
	{name: "name", kind: textKey, doc: "What decisions and logs call this policy. Required; an included file has none."},
	{name: "description", kind: textKey, doc: "What the policy is for. Nothing reads it."},
	{name: "include", kind: textsKey, doc: "Files that belong to this policy, relative to this one. What they say stands before what this file says."},
	{name: "variables", kind: namedKey, value: celKey, doc: "Named CEL expressions. Each sees those above it; rules write vars.NAME."},
	{name: "trust", kind: objectKey, keys: trustKeys, doc: "Whose signatures count."},
	{name: "requirements", kind: namedKey, value: textKey, doc: "Named texts in Apple's requirement language; rules write satisfies(requirements.NAME)."},
	{name: "peers", kind: namedKey, value: objectKey, keys: peerKeys, doc: `Named descriptions of a caller; rules write matches("NAME").`},
	{name: "rules", kind: listKey, keys: ruleKeys, doc: "The rules in order: the first one whose condition is true decides. When none is, the answer is deny. Required, here or in an included file."},
	{name: "floor", kind: objectKey, keys: floorKeys, doc: "What is demanded of every caller before any rule is asked."},
	{name: "profiles", kind: namedKey, value: objectKey, keys: profileKeys, doc: "What is added when whoever loads the policy asks for a profile by name. Every decision then carries a warning."},
}

var profileKeys = []key{
	{name: "description", kind: textKey, doc: "What the profile is for; the warning quotes it."},
	{name: "trust", kind: objectKey, keys: profileTrustKeys, doc: "Roots and builds that are trusted as well."},
	{name: "variables", kind: namedKey, value: celKey, doc: "More variables."},
	{name: "requirements", kind: namedKey, value: textKey, doc: "More requirements."},
	{name: "peers", kind: namedKey, value: objectKey, keys: peerKeys, doc: "More peers."},
	{name: "rules", kind: listKey, keys: ruleKeys, doc: "More rules. They stand behind all others, so that no deny rule of the policy is lost."},
	{name: "floor", kind: objectKey, keys: floorKeys, doc: "Floor items that are relaxed as well, and more hosts."},
}

var trustKeys = []key{
	{name: "apple", kind: boolKey, doc: "Trust chains that end in one of Apple's roots. Default: true."},
	{name: "roots", kind: textsKey, keys: rootKeys, doc: "Root certificates that are trusted as well: the SHA-256 (64 hexadecimal digits), or an object that binds it to teams."},
	{name: "adhoc", kind: textsKey, doc: "CDHashes (40 or 64 hexadecimal digits) of builds that may come without any certificate."},
}

// profileTrustKeys leave out apple: a profile adds, and takes nothing away.
var profileTrustKeys = trustKeys[1:]

var rootKeys = []key{
	{name: "sha256", kind: textKey, required: true, doc: "The SHA-256 of the root certificate, 64 hexadecimal digits."},
	{name: "teams", kind: textsKey, required: true, doc: "The only teams that this root may vouch for."},
}

var peerKeys = []key{
	{name: "requirement", kind: textKey, doc: "A text in Apple's requirement language, or requirements.NAME."},
	{name: "identifiers", kind: textsKey, doc: "Signing identifiers, one of which must be the caller's."},
	{name: "team", kind: textsKey, doc: "Team identifiers, one of which must be the caller's verified team."},
	{name: "channel", kind: textsKey, enum: channels, doc: "How the code was distributed, one of which must be the caller's."},
	{name: "min_version", kind: textKey, doc: "The least CFBundleShortVersionString, in version() order."},
	{name: "min_build", kind: textKey, doc: "The least CFBundleVersion, in version() order."},
	{name: "require", kind: objectKey, keys: setKeys, doc: "What the caller must have."},
	{name: "forbid", kind: objectKey, keys: setKeys, doc: "What the caller must not have."},
}

var setKeys = []key{
	{name: "entitlements", kind: textsKey, doc: "Entitlement keys. Required: the boolean true. Forbidden: there with any value but false."},
	{name: "flags", kind: textsKey, enum: codeFlagNames(), doc: "CodeDirectory flags, by codesign's names."},
}

var ruleKeys = []key{
	{name: "name", kind: textKey, required: true, doc: "What decisions call this rule."},
	{name: "allow", kind: celKey, doc: "Allow when this CEL condition is true."},
	{name: "deny", kind: celKey, doc: "Deny when this CEL condition is true, or cannot be decided."},
	{name: "message", kind: textKey, doc: "What to tell whoever reads the decision."},
	{name: "operation", kind: textsKey, doc: "The operations this rule is about. Default: every operation."},
}

var floorKeys = []key{
	{name: "relax", kind: textsKey, enum: relaxableNames(), doc: "Floor items that this policy does without. Every decision carries a warning for each."},
	{name: "interpreters", kind: textsKey, doc: "Signing identifiers that count as interpreters too; a final * stands for any rest."},
	{name: "plugin_hosts", kind: textsKey, doc: "Signing identifiers that count as plug-in hosts too; a final * stands for any rest."},
}

var channels = []string{
	string(code.ChannelApple), string(code.ChannelAppStore), string(code.ChannelTestFlight),
	string(code.ChannelDeveloperID), string(code.ChannelDevelopment), string(code.ChannelDistribution),
	string(code.ChannelAppleOther), string(code.ChannelPrivate), string(code.ChannelSelfSigned), string(code.ChannelAdHoc),
}

// codeFlagNames lists the names of all CodeDirectory flags that have one.
func codeFlagNames() []string {
	var names []string
	for bit := code.CodeFlags(1); bit != 0; bit <<= 1 {
		if n := bit.Names(); len(n) == 1 && n[0][0] != '0' {
			names = append(names, n[0])
		}
	}
	return names
}

// flagByName returns the bit of a name that codeFlagNames lists.
func flagByName(name string) code.CodeFlags {
	for bit := code.CodeFlags(1); bit != 0; bit <<= 1 {
		if n := bit.Names(); len(n) == 1 && n[0] == name {
			return bit
		}
	}
	return 0
}

func findKey(keys []key, name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

func keyNames(keys []key) []string {
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = keys[i].name
	}
	return names
}
