package xpcpolicy_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// steady answers the one question of a warm Allow, as cheaply as that can be done.
type steady struct{ token.Kernel }

func (steady) Status(token.AuditToken) (code.KernelFlags, error) { return healthy, nil }

func BenchmarkAllow(b *testing.B) {
	w, honest := newWorld(b), programs()[0]
	tok := w.exec(b, 7, honest)
	b.Run("sha256-1KiB", func(b *testing.B) {
		buf := make([]byte, 1024)
		for b.Loop() {
			sha256.Sum256(buf)
		}
	})
	b.Run("warm", func(b *testing.B) {
		g := guardOver(b, steady{w}, nil)
		b.ReportAllocs()
		for b.Loop() {
			if !g.Allow(ctx, tok).Allow() {
				b.Fatal("denied")
			}
		}
	})
	b.Run("warm-parallel", func(b *testing.B) {
		g := guardOver(b, steady{w}, nil)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if !g.Allow(ctx, tok).Allow() {
					b.Fatal("denied")
				}
			}
		})
	})
	b.Run("cold", func(b *testing.B) { // a new process of a program that was seen before
		g := guardOver(b, w, nil)
		b.ReportAllocs()
		for pid := uint32(1000); b.Loop(); pid++ {
			b.StopTimer()
			tok := w.exec(b, pid, honest)
			b.StartTimer()
			if !g.Allow(ctx, tok).Allow() {
				b.Fatal("denied")
			}
		}
	})
	// A program that was never seen. Pages do not count, so that half of its 50 KB are
	// entitlements, which do.
	o := fixtures.Good()
	o.Entitlements = map[string]any{"com.example.pad": strings.Repeat("a", 15_000)}
	large := makeProgram("large", true, o)
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			g := guardOver(b, w, nil)
			tok := w.exec(b, 7, large)
			b.StartTimer()
			if !g.Allow(ctx, tok).Allow() {
				b.Fatal("denied")
			}
		}
	})
}
