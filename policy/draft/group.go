package draft

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// Build is one verified program, or the facts of one.
type Build struct {
	Path    string // how suites name the file
	Subject *code.Subject
	// Facts is set when Path is a facts file and no program.
	Facts bool
}

// signer is who signs: builds of one signer and one set of identifiers are one peer.
type signer struct {
	kind kind
	team string   // "" when nobody vouches for one
	root [32]byte // of a private chain
}

// kind is how the signer is recognised.
type kind uint8

const (
	apple    kind = iota // Apple's own software
	release              // a team, through Developer ID, a store, TestFlight or distribution
	develop              // a team's development certificates
	private              // a root of somebody's own
	unsigned             // no certificate: only the hash names it
)

// group is the builds of one peer.
type group struct {
	name string
	signer
	identifiers []string
	channels    []code.Channel
	builds      []Build
	version     string // the lowest of all builds; "" when one has none
}

// traits are what all slices of a build must agree on.
type traits struct {
	signer
	channel code.Channel
}

// groups sorts builds by signer and identifiers.
func groups(builds []Build) ([]*group, error) {
	byKey := map[string]*group{}
	var list []*group
	for _, b := range builds {
		if err := b.Subject.Verified(); err != nil {
			return nil, fmt.Errorf("%s: it is not verified, so nothing it says can stand in a policy: %w", diag.Printable(b.Path), err)
		}
		t, ids, err := describe(b.Subject)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", diag.Printable(b.Path), err)
		}
		key := fmt.Sprintf("%d/%s/%x/%q", t.kind, t.team, t.root, ids)
		g := byKey[key]
		if g == nil {
			g = &group{signer: t.signer, identifiers: ids}
			byKey[key] = g
			list = append(list, g)
		}
		g.builds = append(g.builds, b)
		if !slices.Contains(g.channels, t.channel) {
			g.channels = append(g.channels, t.channel)
		}
	}
	for _, g := range list {
		slices.Sort(g.channels)
		g.lowest()
	}
	name(list)
	return list, nil
}

// describe returns what all slices of a program have in common.
func describe(s *code.Subject) (traits, []string, error) {
	var common traits
	var ids []string
	for i, v := range s.PerSlice() {
		t, err := traitsOf(v)
		if err != nil {
			return t, nil, err
		}
		if i > 0 && t != common {
			return t, nil, fmt.Errorf("its slices are not signed alike: %s and %s", common.channel, t.channel)
		}
		common = t
		id, ok, err := v.Identifier.Get()
		if err != nil || !ok || id == "" {
			return t, nil, fmt.Errorf("nobody knows its identifier")
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return common, ids, nil
}

func traitsOf(s *code.Subject) (traits, error) {
	channel, ok, err := s.Channel().Get()
	if err != nil || !ok {
		return traits{}, fmt.Errorf("it is not signed, or nobody knows by whom")
	}
	t := traits{channel: channel}
	switch channel {
	case code.ChannelApple:
		t.kind = apple
		return t, nil
	case code.ChannelAdHoc:
		t.kind = unsigned
		return t, nil
	case code.ChannelDevelopment:
		t.kind = develop
	case code.ChannelPrivate, code.ChannelSelfSigned:
		t.kind = private
		root, _, _ := s.AnchorCert().Get()
		if root == nil || root.SHA256 == [32]byte{} {
			return t, fmt.Errorf("nobody knows the hash of its root certificate")
		}
		t.root = root.SHA256
		t.team = s.VerifiedTeam(func(c *code.Certificate) bool { return true }).Or("")
		return t, nil
	case code.ChannelAppleOther:
		return t, fmt.Errorf("its certificates have no marker of a kind that can be told apart")
	default:
		t.kind = release
	}
	if t.team = s.VerifiedTeam(nil).Or(""); t.team == "" {
		return t, fmt.Errorf("its certificates vouch for no team")
	}
	return t, nil
}

// lowest finds the lowest version of all builds.
func (g *group) lowest() {
	for i, b := range g.builds {
		for _, v := range b.Subject.PerSlice() {
			text := ""
			if t, ok := v.Info.Or(code.Value{}).Get("CFBundleShortVersionString"); ok {
				text, _ = t.Str()
			}
			order, ok := policy.CompareVersions(text, text)
			if i > 0 && ok {
				order, ok = policy.CompareVersions(text, g.version)
			}
			if !ok {
				g.version = ""
				return
			}
			if i == 0 && g.version == "" || order < 0 {
				g.version = text
			}
		}
	}
}

// name gives the peers names that a policy can write, made of their identifiers.
func name(list []*group) {
	taken := map[string]bool{}
	for _, g := range list {
		last := g.identifiers[0][strings.LastIndexByte(g.identifiers[0], '.')+1:]
		word := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
				return r
			case r >= 'A' && r <= 'Z':
				return r - 'A' + 'a'
			}
			return -1
		}, last)
		if word == "" || word[0] >= '0' && word[0] <= '9' || word[0] == '-' || len(word) > 40 {
			word = "program"
		}
		if g.kind == develop {
			word += "-development"
		}
		for n, base := 2, word; taken[word]; n++ {
			word = base + "-" + strconv.Itoa(n)
		}
		taken[word] = true
		g.name = word
	}
}

// all reports whether every slice of every build has a flag.
func (g *group) all(bit code.CodeFlags) bool {
	for _, b := range g.builds {
		for _, v := range b.Subject.PerSlice() {
			if v.Flags.Or(0)&bit == 0 {
				return false
			}
		}
	}
	return true
}

// forbidden are the dangerous entitlements that no build has.
func (g *group) forbidden() []string {
	var list []string
	for _, key := range invent.Dangerous() {
		has := false
		for _, b := range g.builds {
			for _, v := range b.Subject.PerSlice() {
				if value, ok := v.Entitlements.Or(code.Value{}).Get(key); ok {
					no, isBool := value.Boolean()
					has = has || no || !isBool
				}
			}
		}
		if !has {
			list = append(list, key)
		}
	}
	return list
}

// who says in words who signs.
func (g *group) who() string {
	switch g.kind {
	case apple:
		return "Apple"
	case unsigned:
		return "nobody"
	case private:
		if g.team == "" {
			return "a private root"
		}
		return "team " + g.team + " below a private root"
	}
	return "team " + g.team
}
