package requirement

import (
	"encoding/binary"
	"slices"
	"sort"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// maxChain is how many certificates a counterexample may have. Longer chains are
// reasoned about, and not built.
const maxChain = 32

// subject makes a program of the values, with every fact that a requirement can
// ask for. Facts of no interest are what ordinary code has.
func (v *values) subject(n int64) *code.Subject {
	s := &code.Subject{
		Notarized:    code.Known(v.bools[fact{op: OpNotarized}]),
		LegacyListed: code.Known(v.bools[fact{op: OpLegacy}]),
		InTrustCache: code.Known(v.bools[fact{op: OpAppleAnchor}]),
	}
	s.Signed = true
	s.SignedAt = code.Absent[time.Time]()
	s.Identifier = code.Known(v.text(fact{op: OpIdent}, func(i uint32) string {
		if i == 0 {
			return "com.example.program"
		}
		return "com.example.program" + itoa(int(i))
	}))
	h := code.CDHash{Type: code.HashSHA256}
	copy(h.Hash[:], v.text(fact{op: OpCDHash}, func(i uint32) string { return digest(0xcd, i) }))
	h.Full = h.Hash[:]
	s.CDHashes = code.Known([]code.CDHash{h})
	s.PlatformByte = code.Known(uint8(0))
	if b := v.texts[fact{op: OpPlatform}]; b != "" {
		s.PlatformByte = code.Known(b[0])
	}
	s.Info, s.Entitlements = v.dict(OpInfo), v.dict(OpEntitlement)
	s.Certs = code.Absent[[]code.Certificate]()
	if n > 0 {
		s.Certs = code.Known(v.chain(n))
	}
	return s
}

// text returns the value of a fact, or the first of many that it may have.
func (v *values) text(f fact, fresh func(i uint32) string) string {
	if s, ok := v.texts[f]; ok {
		return s
	}
	for i := uint32(0); ; i++ {
		if s := fresh(i); !v.not[f][s] {
			return s
		}
	}
}

// digest is 20 bytes that are not all zero.
func digest(first byte, i uint32) string {
	var b [20]byte
	b[0], b[1] = first, 0xee
	binary.BigEndian.PutUint32(b[16:], i)
	return string(b[:])
}

// dict collects the values of Info.plist or of the entitlements; absent when
// there are none.
func (v *values) dict(op Op) code.Fact[code.Value] {
	var entries []code.Entry
	for f, value := range v.lists {
		if f.op == op {
			entries = append(entries, code.Entry{Key: f.key, Value: value})
		}
	}
	if d, err := plist.Dict(entries...); err == nil && len(entries) > 0 {
		return code.Known(d)
	}
	return code.Absent[code.Value]()
}

func (v *values) chain(n int64) []code.Certificate {
	certs := make([]code.Certificate, n)
	for i := range certs {
		c := &certs[i]
		at := int64(i)
		copy(c.SHA1[:], v.text(fact{op: OpAnchorHash, cert: at}, func(k uint32) string { return digest(byte(i+1), k) }))
		c.AppleRoot = v.bools[fact{op: OpAppleGeneric, cert: at}]
		c.SelfSigned = at == n-1
		if c.TrustSetting = v.trust[at]; c.TrustSetting == code.TrustUnknown {
			c.TrustSetting = code.TrustUnspecified
		}
		c.Subject, c.Extensions = []code.Attribute{}, []code.OID{}
	}
	for f, text := range v.texts {
		if f.op == OpCertField {
			c := &certs[f.cert]
			c.Subject = append(c.Subject, code.Attribute{Type: code.OID(f.key), Value: text})
		}
	}
	for f, has := range v.bools {
		switch {
		case has && f.op == OpCertGeneric:
			certs[f.cert].Extensions = append(certs[f.cert].Extensions, code.OID(f.key))
		case has && f.op == OpCertPolicy:
			certs[f.cert].Policies = append(certs[f.cert].Policies, code.OID(f.key))
		}
	}
	for f, d := range v.dates {
		c := &certs[f.cert]
		c.Dates = append(c.Dates, code.DateExtension{OID: code.OID(f.key), Seconds: d})
	}
	for i := range certs {
		c := &certs[i]
		sort.Slice(c.Subject, func(i, j int) bool { return c.Subject[i].Type < c.Subject[j].Type })
		sort.Slice(c.Extensions, func(i, j int) bool { return c.Extensions[i] < c.Extensions[j] })
		sort.Slice(c.Policies, func(i, j int) bool { return c.Policies[i] < c.Policies[j] })
		sort.Slice(c.Dates, func(i, j int) bool { return c.Dates[i].OID < c.Dates[j].OID })
	}
	return certs
}

// appleRootSHA1 are the hashes by which requirements name three of Apple's roots.
var appleRootSHA1 = [...]string{
	"\x61\x1e\x5b\x66\x2c\x59\x3a\x08\xff\x58\xd1\x4a\xe2\x24\x52\xd1\x98\xdf\x6c\x60", // Apple Root CA
	"\x14\x69\x89\x89\xbf\xb2\x95\x09\x21\xa4\x24\x52\x64\x6d\x37\xb5\x0a\xf0\x17\xe2", // Apple Root CA - G2
	"\xb5\x2c\xb0\x2f\xd5\x67\xe0\x35\x9f\xe8\xfa\x4d\x4c\x41\x03\x79\x70\xfe\x01\xb0", // Apple Root CA - G3
}

// unreal completes the values as real certificates would have them. Where the
// wants forbid that, evaluation would confirm a counterexample that cannot exist,
// which is a doubt.
func (v *values) unreal(wants map[fact][]*want) (doubts []refusal) {
	against := func(f, because fact, why string) {
		switch {
		case wants[f] == nil || v.bools[f]:
			v.bools[f] = true
		default:
			both := slices.Concat(wants[f], wants[because])
			doubts = append(doubts, refusal{literals(both...), why})
		}
	}
	for f := range v.dates {
		against(fact{OpCertGeneric, f.cert, f.key}, f, "only a date outside of any extension would tell them apart")
	}
	for f, hash := range v.texts {
		if f.op == OpAnchorHash && slices.Contains(appleRootSHA1[:], hash) {
			against(fact{op: OpAppleGeneric, cert: f.cert}, f, "only a certificate with the SHA-1 of Apple's root that is another one would tell them apart")
		}
	}
	return doubts
}
