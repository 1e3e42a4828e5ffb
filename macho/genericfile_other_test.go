//go:build !linux && !darwin

package macho

import "errors"

func setAttribute(string, string, []byte) error { return errors.ErrUnsupported }
