//go:build real

package real

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Archives inside packages, and the directories that the paths of the
// expectations call them by.
var inner = map[string]string{
	"package/Detox-ios-xcuitest.tbz":  "xcui",
	"package/Detox-ios-framework.tbz": "fw",
}

// maxFile bounds one extracted file; the largest real one has about 300 MB.
const maxFile = 1 << 30

// extract unpacks a package and the archives inside it. Everything is written
// through a root, which no name and no link leads out of.
func extract(tarball, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := untar(root, ".", gz); err != nil {
		return err
	}
	for name, to := range inner {
		b, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = untar(root, to, bzip2.NewReader(b))
		b.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return applet(root)
}

// untar unpacks directories, files and links; npm tarballs and these archives
// hold nothing else.
func untar(root *os.Root, to string, r io.Reader) error {
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Join(to, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeReg:
			err = write(root, name, tr)
		case tar.TypeSymlink:
			err = link(root, name, h.Linkname)
		case tar.TypeXGlobalHeader:
		default:
			err = fmt.Errorf("%s is neither file, directory nor link but %q", h.Name, h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
}

func write(root *os.Root, name string, r io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, maxFile+1))
	if n > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return errors.Join(err, f.Close())
}

// link keeps a link that stays inside the package. macho follows links itself,
// so one that leads out must not be there.
func link(root *os.Root, name, target string) error {
	if path.IsAbs(target) || !fs.ValidPath(path.Join(path.Dir(name), target)) {
		return fmt.Errorf("the link %s leads out of the package, to %s", name, target)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return root.Symlink(target, name)
}

// applet unpacks the program that sudo-prompt carries as a string of base64 in
// its source: a zip archive, whose first bytes are "PK\3\4".
func applet(root *os.Root) error {
	src, err := root.ReadFile("package/index.js")
	if err != nil {
		return nil // most packages have no such file
	}
	_, rest, found := strings.Cut(string(src), "'UEsDB")
	if !found {
		return nil
	}
	text, _, _ := strings.Cut(rest, "'")
	b, err := base64.StdEncoding.DecodeString("UEsDB" + text)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = write(root, path.Join("applet", f.Name), r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
