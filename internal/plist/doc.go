// Package plist is the one reader of property lists: Info.plist, entitlements,
// resource seals and constraints, as XML or as "bplist00".
//
// A parsed list is a [Value], which cannot change and which keeps the types of
// the file: the integer 1, the real 1.0 and true are three different things.
//
//	v, err := plist.Parse(b, plist.Options{})
//	if err != nil {
//		return err
//	}
//	id, ok := v.Get("CFBundleIdentifier")
//
// It accepts what has one reading only. Duplicate keys, malformed comments, text
// after the end, entities, cycles and integers beyond 64 bits are errors, so that
// no other reader of the same bytes can have seen other content. It does not
// check what the keys mean, that the root is a dictionary, or that the bytes are
// sealed by a signature.
//
// It follows CFPropertyList.c and CFBinaryPList.c (CoreFoundation); where it
// refuses what those accept, a comment says so.
package plist
