// Command xpcpolicy answers "may this program talk to me?" from a program's code
// signature, on any system: it verifies signatures, evaluates Apple's code
// requirements and decides by policies.
//
//	xpcpolicy check -p policy.yaml ./client
//	xpcpolicy check -r 'anchor apple generic and identifier "com.example.client"' ./client
//
// Exit codes: 0 allow, clean, yes; 1 deny, invalid, no; 2 nothing was judged,
// because the command line or a policy is wrong; 3 could not tell. With several
// targets the worst counts, in the order 2, 1, 3, 0.
//
// It judges files, recorded facts, and on a Mac running processes. It asks no network.
package main

import (
	"os"
	"runtime/debug"
)

func main() {
	// One answer takes milliseconds and little memory: collecting garbage at every
	// 4 MB would cost a fifth of that time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
