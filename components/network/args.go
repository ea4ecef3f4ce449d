package network

import (
	"fmt"
	"net/netip"
	"slices"

	"ecs-sample-app/internal/check"
)

const (
	// DefaultCIDRBlock is the block of the VPC where none is given, the one of
	// the ECS console's first-run wizard: 65,536 addresses.
	DefaultCIDRBlock = "10.0.0.0/16"
	// DefaultZoneCount is the number of zones where none is given: the least
	// that an Application Load Balancer takes
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer).
	DefaultZoneCount = 2
	// MaxZoneCount is the most zones a network spans. A fourth zone adds cost
	// and no availability that Fargate would use.
	MaxZoneCount = 3

	// largestBlock is the shortest prefix that AWS allows a VPC
	// (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html).
	largestBlock = 16
	// smallestBlock leaves room for three public subnets of smallestSubnet in
	// the first sixteenth of the block.
	smallestBlock = 21
)

// Args is what a Network is made from. Its zero value is a network in two
// zones with the block 10.0.0.0/16.
type Args struct {
	// CIDRBlock is the IPv4 block of the VPC, from a /16 to a /21. Default
	// DefaultCIDRBlock. A change replaces the VPC and all that is in it.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
	CIDRBlock string
	// ZoneCount is the number of availability zones, 2 or 3. Default
	// DefaultZoneCount, or the number of Zones. The zones are the region's
	// first by name that need no opt-in.
	ZoneCount int
	// Zones names the availability zones, such as us-east-1a, where the first
	// by name won't do. Default: chosen by AWS's list.
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
	Zones []string
	// Tags are set on every resource, beside Name. Default none.
	Tags map[string]string
}

func (a Args) withDefaults() Args {
	if a.CIDRBlock == "" {
		a.CIDRBlock = DefaultCIDRBlock
	}
	if a.ZoneCount == 0 {
		a.ZoneCount = DefaultZoneCount
		if len(a.Zones) > 0 {
			a.ZoneCount = len(a.Zones)
		}
	}
	return a
}

// Validate returns every problem of the arguments as check.Problems, or nil.
func (a Args) Validate() error {
	a = a.withDefaults()
	var ps check.Problems
	if block, ok := check.IPv4CIDR(&ps, "cidrBlock", a.CIDRBlock); ok {
		if bits := block.Bits(); bits < largestBlock || bits > smallestBlock {
			ps.Add("cidrBlock", a.CIDRBlock, "a block from /%d to /%d", largestBlock, smallestBlock)
		}
		if !isPrivate(block) {
			ps.Add("cidrBlock", a.CIDRBlock,
				"a private block, within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10")
		}
	}
	check.Range(&ps, "zoneCount", a.ZoneCount, DefaultZoneCount, MaxZoneCount, "availability zones")
	a.validateZones(&ps)
	check.Tags(&ps, "tags", a.Tags)
	return ps.Err()
}

func (a Args) validateZones(ps *check.Problems) {
	if len(a.Zones) == 0 {
		return
	}
	if len(a.Zones) != a.ZoneCount {
		ps.Add("zones", a.Zones, "as many names as zoneCount says: %d", a.ZoneCount)
	}
	for i, zone := range a.Zones {
		at := fmt.Sprintf("zones[%d]", i)
		if !zoneForm.MatchString(zone) {
			ps.Add(at, zone, "the name of an availability zone, such as us-east-1a")
		} else if slices.Contains(a.Zones[:i], zone) {
			ps.Add(at, zone, "a zone that is not named twice")
		}
	}
}

// isPrivate tells whether nobody else has the addresses of the block on the
// internet: RFC 1918, or RFC 6598, which AWS allows for VPCs too.
func isPrivate(block netip.Prefix) bool {
	return block.Addr().IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(block.Addr())
}
