package main

import (
	"testing"

	"ecs-sample-app/internal/infratest"
)

func TestTwoServicesShareAClusterAndANetwork(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world)
		for kind, want := range map[string]int{
			"aws:ec2/vpc:Vpc": 1, "aws:ecs/cluster:Cluster": 1, "aws:ecs/service:Service": 2, "aws:lb/loadBalancer:LoadBalancer": 2,
		} {
			if got := len(record.Type(kind)); got != want {
				t.Errorf("the example of README.md makes %d of %s, not %d", got, kind, want)
			}
		}
	})
}
