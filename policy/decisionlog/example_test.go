package decisionlog_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
)

func ExampleNew() {
	ctx := context.Background()
	log := decisionlog.New(decisionlog.JSONLines(os.Stdout, decisionlog.Masks{"/message"}), decisionlog.Options{AllowsPerSecond: 10})
	p, err := policy.Parse("p.yaml", []byte("apiVersion: xpcpolicy/v1\nname: helper\nrules: [{name: ours, allow: subject.team_id == \"ABCDE12345\"}]\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := policy.Request{Operation: "install", Now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)} // nobody said who asks
	e := decisionlog.NewEntry(p.Decide(ctx, r), r, decisionlog.Meta{ID: "1"})
	e.Policy.Revision = "" // long
	_ = log.Log(ctx, e)    // counted when it fails
	_ = log.Close(ctx)
	fmt.Printf("%+v\n", log.Stats())
	// Output:
	// {"schema":1,"decision_id":"1","timestamp":"2026-06-01T12:00:00Z","policy":{"name":"helper","revision":"","source":"p.yaml"},"operation":"install","result":"deny","reason":"floor:subject","status":-67069,"status_name":"errSecCSObjectRequired","peer":{},"evidence":{"hosts_version":1,"source":""},"masked":["/message"]}
	// {Written:1 Failed:0 LimitedAllows:0 DroppedAllows:0 DroppedDenials:0}
}
