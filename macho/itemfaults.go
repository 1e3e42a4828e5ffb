package macho

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// maxItemFaults is how many violations of one kind are kept; the others are counted.
const maxItemFaults = 16

// itemFaults collects violations by file, from several goroutines. Which are kept does
// not depend on the order in which they are found.
type itemFaults struct {
	mu    sync.Mutex
	total int
	kept  []problem // by path
	// apple is the set of Apple's answers to all of them; unsure that one of the
	// answers is not known.
	apple  map[code.Status]bool
	unsure bool
}

// add records a problem of a file.
func (f *itemFaults) add(path string, p problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.err.Path = strings.ToValidUTF8(path, "\uFFFD")
	f.total++
	switch s, ok, _ := p.apple.Get(); {
	case !ok:
		f.unsure = true
	case s != code.StatusSuccess:
		if f.apple == nil {
			f.apple = map[code.Status]bool{}
		}
		f.apple[s] = true
	}
	at, _ := slices.BinarySearchFunc(f.kept, p.err.Path, func(a problem, path string) int { return strings.Compare(a.err.Path, path) })
	if at >= maxItemFaults {
		return
	}
	f.kept = slices.Insert(f.kept, at, p)
	if len(f.kept) > maxItemFaults {
		f.kept = f.kept[:maxItemFaults]
	}
}

var errEither = errors.New("several files are wrong in different ways, and Apple reports whichever it meets first")

// check is the outcome of a step that found these. others are found by Apple in the
// same walk, in no certain order.
func (f *itemFaults) check(others ...*itemFaults) check {
	if f.total == 0 {
		return passed()
	}
	c := failed(f.kept...)
	c.total = f.total
	answers, unsure := map[code.Status]bool{}, f.unsure
	for _, x := range append(others, f) {
		unsure = unsure || x.unsure
		for s := range x.apple {
			answers[s] = true
		}
	}
	switch {
	case unsure && (len(answers) > 0 || len(f.kept) < f.total), len(answers) > 1:
		c.unsure = errEither.Error()
	case len(answers) == 1 && len(f.apple) == 1 && !slices.ContainsFunc(c.problems, func(p problem) bool { return !p.goesOn() }):
		// The ones that Apple rejects were not kept.
		for s := range answers {
			c.problems[len(c.problems)-1].apple = code.Known(s)
		}
	}
	return c
}
