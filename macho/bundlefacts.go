package macho

import (
	"errors"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// bundleFacts is what the walk over the files found: absent for a single file,
// unknown when it did not end, or is told by the bundle around this one.
func (v *verification) bundleFacts() code.Fact[code.Bundle] {
	switch {
	case v.bundle == nil:
		return code.Absent[code.Bundle]()
	case v.outer != nil:
		return code.Unknown[code.Bundle](errors.New("the bundle around it has these facts"))
	case v.within == nil || v.within.stop != nil:
		return code.Unknown[code.Bundle](errors.New("the files of the bundle were not compared with their seal to the end"))
	}
	sh := v.shared
	b := code.Bundle{
		Sealed: sh.progress.Files, SealedBytes: sh.progress.Bytes, Links: sh.links.Load(),
		Unsealed: sh.unsealed.result(), CodeAsData: sh.codeAsData.result(),
		Nested: sh.nested, NestedTotal: sh.nestedTotal,
	}
	slices.SortFunc(b.Nested, func(x, y code.NestedCode) int { return strings.Compare(x.Path, y.Path) })
	return code.Known(b)
}
