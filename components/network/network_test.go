package network

import (
	"net"
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
		"net-default-sg", "net-igw", "net-public-a", "net-public-a-routes", "net-public-b", "net-public-b-routes",
		"net-public-internet-route", "net-public-routes", "net-s3-endpoint", "net-vpc")
}

func TestSubnetsLieInTheFirstZonesByName(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{AvailabilityZones: 3}), world)
		for i, want := range []struct{ zone, block string }{
			{world.Region + "a", "10.0.0.0/24"}, {world.Region + "b", "10.0.1.0/24"}, {world.Region + "c", "10.0.2.0/24"},
		} {
			subnet := record.Get("net-public-" + letter(want.zone))
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
		for zone, block := range map[string]string{"us-east-1f": "10.0.5.0/24", "us-east-1d": "10.0.3.0/24"} {
			subnet := record.Get("net-public-" + letter(zone))
			if got := record.String(subnet, "availabilityZone"); got != zone {
				t.Errorf("%s lies in %s, not in %s as was asked for", subnet.Name, got, zone)
			}
			if got := record.String(subnet, "cidrBlock"); got != block {
				t.Errorf("%s has the block %s, not %s, which its letter has: with another zone beside it, it would move, into a block in use", subnet.Name, got, block)
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

func TestABlockThatIsTooSmallForAZoneIsRefusedWithTheZonesItHolds(t *testing.T) {
	t.Parallel()
	for block, last := range map[string]string{"10.0.0.0/21": "d", "10.0.0.0/20": "h", "10.0.0.0/19": "p"} {
		infratest.MustRun(t, makes(Args{VpcCIDR: block, AvailabilityZoneNames: []string{"us-east-1a", "us-east-1" + last}}), infratest.Options{})
		next := string(last[0] + 1)
		problems := infratest.Refused(t, makes(Args{VpcCIDR: block, AvailabilityZoneNames: []string{"us-east-1a", "us-east-1" + next}}), infratest.Options{})
		if len(problems) != 1 || problems[0].Path != "vpcCidr" || !strings.Contains(problems[0].Want, "a to "+last+", and not for us-east-1"+next) {
			t.Errorf("%s has no room for the zone %s in its first sixteenth, and that is not said: %v", block, next, problems)
		}
	}
}

func TestPublicBlocksFitALoadBalancerAndLeaveRoom(t *testing.T) {
	t.Parallel()
	for bits := largestBlock; bits <= smallestBlock; bits++ {
		vpc := netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), bits)
		room := netip.PrefixFrom(vpc.Addr(), bits+publicShare)
		_, network, err := net.ParseCIDR(vpc.String())
		if err != nil {
			t.Fatal(err)
		}
		var before netip.Prefix
		for zone := 'a'; string(zone) <= lastLetter(network); zone++ {
			text, err := publicBlock(network, "us-east-1"+string(zone))
			if err != nil {
				t.Fatalf("%s can't be divided: %v", vpc, err)
			}
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
		if lastLetter(network) < "c" {
			t.Errorf("%s has no room for three zones", vpc)
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
