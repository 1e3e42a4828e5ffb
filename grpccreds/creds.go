// Package grpccreds lets a gRPC server on a Unix socket decide by an xpcpolicy policy
// whose calls it takes: when a program connects, and again for each call.
//
//	server := grpc.NewServer(
//		grpc.Creds(grpccreds.NewServer(guard)),
//		grpc.UnaryInterceptor(grpccreds.Unary),
//		grpc.StreamInterceptor(grpccreds.Stream),
//	)
//
// The operation of a call is its full method name, as in "/example.Helper/Install".
//
// What this package does NOT do: it encrypts nothing, because a Unix socket does not
// leave the machine; and a socket's peer is a weak token, which every policy's floor
// denies unless it relaxes token-strength. XPC is stronger.
package grpccreds

import (
	"context"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// AuthInfo is what a call knows of its peer.
type AuthInfo struct {
	credentials.CommonAuthInfo
	conn     *xpcpolicy.Conn
	decision policy.Decision
}

// AuthType implements [credentials.AuthInfo].
func (AuthInfo) AuthType() string { return "xpcpolicy" }

// Decision is the one that let the peer connect.
func (a AuthInfo) Decision() policy.Decision { return a.decision }

// creds are the credentials of a server, or with no guard those of a client.
type creds struct{ guard *xpcpolicy.Guard }

// NewServer returns the credentials of a server whose peers a guard decides about. A
// nil guard lets nobody in.
func NewServer(g *xpcpolicy.Guard) credentials.TransportCredentials { return server{creds{g}} }

// NewClient returns the credentials of a client of such a server. They prove nothing: the
// server asks the kernel.
func NewClient() credentials.TransportCredentials { return creds{} }

// server is of another type than a client's, so that a nil guard is no client.
type server struct{ creds }

// handshakeTimeout is how long judging a peer may take.
const handshakeTimeout = 5 * time.Second

// ErrDenied is why a connection was closed.
var ErrDenied = errors.New("the policy does not allow this peer")

// ServerHandshake implements [credentials.TransportCredentials].
func (s server) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	conn, d := s.guard.Admit(ctx, c, "")
	if !d.Allow() {
		_ = c.Close()
		return nil, nil, ErrDenied // the peer learns nothing more; the guard's sink does
	}
	return c, AuthInfo{CommonAuthInfo: security(c), conn: conn, decision: d}, nil
}

// Clone implements [credentials.TransportCredentials].
func (s server) Clone() credentials.TransportCredentials { return s }

// ClientHandshake implements [credentials.TransportCredentials].
func (creds) ClientHandshake(_ context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, AuthInfo{CommonAuthInfo: security(c)}, nil
}

// ServerHandshake implements [credentials.TransportCredentials]: these are a client's.
func (creds) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	_ = c.Close()
	return nil, nil, errors.New("these credentials are a client's, and let nobody in")
}

// security says how well bytes are kept on the way: a Unix socket does not leave the machine.
func security(c net.Conn) credentials.CommonAuthInfo {
	level := credentials.NoSecurity
	if _, ok := c.(*net.UnixConn); ok {
		level = credentials.PrivacyAndIntegrity
	}
	return credentials.CommonAuthInfo{SecurityLevel: level}
}

// Info implements [credentials.TransportCredentials].
func (creds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "xpcpolicy"}
}

// Clone implements [credentials.TransportCredentials].
func (c creds) Clone() credentials.TransportCredentials { return c }

// OverrideServerName implements [credentials.TransportCredentials]; there is no name.
func (creds) OverrideServerName(string) error { return nil }

// Allow decides whether the peer of a call may do an operation now. A call that did not
// come through [NewServer] is denied.
func Allow(ctx context.Context, operation string) policy.Decision {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return policy.Decision{}
	}
	a, ok := p.AuthInfo.(AuthInfo)
	if !ok || a.conn == nil {
		return policy.Decision{}
	}
	return a.conn.Allow(ctx, operation)
}

func refusal(ctx context.Context, method string) error {
	if d := Allow(ctx, method); !d.Allow() {
		return status.Error(codes.PermissionDenied, ErrDenied.Error())
	}
	return nil
}

// Unary decides about each call, by its method, when its request was read.
func Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := refusal(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// Stream decides about a stream when it begins, and again behind each message that was
// read from it.
func Stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := refusal(s.Context(), info.FullMethod); err != nil {
		return err
	}
	return next(srv, &stream{s, info.FullMethod})
}

type stream struct {
	grpc.ServerStream
	method string
}

// RecvMsg implements [grpc.ServerStream].
func (s *stream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return refusal(s.Context(), s.method)
}
