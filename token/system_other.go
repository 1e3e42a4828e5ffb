//go:build !darwin

package token

// System returns the kernel of this Mac. On every other system the error is
// [ENOTSUP]: live processes can be judged from a [Recording] only.
func System() (Kernel, error) { return nil, ENOTSUP }
