package requirement

import (
	"bytes"
	"cmp"
	"crypto/sha1" // requirements name certificates by SHA-1
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// contextJSON is the evaluation context that test vectors carry.
type contextJSON struct {
	Certs        []contextCert     `json:"certs"`
	Directory    *contextDirectory `json:"directory"`
	Info         any               `json:"info"`
	Entitlements any               `json:"entitlements"`
	Notarized    bool              `json:"notarized"`
	Legacy       bool              `json:"legacy"`
	InTrustCache bool              `json:"inTrustCache"`
}

type contextDirectory struct {
	Identifier string `json:"identifier"`
	CDHash     string `json:"cdhash"`
	Platform   uint8  `json:"platform"`
}

type contextCert struct {
	Subject    map[string]string  `json:"subject"`
	Extensions []string           `json:"extensions"`
	Policies   []string           `json:"policies"`
	Dates      map[string]float64 `json:"dates"`
	DER        string             `json:"der"`
	AppleCA    bool               `json:"appleCA"`
	Trust      string             `json:"trust"`
}

// ContextSubject makes a Subject of an evaluation context in JSON: certs,
// directory, info, entitlements, notarized, legacy, inTrustCache. A key that is
// missing is a KNOWN nothing: no chain, no dictionary, false, no trust setting.
// Dates are {"$date": seconds since 2001}, data is {"$data": hexadecimal}.
//
// The Subject is for evaluation only: it has no origin, nothing in it was
// verified, and appleCA makes a certificate an Apple root by mere assertion.
func ContextSubject(raw []byte) (*code.Subject, error) {
	var c contextJSON
	if !readContext(raw, &c) {
		c = contextJSON{}
		if err := strictJSON(raw, &c); err != nil {
			return nil, fmt.Errorf("evaluation context: %w", err)
		}
	}
	s := &code.Subject{
		Notarized:    code.Known(c.Notarized),
		LegacyListed: code.Known(c.Legacy),
		InTrustCache: code.Known(c.InTrustCache),
	}
	s.SignedAt = code.Absent[time.Time]()
	s.Identifier, s.CDHashes, s.PlatformByte = code.Absent[string](), code.Absent[[]code.CDHash](), code.Absent[uint8]()
	if d := c.Directory; d != nil {
		s.Signed = true
		s.Identifier, s.PlatformByte = code.Known(d.Identifier), code.Known(d.Platform)
		if d.CDHash != "" {
			var h code.CDHash
			if n, err := hex.Decode(h.Hash[:], []byte(d.CDHash[:min(len(d.CDHash), 40)])); err != nil || n != 20 || len(d.CDHash) != 40 {
				return nil, fmt.Errorf("evaluation context: cdhash %q is not 40 hexadecimal digits", d.CDHash)
			}
			h.Type, h.Full = code.HashSHA256, h.Hash[:]
			s.CDHashes = code.Known([]code.CDHash{h})
		}
	}
	s.Certs = code.Absent[[]code.Certificate]()
	if len(c.Certs) > 0 {
		certs := make([]code.Certificate, len(c.Certs))
		for i := range c.Certs {
			if err := c.Certs[i].fill(&certs[i]); err != nil {
				return nil, fmt.Errorf("evaluation context: certs[%d]: %w", i, err)
			}
		}
		s.Certs = code.Known(certs)
	}
	var err error
	if s.Info, err = contextDict(c.Info); err != nil {
		return nil, fmt.Errorf("evaluation context: info: %w", err)
	}
	if s.Entitlements, err = contextDict(c.Entitlements); err != nil {
		return nil, fmt.Errorf("evaluation context: entitlements: %w", err)
	}
	return s, nil
}

func strictJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("text after the end")
	}
	return nil
}

func (c *contextCert) fill(cert *code.Certificate) error {
	der, err := hex.DecodeString(c.DER)
	if err != nil {
		return fmt.Errorf("der: %w", err)
	}
	cert.DER, cert.SHA1, cert.SHA256, cert.AppleRoot = der, sha1.Sum(der), sha256.Sum256(der), c.AppleCA
	cert.Subject = slices.Grow(cert.Subject, len(c.Subject))
	for name, value := range c.Subject {
		oid, ok := subjectOID(name)
		if !ok {
			if name != "E" && name != "email" && name != "emailAddress" {
				continue // no requirement can see it
			}
			oid = oidEmail
		}
		cert.Subject = append(cert.Subject, code.Attribute{Type: oid, Value: value})
	}
	slices.SortFunc(cert.Subject, func(a, b code.Attribute) int { return cmp.Compare(a.Type, b.Type) })
	cert.Extensions = slices.Grow(cert.Extensions, len(c.Extensions))
	for _, x := range c.Extensions {
		cert.Extensions = append(cert.Extensions, contextOID(x))
	}
	for _, x := range c.Policies {
		cert.Policies = append(cert.Policies, contextOID(x))
	}
	for x, seconds := range c.Dates {
		cert.Dates = append(cert.Dates, code.DateExtension{OID: contextOID(x), Seconds: seconds})
	}
	slices.SortFunc(cert.Dates, func(a, b code.DateExtension) int { return cmp.Compare(a.OID, b.OID) })
	switch c.Trust {
	case "", "unspecified":
		cert.TrustSetting = code.TrustUnspecified
	case "root":
		cert.TrustSetting = code.TrustRoot
	case "asroot":
		cert.TrustSetting = code.TrustAsRoot
	case "deny":
		cert.TrustSetting = code.TrustDeny
	default:
		return fmt.Errorf("unknown trust setting %q", c.Trust)
	}
	return nil
}

// contextOID reads an object identifier as requirements do.
func contextOID(s string) code.OID {
	var room [32]byte
	return code.OID(appendOID(room[:0], s))
}

func contextDict(x any) (code.Fact[code.Value], error) {
	if x == nil {
		return code.Absent[code.Value](), nil
	}
	v, err := contextValue(x)
	if err == nil && v.Kind() != plist.KindDict {
		err = fmt.Errorf("want a dictionary, have %s", v.Kind())
	}
	if err != nil {
		return code.Fact[code.Value]{}, err
	}
	return code.Known(v), nil
}

// contextValue turns JSON into a property-list value.
func contextValue(x any) (code.Value, error) {
	var v code.Value
	switch x := x.(type) {
	case string:
		v = plist.String(x)
	case bool:
		v = plist.Bool(x)
	case json.Number:
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil {
			return plist.Int(n), nil
		}
		f, err := x.Float64()
		if err != nil || math.IsInf(f, 0) {
			return v, fmt.Errorf("number %s is out of range", x)
		}
		v = plist.Real(f)
	case []any:
		items := make([]code.Value, len(x))
		for i := range x {
			var err error
			if items[i], err = contextValue(x[i]); err != nil {
				return v, err
			}
		}
		v = plist.Array(items...)
	case map[string]any:
		return contextObject(x)
	}
	if v.Kind() == plist.Invalid {
		return v, fmt.Errorf("%v is not a property-list value", x)
	}
	return v, nil
}

func contextObject(x map[string]any) (code.Value, error) {
	if len(x) == 1 {
		if n, ok := x["$date"].(json.Number); ok {
			f, err := n.Float64()
			if err != nil {
				return code.Value{}, err
			}
			return plist.DateAt(f), nil
		}
		if h, ok := x["$data"].(string); ok {
			b, err := hex.DecodeString(strings.TrimSpace(h))
			if err != nil {
				return code.Value{}, fmt.Errorf("$data: %w", err)
			}
			return plist.Data(b), nil
		}
	}
	entries := make([]code.Entry, 0, len(x))
	for k, e := range x {
		v, err := contextValue(e)
		if err != nil {
			return v, err
		}
		entries = append(entries, code.Entry{Key: k, Value: v})
	}
	return plist.Dict(entries...)
}
