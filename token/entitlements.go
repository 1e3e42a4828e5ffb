package token

import (
	"encoding/binary"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/coreder"
)

const entitlementsMagic = 0xfade7172

// checkEntitlements demands that the kernel grants the entitlements that the
// signature seals. A process without any, and one with an empty dictionary, have
// the same.
func (id *identification) checkEntitlements() error {
	var kernel code.Value
	has := id.entitlements != nil
	if has {
		if m := binary.BigEndian.Uint32(id.entitlements); m != entitlementsMagic {
			return fail(code.StatusInvalidEntitlements, "the kernel's entitlements have magic %08x, want %08x", m, entitlementsMagic)
		}
		var err error
		if kernel, err = coreder.ParseEntitlements(id.entitlements[blobHeader:]); err != nil {
			return fail(code.StatusInvalidEntitlements, "the kernel's entitlements: %w", err)
		}
		has = kernel.Len() > 0
	}
	sealed, ok, err := id.subject.Entitlements.Get()
	if err != nil {
		return fail(code.StatusStaticCodeChanged, "nobody knows the entitlements of the file: %w", err)
	}
	ok = ok && sealed.Len() > 0
	if ok != has || ok && !sealed.Equal(kernel) {
		return fail(code.StatusStaticCodeChanged, "the kernel grants %s, and the file's signature seals %s", shownEntitlements(kernel, has), shownEntitlements(sealed, ok))
	}
	return nil
}

func shownEntitlements(v code.Value, has bool) string {
	if !has {
		return "no entitlements"
	}
	s := v.String()
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}
