package code

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Status is an OSStatus that code-signing validation can return: mostly an
// errSecCS number. Zero is success.
type Status int32

// StatusInfo says in words what a status means. Cause and Remedy may be empty.
type StatusInfo struct {
	Status  Status
	Name    string // Apple's name, as in "errSecCSReqFailed"
	Meaning string // one line
	Cause   string // what most likely led to it
	Remedy  string // what whoever signs, or whoever runs the code, can do
}

// posixBase is added to an errno that Security.framework reports as an OSStatus.
const posixBase = 100000

// posixNames are the errors of that kind that validation meets.
var posixNames = map[Status]string{
	posixBase + 1:  "EPERM",
	posixBase + 2:  "ENOENT",
	posixBase + 8:  "ENOEXEC",
	posixBase + 13: "EACCES",
}

// codesignMessages are the texts that codesign prints for a status, which is
// what people have at hand when they ask.
var codesignMessages = map[Status]string{
	StatusUnsigned:                  "code object is not signed at all",
	StatusSignatureFailed:           "invalid signature (code or signature have been modified)",
	StatusBadResource:               "a sealed resource is missing or invalid",
	StatusResourcesNotFound:         "code has no resources but signature indicates they must be present",
	StatusInfoPlistFailed:           "invalid Info.plist (plist or signature have been modified)",
	StatusReqFailed:                 "test-requirement: code failed to satisfy specified code requirement(s)",
	StatusBadNestedCode:             "nested code is modified or invalid",
	StatusUnsealedAppRoot:           "unsealed contents present in the bundle root",
	StatusUnsealedFrameworkRoot:     "unsealed contents present in the root directory of an embedded framework",
	StatusAmbiguousBundleFormat:     "bundle format is ambiguous (could be app or framework)",
	StatusBadMainExecutable:         "main executable failed strict validation",
	StatusInvalidAssociatedFileData: "resource fork, Finder information, or similar detritus not allowed",
	StatusWeakResourceRules:         "resource envelope is obsolete (custom omit rules)",
	StatusWeakResourceEnvelope:      "resource envelope is obsolete (version 1 signature)",
}

// Statuses returns every known status with its words, success first.
func Statuses() []StatusInfo { return append([]StatusInfo(nil), statusTable[:]...) }

// Info returns the words for s. An unknown number gets a name made of it.
func (s Status) Info() StatusInfo {
	for _, i := range statusTable {
		if i.Status == s {
			return i
		}
	}
	if s > posixBase && s < posixBase+200 {
		errno := strconv.Itoa(int(s - posixBase))
		name := posixNames[s]
		if name == "" {
			name = "POSIX error " + errno
		}
		return StatusInfo{s, name, "the system call error " + errno + ", reported as 100000 + errno", "", ""}
	}
	return StatusInfo{s, "OSStatus " + strconv.Itoa(int(s)), "not a number that code-signing validation is known to return", "", ""}
}

// Name returns Apple's name, as in "errSecCSReqFailed".
func (s Status) Name() string { return s.Info().Name }

// CodesignMessage returns the text that codesign prints for s, or "".
func (s Status) CodesignMessage() string { return codesignMessages[s] }

// String returns the name and the number, as in "errSecCSReqFailed (-67050)".
func (s Status) String() string { return fmt.Sprintf("%s (%d)", s.Name(), int32(s)) }

// FindStatus finds a status by its number ("-67050"), its name in any case
// ("errSecCSReqFailed", "ReqFailed") or the text that codesign prints for it.
func FindStatus(text string) (Status, bool) {
	want := strings.ToLower(strings.TrimSpace(text))
	if n, err := strconv.ParseInt(want, 10, 32); err == nil {
		if Status(n).known() {
			return Status(n), true
		}
		return 0, false
	}
	for _, i := range statusTable {
		name := strings.ToLower(i.Name)
		if want == name || "errseccs"+want == name || "cssmerr_tp_"+want == name {
			return i.Status, true
		}
	}
	for s, name := range posixNames {
		if want == strings.ToLower(name) {
			return s, true
		}
	}
	if len(want) < 8 { // too short to be one of the sentences
		return 0, false
	}
	for _, i := range statusTable {
		if m := strings.ToLower(codesignMessages[i.Status]); m != "" && strings.Contains(want, m) {
			return i.Status, true
		}
	}
	return 0, false
}

func (s Status) known() bool {
	for _, i := range statusTable {
		if i.Status == s {
			return true
		}
	}
	return s > posixBase && s < posixBase+200
}

// MarshalJSON writes the number.
func (s Status) MarshalJSON() ([]byte, error) { return json.Marshal(int32(s)) }

// UnmarshalJSON reads the number.
func (s *Status) UnmarshalJSON(b []byte) error {
	var n int32
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*s = Status(n)
	return nil
}
