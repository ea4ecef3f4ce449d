package existing

import (
	"fmt"
	"regexp"
	"slices"

	"ecs-sample-app/problem"
)

// Args names an existing network. Its zero value names none.
type Args struct {
	// VpcID is the ID of a VPC that exists, in the place of a new one. It is looked up,
	// and nothing of it is ever changed or deleted. Default none: a VPC is made.
	// https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html
	VpcID string `mapstructure:"vpcId"`
	// PublicSubnetIDs are the IDs of that VPC's subnets for the load balancer, in two zones
	// or more, with a route to an internet gateway. Default none.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
	PublicSubnetIDs []string `mapstructure:"publicSubnetIds"`
	// PrivateSubnetIDs are the IDs of that VPC's subnets for tasks, without a route to an
	// internet gateway. What tasks need from AWS and from the internet they reach by the
	// routes and endpoints that the VPC has. Default none: tasks run in the public
	// subnets, with public addresses.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
	PrivateSubnetIDs []string `mapstructure:"privateSubnetIds"`
}

var (
	vpcForm    = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`)
	subnetForm = regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

// leastZones is how many zones an Application Load Balancer takes at the least.
const leastZones = 2

// Given tells whether there is a network to find.
func (a Args) Given() bool { return a.VpcID != "" }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	ps := a.Check()
	if !a.Given() {
		ps.Missing("vpcId", "the ID of a VPC")
	}
	return ps.Err()
}

// Check returns what is wrong with the values that are known before AWS is asked.
func (a Args) Check() problem.Problems {
	var ps problem.Problems
	if a.VpcID != "" && !vpcForm.MatchString(a.VpcID) {
		ps.Add("vpcId", a.VpcID, "the ID of a VPC, such as vpc-0a1b2c3d4e5f60718")
	}
	switch {
	case a.Given() && len(a.PublicSubnetIDs) < leastZones:
		ps.Add("publicSubnetIds", a.PublicSubnetIDs, "the IDs of public subnets in two zones or more, for the load balancer")
	case !a.Given() && len(a.PublicSubnetIDs) > 0:
		ps.Add("publicSubnetIds", a.PublicSubnetIDs, "nothing without vpcId")
	}
	if !a.Given() && len(a.PrivateSubnetIDs) > 0 {
		ps.Add("privateSubnetIds", a.PrivateSubnetIDs, "nothing without vpcId")
	}
	var before []string
	for _, list := range []struct {
		key string
		ids []string
	}{{"publicSubnetIds", a.PublicSubnetIDs}, {"privateSubnetIds", a.PrivateSubnetIDs}} {
		for i, id := range list.ids {
			at := fmt.Sprintf("%s[%d]", list.key, i)
			if !subnetForm.MatchString(id) {
				ps.Add(at, id, "the ID of a subnet, such as subnet-0a1b2c3d4e5f60718")
			} else if slices.Contains(before, id) {
				ps.Add(at, id, "a subnet that is not named twice")
			}
			before = append(before, id)
		}
	}
	return ps
}
