package grpccreds

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/xpcpolicy/xpcpolicy"
)

// The tests run where a socket's peer is judged by its user: on Linux, over a policy
// for development.
const policyText = `apiVersion: xpcpolicy/v1
name: dev
floor: {relax: linux-uid-only}
rules:
  - name: nobody watches
    operation: /grpc.health.v1.Health/Watch
    deny: process.euid >= 0
  - name: me
    allow: process.euid == %d
`

// start runs a server under a policy for a user, and returns a client of it.
func start(t *testing.T, uid int) healthpb.HealthClient {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, policyText, uid), 0o644); err != nil {
		t.Fatal(err)
	}
	guard, err := xpcpolicy.Open(path, xpcpolicy.GuardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guard.Close() })
	return serve(t, filepath.Join(dir, "s"), guard)
}

func serve(t *testing.T, path string, guard *xpcpolicy.Guard) healthpb.HealthClient {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(NewServer(guard)), grpc.UnaryInterceptor(Unary), grpc.StreamInterceptor(Stream))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(NewClient()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn)
}

func check(t *testing.T, c healthpb.HealthClient) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := c.Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil && strings.Contains(err.Error(), "SO_PEERPIDFD") {
		t.Skip("this Linux is older than 6.5")
	}
	return err
}

func TestCallsOfAllowedPeersComeThrough(t *testing.T) {
	t.Parallel()
	c := start(t, os.Getuid())
	if err := check(t, c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := c.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("the policy denies this method, and it answered %v", err)
	}
}

func TestOthersDoNotConnect(t *testing.T) {
	t.Parallel()
	if err := check(t, start(t, os.Getuid()+1)); status.Code(err) != codes.Unavailable {
		t.Errorf("another user's server answered %v", err)
	}
	if err := check(t, serve(t, filepath.Join(t.TempDir(), "s"), nil)); status.Code(err) != codes.Unavailable {
		t.Errorf("a server without a guard answered %v", err)
	}
}

func TestCallsWithoutTheseCredentialsAreDenied(t *testing.T) {
	t.Parallel()
	if Allow(context.Background(), "").Allow() {
		t.Error("a call without a peer was allowed")
	}
	in, out := net.Pipe()
	defer out.Close()
	if _, _, err := NewClient().ServerHandshake(in); err == nil {
		t.Error("a client's credentials let somebody in")
	}
}
