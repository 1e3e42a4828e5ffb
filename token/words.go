package token

// Word is one of the eight words of an audit token.
type Word struct {
	// Name is the word's short name, as in "auid"; libbsm calls the accessor
	// audit_token_to_auid.
	Name string
	// Meaning says what it holds.
	Meaning string
	// Value is the word.
	Value uint32
	// Set is false for an audit user who was never set: the process belongs to no
	// login session.
	Set bool
	// User and Group say that the value names a user or a group of the system.
	User, Group bool
}

// Describe names the eight words in order.
func (t AuditToken) Describe() []Word {
	w := t.Words()
	list := []Word{
		{Name: "auid", Meaning: "audit user: who logged in; sudo and setuid do not change it", User: true},
		{Name: "euid", Meaning: "effective user: whose rights the process had", User: true},
		{Name: "egid", Meaning: "effective group", Group: true},
		{Name: "ruid", Meaning: "real user: who started the process", User: true},
		{Name: "rgid", Meaning: "real group", Group: true},
		{Name: "pid", Meaning: "process identifier: no identity by itself, it is reused"},
		{Name: "asid", Meaning: "audit session"},
		{Name: "pidversion", Meaning: "changes with every fork and exec: with pid it names one program image"},
	}
	for i := range list {
		list[i].Value, list[i].Set = w[i], true
	}
	list[0].Set = w[0] != unset
	return list
}

// Notes says what the users of a token tell about how the process was started: in
// sentences, for people. None of it is proof, and none of it names a program.
func (t AuditToken) Notes() []string {
	auid, session := t.AuditUserID()
	euid, ruid := t.EffectiveUserID(), t.RealUserID()
	var notes []string
	switch {
	case session && auid != 0 && euid == 0 && ruid == 0:
		notes = append(notes, "it ran as root inside a user's login session: started by sudo or an installer there, not by launchd as a daemon. "+
			"What a daemon is allowed (its profile, its app group) may be refused to the same program when it is started by hand")
	case euid != ruid && euid == 0:
		notes = append(notes, "it ran with root's rights on behalf of another user: a setuid program")
	case euid != ruid:
		notes = append(notes, "effective and real user differ: it acts for one user with the rights of another")
	case !session && euid == 0:
		notes = append(notes, "no login session and root: a daemon that launchd started")
	case !session:
		notes = append(notes, "no login session: started by launchd for the system, not for a user who logged in")
	case auid != euid:
		notes = append(notes, "the user who logged in is not the one whose rights it had: started with su, sudo -u or launchctl asuser")
	}
	return append(notes, "the users and groups are those of the moment when the message was sent")
}
