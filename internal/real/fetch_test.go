//go:build real

package real

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cache keeps the tarballs and, beside each, what was extracted from it.
type cache struct{ dir string }

func openCache(t *testing.T) cache {
	t.Helper()
	dir := os.Getenv("XPCPOLICY_REAL_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		require.NoError(t, err, "set XPCPOLICY_REAL_CACHE")
		dir = filepath.Join(user, "xpcpolicy", "real")
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return cache{dir}
}

// unreachableError says that npm is missing, or that its registry did not answer.
type unreachableError struct{ why string }

func (e *unreachableError) Error() string { return e.why }

// gone is set once npm could not be reached: it tries for a minute each time.
var gone *unreachableError

// unreachable are the codes with which npm says that the network failed, and
// not that the package is wrong.
var unreachable = []string{
	"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH",
	"ETIMEDOUT", "ERR_SOCKET_TIMEOUT", "ENOTCACHED", "E502", "E503", "E504",
}

// fetch returns the directory with the extracted package. The tarball's hash is
// compared each time, so that a damaged cache cannot pass for the package.
func (c cache) fetch(p pinned) (string, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(p.Name, "@"), "/", "-") + "-" + p.Version
	tarball := filepath.Join(c.dir, name+".tgz")
	if _, err := os.Stat(tarball); err != nil {
		if gone != nil {
			return "", gone
		}
		if err := c.pack(p, tarball); err != nil {
			errors.As(err, &gone)
			return "", err
		}
	}
	if err := checkIntegrity(tarball, p.Integrity); err != nil {
		return "", err
	}
	dir := filepath.Join(c.dir, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// Under another name until it is complete: an interrupted run leaves nothing
	// that the next one would take for the package.
	tmp, err := os.MkdirTemp(c.dir, "extract-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := extract(tarball, tmp); err != nil {
		return "", fmt.Errorf("%s: %w", tarball, err)
	}
	return dir, os.Rename(tmp, dir)
}

// pack asks the npm client for the tarball. The registry is whatever the user's
// npm is configured with.
func (c cache) pack(p pinned, tarball string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return &unreachableError{err.Error()}
	}
	tmp, err := os.MkdirTemp(c.dir, "pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// Not --silent: npm would not say why it failed.
	cmd := exec.Command(npm, "pack", p.Name+"@"+p.Version, "--loglevel=error")
	var said bytes.Buffer
	cmd.Dir, cmd.Stderr = tmp, &said
	if err := cmd.Run(); err != nil {
		for _, code := range unreachable {
			if bytes.Contains(said.Bytes(), []byte(code)) {
				return &unreachableError{code}
			}
		}
		return fmt.Errorf("npm pack %s@%s: %w: %s", p.Name, p.Version, err, said.Bytes())
	}
	found, err := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("npm pack %s@%s left %d tarballs", p.Name, p.Version, len(found))
	}
	if err := checkIntegrity(found[0], p.Integrity); err != nil {
		return err
	}
	return os.Rename(found[0], tarball)
}

// checkIntegrity compares a file with a "sha512-<base64>" string.
func checkIntegrity(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s: %s, want %s", file, got, want)
	}
	return nil
}
