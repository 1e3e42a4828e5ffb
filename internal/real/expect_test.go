//go:build real

package real

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// pinned is one package of testdata/packages.jsonl.
type pinned struct {
	Name      string `json:"package"`
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
}

func (p pinned) key() string { return p.Name + "@" + p.Version }

// row is one line of the expectations. Its keys are those of the file; a key
// that is not listed here is an error, so that no fact is overlooked.
type row struct {
	Kind string `json:"kind"`
	pinned
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Fat      bool   `json:"fat"`
	Slice    int    `json:"slice"`
	SliceOff int64  `json:"slice_off"`
	Arch     string `json:"arch"`
	Subtype  string `json:"subtype"`
	FileType string `json:"filetype"`

	SliceSize int64   `json:"slice_size"`
	UUID      *string `json:"uuid"`
	Platform  *uint32 `json:"platform"`
	MinOS     *string `json:"minos"`
	SDK       *string `json:"sdk"`
	Signed    bool    `json:"signed"`

	SigOff     int64             `json:"sig_off"`
	SigSize    int64             `json:"sig_size"`
	SigAtEnd   bool              `json:"sig_end_eq_slice_end"`
	BlobLength int64             `json:"superblob_len"`
	Slots      [][]any           `json:"slots"` // name, magic, length
	CDs        []directoryRow    `json:"cds"`
	Reqs       map[string]string `json:"requirements"` // nil: no requirement set
	Embedded   map[string]string `json:"embedded_info_plist"`
	XMLLength  *int64            `json:"ent_xml_len"`
	XML        any               `json:"ent_xml"` // a string when the other reader failed
	DER        *entitlementsRow  `json:"ent_der"`
	CMSLength  *int64            `json:"cms_len"`
	CMS        *cmsRow           `json:"cms"`
	AgreedBy   []string          `json:"agreed_by"`

	Main      string            `json:"main"`
	Stapled   bool              `json:"stapled"`
	Info      map[string]string `json:"info"`
	Resources *resourcesRow     `json:"resources"` // nil: the bundle has no seal

	// Of the bundle around a file that is its main executable; no facts of the row.
	inBundle bool
	missing  []string // sealed files that the package left out
}

// resourcesRow is what other readers found in a bundle's seal. Lists stop after
// eight names.
type resourcesRow struct {
	Files1   int      `json:"v1_files"`
	Files2   int      `json:"v2_files"`
	Rules1   int      `json:"rules"`
	Rules2   int      `json:"rules2"`
	Bad      []string `json:"bad"`
	Missing  []string `json:"missing"`
	Nested   []string `json:"nested"`
	Symlinks int64    `json:"symlinks"`
	Unsealed int      `json:"unsealed"`
	List     []string `json:"unsealed_list"`
	NMissing int      `json:"nmissing"` // of the names in Missing
}

// detachedRow is what is compared of a bundle whose signature lies in files.
type detachedRow struct {
	CDs       []directoryRow `json:"cds"`
	CMS       *cmsRow        `json:"cms"`
	Resources *resourcesRow  `json:"resources"`
}

type directoryRow struct {
	Slot       string   `json:"slot"`
	Version    string   `json:"version"`
	Flags      string   `json:"flags"`
	FlagNames  []string `json:"flag_names"`
	Hash       string   `json:"hash"`
	HashSize   uint8    `json:"hash_size"`
	PageSize   uint32   `json:"page_size"`
	Special    uint32   `json:"nspecial"`
	Code       uint32   `json:"ncode"`
	Limit      uint64   `json:"code_limit"`
	Platform   uint8    `json:"platform"`
	Identifier string   `json:"identifier"`
	Team       string   `json:"team"`
	Scatter    uint32   `json:"scatter"`
	Limit64    *uint64  `json:"code_limit64"`
	ExecSeg    []any    `json:"exec_seg"` // base, limit, flags
	Runtime    *string  `json:"runtime"`
	PreEncrypt *uint32  `json:"pre_encrypt"`
	Full       string   `json:"cdhash_full"`
	CDHash     string   `json:"cdhash"`
	PageBad    int      `json:"page_bad"`
	FirstBad   []int    `json:"page_bad_first"`
	LimitAtSig bool     `json:"limit_eq_sigoff"`

	Slots map[string]string `json:"special"` // "ok", "zero", or what is wrong
}

type entitlementsRow struct {
	Keys     []string `json:"keys"`
	Trailing int      `json:"trailing"`
	Outer    string   `json:"outer"`
	Version  int      `json:"ver"`
	Dict     string   `json:"dict"`
}

type cmsRow struct {
	Indefinite bool        `json:"ber_indefinite"`
	Trailing   int         `json:"trailing"`
	Version    int         `json:"version"`
	Digests    []string    `json:"digest_algs"`
	Content    string      `json:"econtent_type"`
	Detached   bool        `json:"detached"`
	CRLs       int         `json:"crls"`
	Certs      []certRow   `json:"certs"` // as they lie in the bag
	Signers    []signerRow `json:"signers"`
}

type certRow struct {
	CN        []string `json:"cn"`
	OU        []string `json:"ou"`
	O         []string `json:"o"`
	IssuerCN  []string `json:"issuer_cn"`
	IssuerOU  []string `json:"issuer_ou"`
	Serial    string   `json:"serial"`
	NotBefore string   `json:"not_before"`
	NotAfter  string   `json:"not_after"`
	AppleOIDs []string `json:"apple_oids"`
	Critical  []string `json:"critical"`
	Key       string   `json:"key"`
	SigAlg    string   `json:"sigalg"`
	SHA256    string   `json:"sha256"`
}

type signerRow struct {
	Version     int           `json:"version"`
	Digest      string        `json:"digest"`
	SigAlg      string        `json:"sig_alg"`
	SignedAttrs []string      `json:"signed_attrs"`
	SigningTime *string       `json:"signing_time"`
	Agility2    [][]string    `json:"hash_agility_v2"` // digest, hash
	Agility1    []string      `json:"hash_agility_v1"`
	Sorted      bool          `json:"attrs_der_sorted"`
	DigestOK    bool          `json:"message_digest_ok"`
	CN          []string      `json:"signer_cn"`
	SignatureOK bool          `json:"signature_ok"`
	Chain       []string      `json:"chain"`
	Unsigned    []string      `json:"unsigned_attrs"`
	Timestamp   *timestampRow `json:"timestamp"`
	Agility1OK  *bool         `json:"agility_v1_matches_cds"`
	Agility2OK  *bool         `json:"agility_v2_matches_cds"`
}

type timestampRow struct {
	Time      string      `json:"gen_time"`
	Policy    string      `json:"policy"`
	Algorithm string      `json:"imprint_alg"`
	ImprintOK bool        `json:"imprint_ok"`
	Signers   []signerRow `json:"signers"`
	Certs     []string    `json:"certs"`
	Detached  bool        `json:"detached"`
}

func readPackages(t *testing.T) []pinned {
	t.Helper()
	b, err := os.ReadFile("testdata/packages.jsonl")
	require.NoError(t, err)
	var out []pinned
	for line := range bytes.Lines(b) {
		var p pinned
		require.NoError(t, json.Unmarshal(line, &p))
		out = append(out, p)
	}
	return out
}

// readExpected returns the rows by package and version.
func readExpected(t *testing.T) map[string][]row {
	t.Helper()
	f, err := os.Open("testdata/expected.jsonl.gz")
	require.NoError(t, err)
	defer f.Close()
	gz, err := gzip.NewReader(f)
	require.NoError(t, err)
	out := map[string][]row{}
	sc := bufio.NewScanner(gz)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		// Rows of other kinds share key names with other meanings.
		var head struct {
			Kind string `json:"kind"`
			Path string `json:"path"`
			pinned
		}
		require.NoError(t, json.Unmarshal(sc.Bytes(), &head))
		r := row{Kind: head.Kind, Path: head.Path, pinned: head.pinned}
		if r.Kind == "detached-bundle" {
			var d detachedRow
			require.NoError(t, json.Unmarshal(sc.Bytes(), &d))
			r.CDs, r.CMS, r.Resources = d.CDs, d.CMS, d.Resources
		}
		if r.Kind == "slice" || r.Kind == "bundle" {
			d := json.NewDecoder(bytes.NewReader(sc.Bytes()))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&r), "%s", sc.Bytes())
		}
		out[r.key()] = append(out[r.key()], r)
	}
	require.NoError(t, sc.Err())
	return out
}
