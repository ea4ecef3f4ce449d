package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/internal/infratest"
)

// from are the names of the resources that an input comes from.
func from(record *infratest.Record, of, input string) []string {
	var names []string
	for _, urn := range record.Get(of).InputsFrom[input] {
		names = append(names, urn[strings.LastIndex(urn, ":")+1:])
	}
	slices.Sort(names)
	return names
}

func TestTwoServicesShareAClusterAndANetworkAndNothingElse(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world)
		subnets := []string{"shared-public-a-routes", "shared-public-b-routes", "shared-public-c-routes"}
		for _, name := range []string{"shop", "api"} {
			for _, wire := range []struct {
				of, input string
				from      []string
				harm      string
			}{
				{name + "-service", "cluster", []string{"shared-capacity-providers", "shared-cluster"}, "a second cluster is paid for, or none is found"},
				{name + "-service", "taskDefinition", []string{name + "-task-definition"}, "it runs the other's image"},
				{name + "-service", "loadBalancers", []string{name + "-attach", name + "-tg"}, "requests go to the other service"},
				{name + "-service", "networkConfiguration", append(subnets, name+"-tasks-sg"), "its tasks are where the other's rules hold"},
				{name + "-tasks-ingress-80", "referencedSecurityGroupId", []string{name + "-lb-sg"}, "the other's load balancer reaches its tasks"},
				{name + "-lb", "subnets", subnets, "it is cut off when a zone fails"},
				{name + "-tg", "vpcId", []string{"shared-vpc"}, "its tasks can't be registered"},
			} {
				want := slices.Sorted(slices.Values(wire.from))
				if got := from(record, wire.of, wire.input); !slices.Equal(got, want) {
					t.Errorf("%s of %s comes from %v, not from %v: %s", wire.input, wire.of, got, want, wire.harm)
				}
			}
		}
	})
}

func TestEachServiceRunsItsOwnImageAndAnswersAtItsOwnAddress(t *testing.T) {
	t.Parallel()
	images := map[string]string{"shop": "public.ecr.aws/nginx/nginx:1.27.5", "api": "public.ecr.aws/docker/library/httpd:2.4.65"}
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world)
		for name, image := range images {
			definition := record.Get(name + "-task-definition")
			if containers := record.String(definition, "containerDefinitions"); !strings.Contains(containers, `"image":"`+image+`"`) {
				t.Errorf("%s does not run %s: %s", name, image, containers)
			}
			if got, want := fmt.Sprint(record.Output(name+"Url")), "http://"+world.DNSName(name+"-lb"); got != want {
				t.Errorf("%s is said to answer at %s, and its load balancer is at %s", name, got, want)
			}
			if count := record.Get(name + "-service").Inputs["desiredCount"].NumberValue(); count != 2 {
				t.Errorf("%v tasks of %s run: with fewer than two, one that fails takes the service with it", count, name)
			}
		}
	})
}
