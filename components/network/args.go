package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

const (
	// DefaultVpcCIDR is the block of the VPC where none is given, the one of
	// the ECS console's first-run wizard: 65,536 addresses.
	DefaultVpcCIDR = "10.0.0.0/16"
	// DefaultAvailabilityZones is the number of zones where none is given: the least
	// that an Application Load Balancer takes
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer).
	DefaultAvailabilityZones = 2
	// MaxAvailabilityZones is the most zones a network spans. A fourth zone adds cost
	// and no availability that Fargate would use.
	MaxAvailabilityZones = 3

	// largestBlock is the shortest prefix that AWS allows a VPC
	// (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
	largestBlock = 16
	// smallestBlock leaves room for three public subnets of smallestSubnet in
	// the first sixteenth of the block.
	smallestBlock = 21
)

// NAT is how private subnets reach the internet.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
type NAT string

const (
	// NATNone is no way: tasks run in public subnets, with public addresses, or in
	// private ones with endpoints.
	NATNone NAT = "none"
	// NATSingle is one NAT gateway. If its zone fails, the other zones are cut off too.
	NATSingle NAT = "single"
	// NATPerZone is a NAT gateway in each zone.
	NATPerZone NAT = "perZone"
)

// Args is what a Network is made from. Its zero value is a network in two
// zones with the block 10.0.0.0/16, and public subnets only.
type Args struct {
	// VpcCIDR is the private IPv4 block of the VPC, from a /16 to a /21. A change
	// replaces the VPC and all that is in it. Default DefaultVpcCIDR.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
	VpcCIDR string `mapstructure:"vpcCidr"`
	// AvailabilityZones is the number of availability zones, 2 or 3. They are the
	// region's first by name that need no opt-in. Default
	// DefaultAvailabilityZones, or the number of AvailabilityZoneNames.
	AvailabilityZones int `mapstructure:"availabilityZones"`
	// AvailabilityZoneNames are the names of the availability zones, such as
	// us-east-1a, as many as AvailabilityZones says, if the first by name won't
	// do. Default: none, so AWS's list decides.
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
	AvailabilityZoneNames []string `mapstructure:"availabilityZoneNames"`
	// NAT is how tasks reach the internet. none puts them into public subnets, with a
	// public address each, which nobody can connect to, at 3.65 USD a month for a task.
	// single and perZone put them into private subnets behind one NAT gateway, or one in
	// each zone, each at 36.50 USD a month with its address, and 0.045 a GB. Default
	// NATNone.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
	NAT NAT `mapstructure:"nat"`
	// Endpoints puts tasks into private subnets, with an interface endpoint for each
	// service of AWS that they use: four or more, each at 7.30 USD a month and zone, and
	// 0.01 a GB. With nat none they have no route to the internet at all, and can pull
	// images from Amazon ECR only. Default false.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
	Endpoints bool `mapstructure:"endpoints"`
	// EndpointServices are the services of AWS that tasks use beside Amazon ECR and
	// CloudWatch Logs, such as ssm. With Endpoints each has an endpoint. Default none.
	EndpointServices []string `mapstructure:"-"`
	// FlowLogRetentionDays is how many days the VPC's flow logs are kept, one of those
	// that logRetentionDays takes, or 0 for no flow logs. About 0.50 USD a GB. Default 0.
	// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
	FlowLogRetentionDays int `mapstructure:"flowLogRetentionDays"`
	// Protect makes Pulumi refuse to delete or replace the VPC, and with it all that
	// is in it. Default false.
	Protect bool `mapstructure:"-"`
	// Tags are set on every resource, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	if a.VpcCIDR == "" {
		a.VpcCIDR = DefaultVpcCIDR
	}
	if a.AvailabilityZones == 0 {
		a.AvailabilityZones = DefaultAvailabilityZones
		if len(a.AvailabilityZoneNames) > 0 {
			a.AvailabilityZones = len(a.AvailabilityZoneNames)
		}
	}
	a.NAT = cmp.Or(a.NAT, NATNone)
	return a
}

// private tells whether there are private subnets, and tasks are there.
func (a Args) private() bool { return a.NAT != NATNone || a.Endpoints }

// Defaults are the arguments of a network for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error { return a.Check().Err() }

// Check returns what is wrong with the values that are known before anything is
// registered. They are all that a network takes.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	if block, ok := check.IPv4CIDR(&ps, "vpcCidr", a.VpcCIDR); ok {
		if bits := block.Bits(); bits < largestBlock || bits > smallestBlock {
			ps.Add("vpcCidr", a.VpcCIDR, "a block from /%d to /%d", largestBlock, smallestBlock)
		}
		if !isPrivate(block) {
			ps.Add("vpcCidr", a.VpcCIDR,
				"a private block, within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10")
		}
	}
	check.Range(&ps, "availabilityZones", a.AvailabilityZones, DefaultAvailabilityZones, MaxAvailabilityZones, "availability zones")
	a.validateZones(&ps)
	check.OneOf(&ps, "nat", a.NAT, []NAT{NATNone, NATSingle, NATPerZone})
	if a.FlowLogRetentionDays != 0 {
		check.OneOf(&ps, "flowLogRetentionDays", a.FlowLogRetentionDays, append([]int{0}, check.LogRetentionDays...))
	}
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

func (a Args) validateZones(ps *problem.Problems) {
	if len(a.AvailabilityZoneNames) == 0 {
		return
	}
	if len(a.AvailabilityZoneNames) != a.AvailabilityZones {
		ps.Add("availabilityZoneNames", a.AvailabilityZoneNames, "as many names as availabilityZones says: %d", a.AvailabilityZones)
	}
	for i, zone := range a.AvailabilityZoneNames {
		at := fmt.Sprintf("availabilityZoneNames[%d]", i)
		if !zoneForm.MatchString(zone) {
			ps.Add(at, zone, "the name of an availability zone, such as us-east-1a")
		} else if slices.ContainsFunc(a.AvailabilityZoneNames[:i], func(other string) bool { return letter(other) == letter(zone) }) {
			ps.Add(at, zone, "a zone that is not named twice")
		}
	}
}

// isPrivate tells whether nobody else has the addresses of the block on the
// internet: RFC 1918, or RFC 6598, which AWS allows for VPCs too.
func isPrivate(block netip.Prefix) bool {
	return block.Addr().IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(block.Addr())
}
