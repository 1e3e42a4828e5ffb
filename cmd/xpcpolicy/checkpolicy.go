package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// formatDOT is a format of check alone: explanations are graphs.
const formatDOT = "dot"

// loadProfile reads and compiles the policy at path, with a profile in force unless
// the name is "". Files that it includes stand below its folder; symbolic links do
// not lead out of it.
func (a *app) loadProfile(cmd *cobra.Command, path, profile string) (*policy.Policy, error) {
	text, err := a.read(path)
	if err != nil {
		return nil, usage(cmd, "the policy cannot be read: %s", plain(err))
	}
	name, files := "-", fs.FS(nil)
	if path != "-" {
		name = filepath.Base(path)
		if root, err := os.OpenRoot(filepath.Dir(path)); err == nil {
			defer root.Close()
			files = root.FS()
		}
	}
	if text == nil {
		text = []byte{}
	}
	p, err := policy.Load(files, name, policy.Options{Profile: profile, Text: text, Name: source(path)})
	if err != nil {
		return nil, refused(cmd, "the policy does not load, so nothing was judged", err)
	}
	return p, nil
}

// warnOf says, one line each, what loading a policy found and did not refuse.
func (c *checker) warnOf(p *policy.Policy) {
	for _, f := range p.Findings() {
		fmt.Fprintln(c.stderr, f.Error())
	}
}

// missed is what can say what would have to differ.
type missed interface {
	NearestMiss(ctx context.Context) policy.NearestMiss
}

// nearest searches for the nearest miss of a denial that is explained; nil when
// there is nothing to say. The search bounds itself.
func (c *checker) nearest(d answer) *policy.NearestMiss {
	m, ok := d.(missed)
	if !c.explain || !ok || d.Allow() {
		return nil
	}
	found := m.NearestMiss(context.Background())
	return &found
}

// printDOT prints an explanation as a graph.
func (c *checker) printDOT(target string, d answer) error {
	_, err := c.stdout.Write([]byte(diag.DOT(target, d.Explain())))
	return err
}
