package xpcpolicy

import (
	"net"

	"github.com/xpcpolicy/xpcpolicy/token"
)

// TokensFrom lets tests say whose the sockets are.
func (g *Guard) TokensFrom(f func(net.Conn) (token.AuditToken, error)) { g.fromConn = f }
