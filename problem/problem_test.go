package problem_test

import (
	"errors"
	"testing"

	"ecs-sample-app/components/network"
	"ecs-sample-app/problem"
)

func TestACallerOutsideReadsEachProblemThatAComponentFinds(t *testing.T) {
	t.Parallel()
	err := network.Args{VpcCIDR: "10.0.0.1/16", AvailabilityZoneNames: []string{"us-east-1a"}}.Validate()
	var all problem.Problems
	if !errors.As(err, &all) || len(all) != 2 {
		t.Fatalf("two problems are told as %v", err)
	}
	for _, p := range all {
		if p.Path == "" || p.Given == "" || p.Want == "" || p.String() == "" {
			t.Errorf("a problem without its path, what was given or what is allowed: %+v", p)
		}
	}
}
