package token

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// fakeKernel is a kernel in memory. Its processes can exec, exit and be debugged
// while somebody asks.
type fakeKernel struct {
	mu        sync.Mutex
	processes map[AuditToken]*fakeProcess
	open      func(path string) (Image, error)
	asked     int
}

// fakeProcess is one program image. A zero field is answered like an empty one; an
// entry of errs comes before every answer.
type fakeProcess struct {
	status   []code.KernelFlags // one for each time, the last one for ever
	cdhash   []byte
	offset   int64
	identity string
	team     string
	der      []byte // the whole blob with its header
	category uint32
	path     string
	errs     map[string]Errno // by the name of the question
	raw      map[Op][]byte    // answers that are given as they stand
}

func (k *fakeKernel) process(t AuditToken, what string) (*fakeProcess, error) {
	p := k.processes[t]
	if p == nil {
		return nil, ESRCH
	}
	k.asked++
	if e, ok := p.errs[what]; ok {
		return nil, e
	}
	return p, nil
}

func (k *fakeKernel) Status(t AuditToken) (code.KernelFlags, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, err := k.process(t, "status")
	if err != nil {
		return 0, err
	}
	st := p.status[0]
	if len(p.status) > 1 {
		p.status = p.status[1:]
	}
	return st, nil
}

// header is {0, length} and a string with its NUL.
func header(s string) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(blobHeader+len(s)+1))
	return append(append(b, s...), 0)
}

func (k *fakeKernel) CSOps(t AuditToken, op Op, buf []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, err := k.process(t, op.String())
	if err != nil {
		return err
	}
	if b, ok := p.raw[op]; ok {
		copy(buf, b)
		return nil
	}
	var b []byte
	switch op {
	case OpCDHash:
		if b = p.cdhash; len(b) == 0 {
			return EBADEXEC
		}
		if len(buf) != len(b) {
			return EINVAL
		}
	case OpSliceOffset:
		b = binary.LittleEndian.AppendUint64(nil, uint64(p.offset))
	case OpValidationCategory:
		b = binary.LittleEndian.AppendUint32(nil, p.category)
	case OpIdentity:
		b = header(p.identity)
	case OpTeamID:
		if p.team == "" {
			return ENOENT
		}
		b = header(p.team)
	case OpEntitlementsDER:
		b = p.der // nil leaves the buffer as it is
	default:
		return EINVAL
	}
	if len(b) > len(buf) {
		clear(buf[:4])
		binary.BigEndian.PutUint32(buf[4:], uint32(len(b)))
		return ERANGE
	}
	copy(buf, b)
	return nil
}

func (k *fakeKernel) Path(t AuditToken) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, err := k.process(t, "path")
	if err != nil {
		return "", err
	}
	return p.path, nil
}

func (k *fakeKernel) Open(path string) (Image, error) {
	if k.open == nil {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	return k.open(path)
}
