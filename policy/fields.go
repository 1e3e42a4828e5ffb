package policy

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// facts is what one evaluation reads: one slice of one subject, and the request.
type facts struct {
	p         *Policy
	s         *code.Subject // the slice is on top
	whole     *code.Subject
	operation string
	now       time.Time
	verified  error // of the whole subject
}

// fieldType is the type that a CEL expression sees.
type fieldType uint8

const (
	typeString  fieldType = iota
	typeBool              //
	typeInt               //
	typeTime              //
	typeStrings           // list of texts
	typeMaps              // list of maps with text keys
	typePlist             // map with text keys
)

var fieldTypeNames = [...]string{"string", "bool", "int", "timestamp", "list(string)", "list(map)", "map"}

// field is one name that CEL expressions may read. This table is the vocabulary:
// the environment is declared from it and docs/policy.md lists it.
type field struct {
	name string
	typ  fieldType
	// null says that the field is null when there is nothing. All other fields
	// have a value whenever a rule is asked, an empty list or map at least.
	null bool
	doc  string
	// get returns the value as a Go value of the type, nil for null, and notKnown
	// when nobody knows.
	get func(f *facts) any
}

// notKnown is the value of a fact that nobody knows.
type notKnown struct{ err error }

// fact converts a fact: absent becomes none.
func fact[T any](f code.Fact[T], none any, convert func(T) any) any {
	v, ok, err := f.Get()
	switch {
	case err != nil:
		return notKnown{err}
	case !ok:
		return none
	}
	return convert(v)
}

var errNothing = errors.New("the signature does not have it")

var nothing any = notKnown{errNothing} // boxed once

func same[T any](v T) any { return v }

func nullable[T any](f code.Fact[T]) any { return fact(f, nil, same[T]) }

func nullableText(f code.Fact[string]) any { return fact(f, nil, text) }

// always converts a fact that every signature has: without it nobody knows.
func always[T any](f code.Fact[T], convert func(T) any) any {
	return fact(f, nothing, convert)
}

func nonEmpty(s string) any {
	if s == "" {
		return nil
	}
	return text(s)
}

func flagSet(bit code.CodeFlags) func(*facts) any {
	return func(f *facts) any {
		return always(f.s.Flags, func(v code.CodeFlags) any { return v&bit != 0 })
	}
}

var fields = []field{
	{"subject.identifier", typeString, false, "The signing identifier.",
		func(f *facts) any { return always(f.s.Identifier, text) }},
	{"subject.team_id", typeString, true, "The VERIFIED team: the certificates vouch for it. Null for ad-hoc code, Apple's own code and chains that trust does not name.",
		func(f *facts) any { return nullableText(f.team()) }},
	{"subject.claimed_team_id", typeString, true, "The team that the signature names. Anybody can claim any team: a rule that reads this compares a claim.",
		func(f *facts) any { return nullableText(f.s.ClaimedTeamID) }},
	{"subject.anchor", typeString, false, `Where the chain ends: "apple", "private" or "none".`,
		func(f *facts) any { return always(f.s.Anchor(), func(a code.Anchor) any { return text(string(a)) }) }},
	{"subject.channel", typeString, false, "How the code was distributed, by the markers of its certificates: " + joinOr(channels) + ".",
		func(f *facts) any { return always(f.s.Channel(), func(c code.Channel) any { return text(string(c)) }) }},
	{"subject.version", typeString, true, "CFBundleShortVersionString of the sealed Info.plist. Compare it with version().",
		func(f *facts) any { return nullableText(f.info("CFBundleShortVersionString")) }},
	{"subject.build", typeString, true, "CFBundleVersion of the sealed Info.plist. Compare it with version().",
		func(f *facts) any { return nullableText(f.info("CFBundleVersion")) }},
	{"subject.cdhash", typeString, false, "The hash of the best CodeDirectory, 40 hexadecimal digits: names one build of one slice.",
		func(f *facts) any { return always(f.s.CDHash(), func(h code.CDHash) any { return text(h.String()) }) }},
	{"subject.cdhashes", typeStrings, false, "The hashes of all CodeDirectories, best first.",
		func(f *facts) any { return always(f.s.CDHashes, cdhashTexts) }},
	{"subject.flags", typeStrings, false, "The names of the CodeDirectory flags, as codesign prints them.",
		func(f *facts) any { return always(f.s.Flags, func(v code.CodeFlags) any { return v.Names() }) }},
	{"subject.hardened_runtime", typeBool, false, "The hardened runtime is on.", flagSet(code.FlagRuntime)},
	{"subject.library_validation", typeBool, false, "The signature asks for library validation by its own flag; the hardened runtime brings it without.", flagSet(code.FlagLibraryValidation)},
	{"subject.adhoc", typeBool, false, "The code is signed without a certificate.", flagSet(code.FlagAdHoc)},
	{"subject.linker_signed", typeBool, false, "A linker made the signature.", flagSet(code.FlagLinkerSigned)},
	{"subject.platform_byte", typeInt, false, "The platform identifier of the CodeDirectory. Not zero is a claim to be part of the operating system, nothing more.",
		func(f *facts) any { return always(f.s.PlatformByte, func(b uint8) any { return int64(b) }) }},
	{"subject.signed_at", typeTime, true, "The time of the secure timestamp.",
		func(f *facts) any { return nullable(f.s.SignedAt) }},
	{"subject.signing_time", typeTime, true, "The time that the signer claims.",
		func(f *facts) any { return nullable(f.s.SigningTime) }},
	{"subject.certificates", typeMaps, false, "The chain, leaf first; empty for ad-hoc code. Keys: " + joinOr(certificateKeys) + ".",
		func(f *facts) any { return fact(f.s.Certs, []map[string]any{}, certificateMaps) }},
	{"subject.entitlements", typePlist, false, `The sealed entitlements; empty when there are none. A key that is not there is an error: ask entitled("KEY") or "KEY" in subject.entitlements.`,
		func(f *facts) any { return fact(f.s.Entitlements, code.Value{}, same[code.Value]) }},
	{"subject.info", typePlist, false, "The sealed Info.plist; empty when there is none.",
		func(f *facts) any { return fact(f.s.Info, code.Value{}, same[code.Value]) }},
	{"subject.arch", typeString, true, `The architecture of the slice, as in "arm64".`,
		func(f *facts) any { return nonEmpty(f.s.Arch) }},
	{"subject.slices", typeMaps, false, "All slices in file order, one for a thin file. Keys: arch, identifier, cdhash, claimed_team_id.",
		func(f *facts) any { return sliceMaps(f.whole) }},
	{"subject.notarized", typeBool, false, "Apple's notary service knows the code. Only a Mac can tell.",
		func(f *facts) any { return always(f.s.Notarized, same[bool]) }},
	{"subject.min_os", typeString, true, "The oldest system that the slice says it runs on.",
		func(f *facts) any { return nonEmpty(f.s.MinOS) }},
	{"subject.sdk", typeString, true, "The SDK that the slice was built with.",
		func(f *facts) any { return nonEmpty(f.s.SDK) }},
	{"subject.runtime_version", typeString, true, "The version of the hardened runtime.",
		func(f *facts) any { return nullableText(f.s.RuntimeVersion) }},

	{"subject.profile.embedded", typeBool, false, "A provisioning profile is embedded. What it says counts for nothing unless subject.profile.valid is true.",
		func(f *facts) any {
			return fact(f.s.Profile, false, func(code.Profile) any { return true })
		}},
	{"subject.profile.valid", typeBool, false, "Apple signed the profile. False when there is none.",
		profiled(false, func(p *code.Profile) any { return p.Valid })},
	{"subject.profile.current", typeBool, false, "It is valid and had not expired when the code was verified. False when there is none.",
		profiled(false, func(p *code.Profile) any {
			return always(p.Expired, func(expired bool) any { return p.Valid && !expired })
		})},
	{"subject.profile.cert_match", typeBool, false, "The profile lists the certificate that signed each slice. False when there is none.",
		profiled(false, func(p *code.Profile) any { return always(p.CertMatch, func(ok bool) any { return ok && p.Valid }) })},
	{"subject.profile.app_id_match", typeBool, false, "The profile was made for the application identifier of each slice. False when there is none.",
		profiled(false, func(p *code.Profile) any { return always(p.AppIDMatch, func(ok bool) any { return ok && p.Valid }) })},
	{"subject.profile.all_devices", typeBool, false, "The profile names no devices: it is for distribution. False when there is none.",
		profiled(false, func(p *code.Profile) any { return p.Valid && p.AllDevices })},
	{"subject.profile.name", typeString, true, "The name of a valid profile.",
		profiled(nil, func(p *code.Profile) any { return nonEmpty(p.Name) })},
	{"subject.profile.team_ids", typeStrings, false, "The teams of a valid profile; empty when there is none.",
		profiled([]string{}, func(p *code.Profile) any { return append([]string{}, p.TeamIDs...) })},
	{"subject.profile.expires", typeTime, true, "When a valid profile expires.",
		profiled(nil, func(p *code.Profile) any {
			if p.Expires.IsZero() {
				return nil
			}
			return p.Expires
		})},
	{"subject.profile.entitlements", typePlist, false, "What a valid profile authorises: values, or patterns that end in *; empty when there is none.",
		profiled(code.Value{}, func(p *code.Profile) any { return fact(p.Entitlements, code.Value{}, same[code.Value]) })},

	{"process.auid", typeInt, false, "The audit user: who logged in.", word(0)},
	{"process.euid", typeInt, false, "The effective user.", word(1)},
	{"process.egid", typeInt, false, "The effective group.", word(2)},
	{"process.ruid", typeInt, false, "The real user.", word(3)},
	{"process.rgid", typeInt, false, "The real group.", word(4)},
	{"process.pid", typeInt, false, "The process identifier. It is reused, and alone no identity.", word(5)},
	{"process.asid", typeInt, false, "The audit session.", word(6)},
	{"process.pid_version", typeInt, false, "Changes with every exec.", word(7)},
	{"process.flags", typeStrings, false, "The names of the kernel's code-signing flags of the process.",
		func(f *facts) any {
			if f.s.Process == nil {
				return notKnown{errNoProcess}
			}
			return always(f.s.Process.Status, func(v code.KernelFlags) any { return v.Names() })
		}},
	{"process.token_strength", typeString, false, `How well the audit token is bound to the message: "message", "connection" or "weak".`,
		func(f *facts) any {
			if f.s.Process == nil || f.s.Process.Strength == "" {
				return notKnown{errNoProcess}
			}
			return string(f.s.Process.Strength)
		}},
	{"process.identifier", typeString, false, "The signing identifier, as the kernel knows it.",
		running(func(p *code.Process) any { return always(p.Identifier, same[string]) })},
	{"process.team_id", typeString, true, "The team identifier, as the kernel knows it: a claim of whoever signed, as subject.claimed_team_id is. Null for platform code.",
		running(func(p *code.Process) any { return nullable(p.TeamID) })},
	{"process.cdhash", typeString, false, "The hash of the CodeDirectory that the kernel enforces, 40 hexadecimal digits.",
		running(func(p *code.Process) any { return always(p.CDHash, func(h code.Hex) any { return h.String() }) })},
	{"process.validation_category", typeInt, true, "How the kernel came to trust the signature: 1 platform, 2 TestFlight, 3 development, 4 App Store, 5 enterprise, 6 Developer ID, 7 local signing, 10 none. Null on systems that do not say.",
		running(func(p *code.Process) any {
			return fact(p.ValidationCategory, nil, func(c uint32) any { return int64(c) })
		})},
	{"process.bundle_main", typeBool, false, "The program is the main executable of a bundle, as its sealed Info.plist says.",
		running(func(p *code.Process) any { return always(p.BundleMain, same[bool]) })},
	{"process.translated", typeBool, false, "Rosetta runs the program.",
		running(func(p *code.Process) any { return always(p.Translated, same[bool]) })},
	{"process.interpreter", typeBool, false, "The signing identifier is that of an interpreter, by the built-in list and floor.interpreters. Known for files too.",
		func(f *facts) any { return f.host(floorInterpreter) }},
	{"process.plugin_host", typeBool, false, "The signing identifier is that of a host of other people's plug-ins, by the built-in list and floor.plugin_hosts. Known for files too.",
		func(f *facts) any { return f.host(floorPlugins) }},

	{"operation", typeString, true, "What the caller asks for, in the words of whoever asks for the decision.",
		func(f *facts) any { return nonEmpty(f.operation) }},
	{"now", typeTime, false, "The time of the decision. Not known unless the request says it.",
		func(f *facts) any {
			if f.now.IsZero() {
				return notKnown{errors.New("the request does not say what time it is")}
			}
			return f.now
		}},
}

var errNoProcess = errors.New("this is a file, not a running process")

// profiled reads an embedded profile; one that Apple did not sign says nothing.
func profiled(none any, get func(*code.Profile) any) func(*facts) any {
	return func(f *facts) any {
		return fact(f.s.Profile, none, func(p code.Profile) any {
			if !p.Valid {
				return none
			}
			return get(&p)
		})
	}
}

// running reads a fact of a process; of a file nobody knows it.
func running(get func(*code.Process) any) func(*facts) any {
	return func(f *facts) any {
		if f.s.Process == nil {
			return notKnown{errNoProcess}
		}
		return get(f.s.Process)
	}
}

func word(i int) func(*facts) any {
	return func(f *facts) any {
		if f.s.Process == nil {
			return notKnown{errNoProcess}
		}
		return int64(f.s.Process.Token[i])
	}
}

// info returns a text of Info.plist. An integer counts as its digits. A value of
// another type, or an empty text, is there and nobody knows how it was meant, so
// that it is neither absent nor anything else.
func (f *facts) info(key string) code.Fact[string] {
	info, ok, err := f.s.Info.Get()
	if err != nil {
		return code.Unknown[string](err)
	}
	v, there := info.Get(key)
	if !ok || !there {
		return code.Absent[string]()
	}
	if s, ok := v.Str(); ok && s != "" {
		return code.Known(s)
	}
	if n, ok := v.Int64(); ok {
		return code.Known(strconv.FormatInt(n, 10))
	}
	if _, empty := v.Str(); empty {
		return code.Unknown[string](errors.New(key + " is empty"))
	}
	return code.Unknown[string](errors.New(key + " is a " + v.Kind().String() + ", where a text belongs"))
}

// host turns a floor item that says "is none" into a fact that says "is one".
func (f *facts) host(item func(*facts) (answer, string)) any {
	switch a, found := item(f); a {
	case yes:
		return false
	case no:
		return true
	default:
		return notKnown{errors.New(found)}
	}
}

func cdhashTexts(hs []code.CDHash) any {
	texts := make([]string, len(hs))
	for i := range hs {
		texts[i] = hs[i].String()
	}
	return texts
}

var certificateKeys = []string{"common_name", "organization", "team", "issuer", "serial", "sha1", "sha256",
	"extensions", "policies", "not_before", "not_after", "self_signed", "apple_root"}

func certificateMaps(certs []code.Certificate) any {
	maps := make([]map[string]any, len(certs))
	for i := range certs {
		c := &certs[i]
		m := map[string]any{
			"common_name": nonEmpty(c.CommonName()), "organization": nil, "team": nil, "issuer": nil,
			"serial": nonEmpty(c.Serial), "sha1": nil, "sha256": nil,
			"extensions": oidTexts(c.Extensions), "policies": oidTexts(c.Policies),
			"not_before": nil, "not_after": nil, "self_signed": c.SelfSigned, "apple_root": c.AppleRoot,
		}
		if v, ok := c.Last(code.OIDOrganization); ok {
			m["organization"] = v
		}
		if v, ok := c.First(code.OIDOrganizationalUnit); ok {
			m["team"] = v
		}
		for _, a := range c.Issuer {
			if a.Type == code.OIDCommonName {
				m["issuer"] = a.Value
			}
		}
		if c.SHA1 != [20]byte{} {
			m["sha1"] = fmt.Sprintf("%x", c.SHA1)
		}
		if c.SHA256 != [32]byte{} {
			m["sha256"] = fmt.Sprintf("%x", c.SHA256)
		}
		if !c.NotBefore.IsZero() {
			m["not_before"] = c.NotBefore
		}
		if !c.NotAfter.IsZero() {
			m["not_after"] = c.NotAfter
		}
		maps[i] = m
	}
	return maps
}

func oidTexts(oids []code.OID) []string {
	texts := make([]string, len(oids))
	for i := range oids {
		texts[i] = oids[i].String()
	}
	return texts
}

func sliceMaps(s *code.Subject) any {
	list := s.Slices
	if len(list) == 0 {
		list = []code.Slice{s.Slice}
	}
	maps := make([]map[string]any, len(list))
	for i := range list {
		id, ok1, err1 := list[i].Identifier.Get()
		h, ok2, err2 := list[i].CDHash().Get()
		team, ok3, err3 := list[i].ClaimedTeamID.Get()
		if err := errors.Join(err1, err2, err3); err != nil {
			return notKnown{err}
		}
		m := map[string]any{"arch": nonEmpty(list[i].Arch), "identifier": nil, "cdhash": nil, "claimed_team_id": nil}
		if ok1 {
			m["identifier"] = id
		}
		if ok2 {
			m["cdhash"] = h.String()
		}
		if ok3 {
			m["claimed_team_id"] = team
		}
		maps[i] = m
	}
	return maps
}

func joinOr(list []string) string {
	s := ""
	for i, l := range list {
		if i > 0 {
			s += ", "
		}
		s += l
	}
	return s
}
