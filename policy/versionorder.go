package policy

// CompareVersions compares two versions in the order of version(), as min_version
// does: negative when a is older, zero when both are the same. ok is false when one
// of them is not a version.
func CompareVersions(a, b string) (order int, ok bool) {
	v, ok1 := parseVersion(a)
	w, ok2 := parseVersion(b)
	if !ok1 || !ok2 {
		return 0, false
	}
	return v.compare(w), true
}
