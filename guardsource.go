package xpcpolicy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/policytest"
)

// guardSource is where a [Guard] has its policy from.
type guardSource struct {
	path, profile string
}

// load loads the policy and runs the suites beside it that name it. When nothing
// changed since before, which may be nil, it returns that without running them again.
func (s *guardSource) load(ctx context.Context, before *policy.Policy) (*policy.Policy, error) {
	dir, name := filepath.Split(s.path)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the policy's folder: %w", err)
	}
	defer root.Close()
	p, err := policy.Load(root.FS(), name, policy.Options{Profile: s.profile, Name: s.path})
	if err != nil {
		return nil, err
	}
	if before != nil && p.Revision() == before.Revision() {
		return before, nil
	}
	suites, err := fs.Glob(root.FS(), "*_test.yaml")
	if err != nil {
		return nil, err
	}
	sort.Strings(suites)
	for _, suite := range suites {
		if err := s.test(ctx, root, p, suite); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// maxSuite bounds a file of tests, in bytes.
const maxSuite = 4 << 20

// test runs a suite that is about this policy and its profile; others pass it by.
func (s *guardSource) test(ctx context.Context, root *os.Root, p *policy.Policy, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxSuite {
		return errors.Join(err, fmt.Errorf("%s: a suite of tests is a file of at most %d bytes", name, maxSuite))
	}
	text, err := fs.ReadFile(root.FS(), name)
	if err != nil {
		return err
	}
	suite, err := policytest.Parse(filepath.Join(filepath.Dir(s.path), name), text)
	if err != nil {
		return err
	}
	if suite.Profile() != s.profile || !names(suite, name, filepath.Base(s.path)) {
		return nil
	}
	r := suite.Run(ctx, p, policytest.Options{
		Load: func(ctx context.Context, path string, now time.Time) (*code.Subject, error) {
			return Verify(ctx, filepath.Join(filepath.Dir(s.path), path), Options{Now: now})
		},
		Facts: func(path string) (*code.Subject, error) {
			b, err := fs.ReadFile(root.FS(), filepath.ToSlash(filepath.Clean(path)))
			if err != nil {
				return nil, err
			}
			return code.ReadFacts(b)
		},
	})
	if r.Outcome() != policytest.Passed {
		return fmt.Errorf("the policy does not pass its own tests:\n%s", policytest.Text(policytest.TextOptions{}, r))
	}
	return nil
}

// names reports whether the suite in a file is about the policy in another one.
func names(s *policytest.Suite, suite, file string) bool {
	policies := s.Policies()
	if len(policies) == 0 { // the policy beside it, of the same name
		return strings.TrimSuffix(suite, "_test.yaml") == strings.TrimSuffix(file, filepath.Ext(file))
	}
	for _, p := range policies {
		if filepath.Base(p) == file {
			return true
		}
	}
	return false
}

// Reload loads the policy again, runs its tests, and takes it over when all of that
// passes. An error leaves the policy before in force. The answers that were kept
// belong to the policy that gave them: after a change every program is asked again.
func (g *Guard) Reload(ctx context.Context) error {
	_, err := g.load(ctx)
	return err
}

// load is [Guard.Reload], and says whether there is a new policy.
func (g *Guard) load(ctx context.Context) (changed bool, err error) {
	g.reload.Lock()
	defer g.reload.Unlock()
	s := g.state.Load()
	if s == nil || s.closed {
		return false, errClosed
	}
	defer func() { // a defect while a file is read must not end the server
		if v := recover(); v != nil {
			changed, err = false, &defectError{v}
		}
	}()
	p, err := g.source.load(ctx, s.policy)
	if err != nil || p == s.policy {
		return false, err
	}
	g.install(p)
	return true, nil
}

// watch looks again in intervals. What went wrong is told once, until it changes.
func (g *Guard) watch() {
	defer g.stopped.Done()
	tick := time.NewTicker(g.o.Reload)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-g.stop:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { // a long suite must not hold up Close
			select {
			case <-g.stop:
				cancel()
			case <-ctx.Done():
			}
		}()
		changed, err := g.load(ctx)
		cancel()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if tell := g.o.Reloaded; tell != nil && !errors.Is(err, errClosed) && (changed || text != last) {
			tell(g.Policy().Revision(), err)
		}
		last = text
	}
}
