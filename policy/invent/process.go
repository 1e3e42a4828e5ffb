package invent

import (
	"errors"
	"fmt"
	"math"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// honestStatus is what the kernel says of a program that nobody tampered with.
const honestStatus = code.CSValid | code.CSSigned | code.CSHard | code.CSKill

// process returns the process of a subject. One that has none begins to run: as
// the user 501, with a token that came with its message.
func process(s *code.Subject) *code.Process {
	if s.Process == nil {
		status := honestStatus
		if s.Flags.Or(0)&code.FlagRuntime != 0 {
			status |= code.CSRuntime
		}
		if s.Flags.Or(0)&code.FlagAdHoc != 0 {
			status |= code.CSAdHoc
		}
		if granted(s.Entitlements, getTaskAllow) {
			status |= code.CSGetTaskAllow
		}
		s.Process = &code.Process{
			Token:    [8]uint32{501, 501, 20, 501, 20, 4242, 100007, 1234},
			Strength: code.StrengthMessage, Status: code.Known(status),
		}
	}
	return s.Process
}

func word(name string, i int) field {
	return field{name: name, kind: kindInt, set: func(s *code.Subject, _ string, v code.Value) error {
		n, ok := v.Int64()
		if !ok || n < 0 || n > math.MaxUint32 {
			return errors.New("want a number from 0 to 4294967295")
		}
		process(s).Token[i] = uint32(n)
		return nil
	}}
}

func processText(name string, optional bool, at func(*code.Process) *code.Fact[string]) field {
	f := field{name: name, set: func(s *code.Subject, _ string, v code.Value) error {
		text, ok := v.Str()
		if !ok || text == "" {
			return errors.New("want a text")
		}
		*at(process(s)) = code.Known(text)
		return nil
	}, hide: func(s *code.Subject) { *at(process(s)) = code.Unknown[string](errHidden) }}
	if optional {
		f.unset = func(s *code.Subject, _ string) error {
			*at(process(s)) = code.Absent[string]()
			return nil
		}
	}
	return f
}

func processBool(name string, at func(*code.Process) *code.Fact[bool]) field {
	return field{name: name, kind: kindBool, set: func(s *code.Subject, _ string, v code.Value) error {
		b, ok := v.Boolean()
		if !ok {
			return errors.New("want true or false")
		}
		*at(process(s)) = code.Known(b)
		return nil
	}, hide: func(s *code.Subject) { *at(process(s)) = code.Unknown[bool](errHidden) }}
}

// setStatus takes the names of the kernel's flags.
func setStatus(s *code.Subject, _ string, v code.Value) error {
	var status code.KernelFlags
	for item := range v.Items() {
		name, _ := item.Str()
		bit := code.KernelFlags(0)
		for b := code.KernelFlags(1); b != 0; b <<= 1 {
			if n := b.Names(); len(n) == 1 && n[0] == name {
				bit = b
			}
		}
		if bit == 0 {
			return fmt.Errorf("there is no flag %q of a process, as in valid, signed, hard, kill, runtime, get-task-allow, debugged", name)
		}
		status |= bit
	}
	process(s).Status = code.Known(status)
	return nil
}

// setFlags takes the names of CodeDirectory flags.
func setFlags(s *code.Subject, _ string, v code.Value) error {
	var flags code.CodeFlags
	for item := range v.Items() {
		name, _ := item.Str()
		bit := code.CodeFlags(0)
		for b := code.CodeFlags(1); b != 0; b <<= 1 {
			if n := b.Names(); len(n) == 1 && n[0] == name {
				bit = b
			}
		}
		if bit == 0 {
			return fmt.Errorf("there is no flag %q, as in runtime, library-validation, hard, kill", name)
		}
		flags |= bit
	}
	adhoc := flags&code.FlagAdHoc != 0
	if adhoc != (s.Flags.Or(0)&code.FlagAdHoc != 0) {
		return errors.New("whether code is ad hoc follows from who signed it: set subject.channel")
	}
	each(s, func(v *code.Slice) { v.Flags = code.Known(flags) })
	return nil
}
