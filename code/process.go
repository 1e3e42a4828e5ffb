package code

// TokenStrength says how well an audit token is bound to the message it came with.
type TokenStrength string

// The strengths, best first. The zero value is unknown.
const (
	StrengthMessage    TokenStrength = "message"    // from the message's own trailer
	StrengthConnection TokenStrength = "connection" // the connection's last message: racy
	StrengthWeak       TokenStrength = "weak"       // a socket's peer: whoever holds that process identifier
)

// Process is what is known about a running process beyond its signature.
type Process struct {
	// Token holds the eight words of the audit token: auid, euid, egid, ruid,
	// rgid, pid, asid, pid version.
	Token [8]uint32 `json:"token"`
	// Strength says where the token came from.
	Strength TokenStrength `json:"token_strength,omitempty"`
	// Status are the kernel's code-signing flags of the process.
	Status Fact[KernelFlags] `json:"status,omitzero"`
	// CDHash is the hash of the CodeDirectory that the kernel enforces, 20 bytes.
	CDHash Fact[Hex] `json:"cdhash,omitzero"`
	// Identifier and TeamID are the kernel's. It names no team for platform code.
	Identifier Fact[string] `json:"identifier,omitzero"`
	TeamID     Fact[string] `json:"team_id,omitzero"`
	// ValidationCategory says how the kernel came to trust the signature: 1
	// platform, 2 TestFlight, 3 development, 4 App Store, 5 enterprise, 6 Developer
	// ID, 7 local signing, 10 none; absent on systems that do not say.
	ValidationCategory Fact[uint32] `json:"validation_category,omitzero"`
	// BundleMain says that the program is the main executable of a bundle: it lies where
	// the sealed Info.plist says that the bundle's program lies, and both have the same
	// identifier.
	BundleMain Fact[bool] `json:"bundle_main,omitzero"`
	// Translated says that Rosetta runs the program: its running slice is for another
	// processor than this Mac's.
	Translated Fact[bool] `json:"translated,omitzero"`
	// ParentPID and ResponsiblePID are process identifiers, which are no identities:
	// of who started the process (1 when that one has ended), and of whom the system
	// holds responsible for it. Anybody can start any program, with arguments, files
	// and an environment of his choice. They are for logs, and no policy can read them.
	ParentPID      Fact[uint32] `json:"parent_pid,omitzero"`
	ResponsiblePID Fact[uint32] `json:"responsible_pid,omitzero"`
	// Path is where the program's file was when the kernel was asked. It is for
	// display only.
	Path string `json:"path,omitempty"`
}

// PID returns word 5 of the token. A process identifier alone is no identity.
func (p *Process) PID() uint32 { return p.Token[5] }

// PIDVersion returns word 7 of the token, which changes with every exec.
func (p *Process) PIDVersion() uint32 { return p.Token[7] }
