package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, and which formats it reads",
		Example: "  xpcpolicy version",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			v := buildVersion()
			if format != formatText {
				return a.writeJSON(format, v)
			}
			fmt.Fprintf(a.stdout, "xpcpolicy %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			fmt.Fprintf(a.stdout, "subject schema %d, decision schema %d, policy %s, host tables %d\n",
				v.SubjectSchema, v.DecisionSchema, v.PolicyAPI, v.HostTables)
			return nil
		},
	}
	addFormat(cmd, &format)
	return cmd
}

type versionJSON struct {
	Version        string `json:"version"`
	Go             string `json:"go"`
	Platform       string `json:"platform"`
	SubjectSchema  int    `json:"subject_schema"`
	DecisionSchema int    `json:"decision_schema"`
	PolicyAPI      string `json:"policy_api"`
	HostTables     int    `json:"host_tables"`
}

// buildVersion says what the go command recorded in the program.
func buildVersion() versionJSON {
	v := versionJSON{
		Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SubjectSchema: code.Schema, DecisionSchema: xpcpolicy.DecisionSchema, PolicyAPI: policy.APIVersion, HostTables: code.HostsVersion,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	return v
}

// noArguments refuses arguments in our words.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "it takes no arguments, found %s", quoted(args[0]))
	}
	return nil
}
