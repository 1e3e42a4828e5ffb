package code

// dangerous are the entitlements that let other programs' code or commands into a
// process, so that its identity stops saying what it does.
var dangerous = [...]struct{ key, means string }{
	{"com.apple.security.get-task-allow", "any program of the user may debug it, and so run its own code in it"},
	{"com.apple.security.cs.disable-library-validation", "it loads libraries and plug-ins of any team"},
	{"com.apple.private.security.clear-library-validation", "it may switch library validation off while it runs"},
	{"com.apple.security.cs.allow-dyld-environment-variables", "whoever starts it may have libraries loaded into it"},
	{"com.apple.security.cs.disable-executable-page-protection", "its own code may be changed in memory, and pages are not checked any more"},
	{"com.apple.security.cs.allow-unsigned-executable-memory", "it may run memory that no signature covers"},
	{"com.apple.security.cs.allow-relative-library-loads", "it loads libraries from paths that depend on where it is started"},
	{"com.apple.security.cs.debugger", "it may debug other programs"},
}

// DangerousEntitlements lists those entitlements of a dictionary, in a fixed order,
// that weaken what the identity of the code is worth: they are there with any value
// but false. A value that is no dictionary has none.
func DangerousEntitlements(entitlements Value) []string {
	var out []string
	for _, d := range dangerous {
		if v, ok := entitlements.Get(d.key); ok {
			if b, isBool := v.Boolean(); b || !isBool {
				out = append(out, d.key)
			}
		}
	}
	return out
}

// DangerousEntitlementMeaning says what an entitlement lets in, or "".
func DangerousEntitlementMeaning(key string) string {
	for _, d := range dangerous {
		if d.key == key {
			return d.means
		}
	}
	return ""
}
