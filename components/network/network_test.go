package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// makes is a program that makes a network.
func makes(args Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := New(ctx, "net", args, opts...)
		return err
	}
}

func TestTheZeroValueMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(Args{}),
		"net-default-sg", "net-igw", "net-public-1", "net-public-1-routes", "net-public-2", "net-public-2-routes",
		"net-public-internet-route", "net-public-routes", "net-s3-endpoint", "net-vpc")
}

func TestSubnetsLieInTheFirstZonesByName(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{AvailabilityZones: 3}), world)
		for i, want := range []struct{ zone, block string }{
			{world.Region + "a", "10.0.0.0/24"}, {world.Region + "b", "10.0.1.0/24"}, {world.Region + "c", "10.0.2.0/24"},
		} {
			subnet := record.Get(fmt.Sprintf("net-public-%d", i+1))
			if got := record.String(subnet, "availabilityZone"); got != want.zone {
				t.Errorf("subnet %d lies in %s, not in %s: AWS lists zones in no order, together with those that an account has to ask for, and a change replaces the subnet", i+1, got, want.zone)
			}
			if got := record.String(subnet, "cidrBlock"); got != want.block {
				t.Errorf("subnet %d has the block %s, not %s", i+1, got, want.block)
			}
			if subnet.Inputs["mapPublicIpOnLaunch"].BoolValue() {
				t.Errorf("subnet %d gives public addresses to everything in it", i+1)
			}
		}
	})
}

func TestZonesThatAreNamedAreUsedAsTheyAre(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{AvailabilityZoneNames: []string{"us-east-1f", "us-east-1d"}}), world)
		for i, want := range []string{"us-east-1f", "us-east-1d"} {
			if got := record.String(record.Get(fmt.Sprintf("net-public-%d", i+1)), "availabilityZone"); got != want {
				t.Errorf("subnet %d lies in %s, not in %s as was asked for", i+1, got, want)
			}
		}
	})
}

func TestTooFewZonesAreFoundBeforeAnythingIsRegistered(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		world.Zones = []string{world.Region + "a", world.Region + "b"}
		record, err := infratest.Run(t, makes(Args{AvailabilityZones: 3}), world)
		if err == nil || !strings.Contains(err.Error(), "availabilityZones: got 3, want at most the 2 zones") {
			t.Errorf("the error does not say how many zones there are: %v", err)
		}
		if len(record.Resources) > 0 {
			t.Errorf("%v were registered and can't be finished", record.Names())
		}
	})
}

func TestTheNetworkIsMadeAndAskedForByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc { return makes(Args{}, given) })
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{
		VpcCIDR: "10.0.0.1/16", AvailabilityZones: 4, AvailabilityZoneNames: []string{"here"}, Tags: map[string]string{"aws:x": "y"},
	}), "vpcCidr", "availabilityZones", "availabilityZoneNames", "availabilityZoneNames[0]", "tags.aws:x")
}

func TestPublicBlocksFitALoadBalancerAndLeaveRoom(t *testing.T) {
	t.Parallel()
	for bits := largestBlock; bits <= smallestBlock; bits++ {
		vpc := netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), bits)
		room := netip.PrefixFrom(vpc.Addr(), bits+4)
		blocks, err := publicBlocks(vpc.String(), MaxAvailabilityZones)
		if err != nil {
			t.Fatalf("%s can't be divided: %v", vpc, err)
		}
		var before netip.Prefix
		for _, text := range blocks {
			block := netip.MustParsePrefix(text)
			if block.Bits() > smallestSubnet {
				t.Errorf("%s of %s is too small for a load balancer", block, vpc)
			}
			if !room.Contains(block.Addr()) || block.Bits() < room.Bits() {
				t.Errorf("%s of %s reaches beyond %s, into the room for private subnets", block, vpc, room)
			}
			if before.IsValid() && before.Overlaps(block) {
				t.Errorf("%s and %s of %s overlap", before, block, vpc)
			}
			before = block
		}
	}
}

func TestAnotherVPCHasAGatewayOfItsOwn(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		gateway := infratest.MustRun(t, makes(Args{}), world).Get("net-igw")
		if !slices.Contains(gateway.ReplaceOnChanges, "vpcId") {
			t.Error("the gateway would be taken from a VPC that still needs it, which AWS refuses")
		}
	})
}
