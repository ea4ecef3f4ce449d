package existing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/problem"
)

const (
	vpcID = "vpc-0a1b2c3d4e5f60718"
	pubA  = "subnet-0a1b2c3d4e5f60711"
	pubB  = "subnet-0a1b2c3d4e5f60712"
	priA  = "subnet-0a1b2c3d4e5f60713"
	other = "vpc-0a1b2c3d4e5f60719"
)

// fit is a network that is fit.
func fit() infratest.VPC {
	return infratest.VPC{ID: vpcID, Subnets: []infratest.Subnet{
		{ID: pubA, Zone: "us-east-1a", Free: 100, Route: "igw-1"},
		{ID: pubB, Zone: "us-east-1b", Free: 100, Route: "igw-1", Main: true},
		{ID: priA, Zone: "us-east-1a", Free: 100, Route: "nat-1"},
	}}
}

func finds(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		p, err := Find(ctx, args)
		if err == nil {
			ctx.Export("tasks", p.TaskSubnetIDs)
			ctx.Export("public", pulumi.Bool(p.AssignPublicIP))
		}
		return err
	}
}

// run finds the network, with these private subnets.
func run(t *testing.T, private []string, world infratest.Options) *infratest.Record {
	t.Helper()
	record, err := infratest.Run(t, finds(Args{VpcID: vpcID, PublicSubnetIDs: []string{pubA, pubB}, PrivateSubnetIDs: private}), world)
	if err != nil {
		t.Fatalf("a network that is fit is refused: %v", err)
	}
	return record
}

func TestTasksGoWhereTheyAreToldAndNothingIsRegistered(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		world.VPCs = []infratest.VPC{fit()}
		for _, c := range []struct {
			private []string
			want    string
			public  bool
		}{{nil, pubA, true}, {[]string{priA}, priA, false}} {
			record := run(t, c.private, world)
			tasks := fmt.Sprint(record.Output("tasks"))
			if !strings.HasPrefix(tasks, "["+c.want) || record.Output("public") != c.public {
				t.Errorf("tasks go into %v, with a public address: %v", tasks, record.Output("public"))
			}
			if len(record.Resources) > 0 {
				t.Errorf("%v are registered: a destroy would delete what was there before", record.Names())
			}
		}
	})
}

func TestANetworkThatIsNotFitIsRefusedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*infratest.VPC)
		want   map[string]string
	}{
		"no such VPC":     {func(v *infratest.VPC) { v.ID = other }, map[string]string{"vpcId": "a VPC of this account and region"}},
		"no DNS":          {func(v *infratest.VPC) { v.NoDNS = true }, map[string]string{"vpcId": "enableDnsSupport"}},
		"no such subnet":  {func(v *infratest.VPC) { v.Subnets[0].ID = "subnet-1" }, map[string]string{"publicSubnetIds[0]": "a subnet of this account"}},
		"another's":       {func(v *infratest.VPC) { v.Subnets[2].VPC = other }, map[string]string{"privateSubnetIds[0]": "it is one of " + other}},
		"one zone":        {func(v *infratest.VPC) { v.Subnets[1].Zone = "us-east-1a" }, map[string]string{"publicSubnetIds[1]": "another in us-east-1a"}},
		"public is not":   {func(v *infratest.VPC) { v.Subnets[0].Route = "nat-1" }, map[string]string{"publicSubnetIds[0]": "leads to an internet gateway"}},
		"private is not":  {func(v *infratest.VPC) { v.Subnets[2].Route = "igw-1" }, map[string]string{"privateSubnetIds[0]": "without a route to an internet gateway"}},
		"two at the same": {func(v *infratest.VPC) { v.Subnets[0].Route, v.Subnets[1].Route = "", "" }, map[string]string{"publicSubnetIds[0]": "internet gateway", "publicSubnetIds[1]": "internet gateway"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vpc := fit()
			c.change(&vpc)
			problems := infratest.Refused(t, finds(Args{VpcID: vpcID, PublicSubnetIDs: []string{pubA, pubB}, PrivateSubnetIDs: []string{priA}}), infratest.Options{VPCs: []infratest.VPC{vpc}})
			for path, want := range c.want {
				if !slices.ContainsFunc(problems, func(p problem.Problem) bool { return p.Path == path && strings.Contains(p.Want, want) }) {
					t.Errorf("it is not said of %s that %q is wanted: %v", path, want, problems)
				}
			}
		})
	}
}

func TestASubnetWithoutAWayOutOrAddressesIsTakenWithAWord(t *testing.T) {
	t.Parallel()
	vpc := fit()
	vpc.Subnets[2].Route, vpc.Subnets[0].Free = "", 3
	record := run(t, []string{priA}, infratest.Options{VPCs: []infratest.VPC{vpc}})
	for _, want := range []string{"no route to 0.0.0.0/0", pubA + " has 3 addresses free"} {
		if !slices.ContainsFunc(record.Said, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("%q is not said: %q", want, record.Said)
		}
	}
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, finds(Args{VpcID: "main", PublicSubnetIDs: []string{"a"}, PrivateSubnetIDs: []string{pubA, pubA}}),
		"vpcId", "publicSubnetIds", "publicSubnetIds[0]", "privateSubnetIds[1]")
	infratest.WantRefused(t, finds(Args{PublicSubnetIDs: []string{pubA, pubB}, PrivateSubnetIDs: []string{priA}}), "publicSubnetIds", "privateSubnetIds", "vpcId")
}
