// Command libxpcpolicy is the C library of xpcpolicy, for servers in Swift,
// Objective-C and C. It needs cgo:
//
//	go build -buildmode=c-archive -o libxpcpolicy.a ./cmd/libxpcpolicy
//	go build -buildmode=c-shared -o libxpcpolicy.dylib ./cmd/libxpcpolicy
//
// include/xpcpolicy.h is its header, written by hand; the compiler compares it with
// what the library exports, and a test compares the names. docs/c-abi.md explains it.
//
// No Go pointer crosses: guards are numbers, and texts are copied. Every exported
// function recovers into a denial.
package main
