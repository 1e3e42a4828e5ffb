package main

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/token"
)

func (a *app) tokenCommand() *cobra.Command {
	var format string
	var numeric bool
	cmd := &cobra.Command{
		Use:   "token HEX",
		Short: "Say what the eight words of an audit token are",
		Long: `token explains an audit token of 32 bytes, given as 64 hexadecimal digits in the
order in which they lie in memory; spaces do not count. Names of users come from
this system, which may not be the one that the token is from.`,
		Example: `  xpcpolicy token f5010000f501000014000000f5010000140000002d040000a58601000f130000
  xpcpolicy token --numeric "f5010000 00000000 00000000 00000000 00000000 2d040000 a5860100 0f130000"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			if len(args) == 0 {
				return usage(cmd, "name an audit token in hexadecimal digits")
			}
			t, err := token.ParseHex(strings.Join(args, " "))
			if err != nil {
				return usage(cmd, "%s", plain(err))
			}
			lookup := systemName
			if numeric {
				lookup = func(token.Word) string { return "" }
			}
			if format != formatText {
				return a.tokenJSON(format, t, lookup)
			}
			a.tokenText(t, lookup)
			return nil
		},
	}
	cmd.Flags().BoolVar(&numeric, "numeric", false, "do not look up the names of users and groups")
	addFormat(cmd, &format)
	return cmd
}

// systemName is the name of a user or group on this system; "" when it has none.
func systemName(w token.Word) string {
	id := strconv.FormatUint(uint64(w.Value), 10)
	switch {
	case !w.Set:
		return ""
	case w.User:
		if u, err := user.LookupId(id); err == nil {
			return u.Username
		}
	case w.Group:
		if g, err := user.LookupGroupId(id); err == nil {
			return g.Name
		}
	}
	return ""
}

func (a *app) tokenText(t token.AuditToken, lookup func(token.Word) string) {
	fmt.Fprintf(a.stdout, "audit token %s\n\n", t)
	for i, w := range t.Describe() {
		value := strconv.FormatUint(uint64(w.Value), 10)
		if !w.Set {
			value = "not set"
		}
		if name := lookup(w); name != "" {
			value += " " + shown(name)
		}
		fmt.Fprintf(a.stdout, "  %d  %-10s  %-16s  %s\n", i, w.Name, value, w.Meaning)
	}
	for _, n := range t.Notes() {
		fmt.Fprintf(a.stdout, "\nnote: %s\n", n)
	}
}

// tokenReport is the JSON of one token.
type tokenReport struct {
	Token     string            `json:"token"`
	Words     map[string]uint32 `json:"words"`
	AuditUser bool              `json:"audit_user_set"`
	Names     map[string]string `json:"names,omitempty"`
	Notes     []string          `json:"notes"`
}

func (a *app) tokenJSON(format string, t token.AuditToken, lookup func(token.Word) string) error {
	r := tokenReport{Token: t.String(), Words: map[string]uint32{}, Names: map[string]string{}, Notes: t.Notes()}
	_, r.AuditUser = t.AuditUserID()
	for _, w := range t.Describe() {
		r.Words[w.Name] = w.Value
		if name := lookup(w); name != "" {
			r.Names[w.Name] = name
		}
	}
	return a.writeJSON(format, r)
}
