// Package diag holds what this project says to people and machines: byte spans
// in sources, diagnostics about texts, explanation trees about decisions, and
// the one renderer for both.
//
//	src := diag.NewSource("peer.req", text)
//	fmt.Print(diag.Text(diag.Diagnostic{
//		Source: src, Span: diag.Span{Start: 11, End: 23},
//		Summary: `unknown certificate field "subject.TEAM"`,
//	}))
//
// Positions are byte offsets everywhere; line and column exist only in rendered
// output, are 1-based, and count bytes. What this package does NOT do: it never
// looks at files, terminals or the environment; the caller decides about colour
// and width.
package diag
