package network

import (
	"fmt"
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

// private has all that private subnets can have.
var private = Args{NAT: NATPerZone, Endpoints: true, EndpointServices: []string{"ssm", "ssm"}, FlowLogRetentionDays: 90}

func TestPrivateSubnetsAddTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(private),
		"net-default-sg", "net-endpoint-ecr-api", "net-endpoint-ecr-dkr", "net-endpoint-logs", "net-endpoint-ssm",
		"net-endpoints-ingress", "net-endpoints-sg", "net-flow-log", "net-flow-logs", "net-flow-logs-policy", "net-flow-logs-role", "net-igw",
		"net-nat-a", "net-nat-a-address", "net-nat-b", "net-nat-b-address",
		"net-private-a", "net-private-a-internet-route", "net-private-a-routes", "net-private-a-table",
		"net-private-b", "net-private-b-internet-route", "net-private-b-routes", "net-private-b-table",
		"net-public-a", "net-public-a-routes", "net-public-b", "net-public-b-routes",
		"net-public-internet-route", "net-public-routes", "net-s3-endpoint", "net-vpc")
}

// placed is a program that exports where tasks go.
func placed(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		n, err := New(ctx, "net", args)
		if err != nil {
			return err
		}
		p := n.Place()
		ctx.Export("subnets", p.TaskSubnetIDs)
		ctx.Export("public", pulumi.Bool(p.AssignPublicIP))
		return nil
	}
}

func TestTasksGoIntoPrivateSubnetsIfThereAreAny(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		for _, c := range []struct {
			args   Args
			subnet string
			public bool
		}{
			{Args{}, "net-public-a-id", true}, {Args{NAT: NATSingle}, "net-private-a-id", false}, {Args{Endpoints: true}, "net-private-a-id", false},
		} {
			record := infratest.MustRun(t, placed(c.args), world)
			subnets := fmt.Sprint(record.Output("subnets"))
			if !strings.HasPrefix(subnets, "["+c.subnet+" ") || record.Output("public") != c.public {
				t.Errorf("with %+v tasks go into %v, with a public address: %v", c.args, subnets, record.Output("public"))
			}
		}
	})
}

func TestEachPrivateSubnetLeadsToANATGatewayOfItsOwnZoneOrToTheOne(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for nat, gatewayOfB := range map[NAT]string{NATSingle: "net-nat-a", NATPerZone: "net-nat-b"} {
			record := infratest.MustRun(t, makes(Args{NAT: nat}), world)
			for zone, gateway := range map[string]string{"a": "net-nat-a", "b": gatewayOfB} {
				route := record.Get("net-private-" + zone + "-internet-route")
				if from := route.InputsFrom["natGatewayId"]; !slices.Equal(from, []string{record.Get(gateway).URN}) {
					t.Errorf("with nat %s, zone %s goes out by %v, not by %s", nat, zone, from, gateway)
				}
				if from := route.InputsFrom["routeTableId"]; !slices.Equal(from, []string{record.Get("net-private-" + zone + "-table").URN}) {
					t.Errorf("the route of zone %s is in the table %v", zone, from)
				}
				link := record.Get("net-private-" + zone + "-routes")
				if !record.WaitsFor(link, "net-private-"+zone+"-internet-route") || !record.WaitsFor(link, "net-s3-endpoint") {
					t.Errorf("tasks may start in zone %s before there is a way out, and fail", zone)
				}
			}
			if !record.WaitsFor(record.Get("net-nat-a"), "net-public-a-routes") {
				t.Error("the NAT gateway may be made before its subnet leads to the internet, which AWS refuses")
			}
		}
	})
}

func TestWithEndpointsAloneNothingLeadsOut(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{Endpoints: true, EndpointServices: []string{"kms"}}), world)
		for _, route := range record.Type("aws:ec2/route:Route") {
			if strings.Contains(route.Name, "private") {
				t.Errorf("%s leads out of a subnet that was to have no way to the internet", route.Name)
			}
		}
		for _, service := range []string{"ecr-api", "ecr-dkr", "logs", "kms"} {
			endpoint := record.Get("net-endpoint-" + service)
			if !endpoint.Inputs["privateDnsEnabled"].BoolValue() || record.String(endpoint, "vpcEndpointType") != "Interface" {
				t.Errorf("tasks do not find the endpoint of %s by the service's name", service)
			}
			if len(endpoint.InputsFrom["subnetIds"]) != 2 {
				t.Errorf("the endpoint of %s is in the subnets of %v: a zone without it is cut off", service, endpoint.InputsFrom["subnetIds"])
			}
			if !record.WaitsFor(record.Get("net-private-b-routes"), endpoint.Name) {
				t.Errorf("tasks may start before there is the endpoint of %s, and fail", service)
			}
		}
		if s3 := record.Get("net-s3-endpoint"); len(s3.InputsFrom["routeTableIds"]) != 3 {
			t.Errorf("the layers of images, which are in S3, are reached from the tables %v only", s3.InputsFrom["routeTableIds"])
		}
		opening := record.Get("net-endpoints-ingress")
		if record.String(opening, "cidrIpv4") != DefaultVpcCIDR || opening.Inputs["fromPort"].NumberValue() != 443 || opening.Inputs["toPort"].NumberValue() != 443 {
			t.Errorf("others than the VPC's own reach the endpoints, or on another port: %v", opening.Inputs)
		}
	})
}

func TestInYoungRegionsECSItselfHasEndpoints(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]bool{"us-east-1": false, "mx-central-1": true} {
		record := infratest.MustRun(t, makes(Args{Endpoints: true}), infratest.Options{Region: region})
		if got := slices.Contains(record.Names(), "net-endpoint-ecs-agent"); got != want {
			t.Errorf("in %s there is an endpoint for ECS's agent: %v, want %v", region, got, want)
		}
	}
}

func TestFlowLogsAreWrittenByARoleThatMayDoNothingElse(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{FlowLogRetentionDays: 90}), world)
		log := record.Get("net-flow-log")
		if from := log.InputsFrom["logDestination"]; !slices.Equal(from, []string{record.Get("net-flow-logs").URN}) || record.String(log, "trafficType") != "ALL" {
			t.Errorf("the VPC logs %s to %v", record.String(log, "trafficType"), from)
		}
		if days := record.Get("net-flow-logs").Inputs["retentionInDays"].NumberValue(); days != 90 {
			t.Errorf("flow logs are kept for %v days, not for 90", days)
		}
		trust := record.String(record.Get("net-flow-logs-role"), "assumeRolePolicy")
		if !strings.Contains(trust, "vpc-flow-logs.amazonaws.com") || !strings.Contains(trust, `"aws:SourceAccount":"`+world.Account+`"`) {
			t.Errorf("another account's flow logs could act as the role: %s", trust)
		}
		if policy := record.String(record.Get("net-flow-logs-policy"), "policy"); strings.Contains(policy, `"*"`) {
			t.Errorf("the role may write to other log groups: %s", policy)
		}
		if !record.WaitsFor(log, "net-flow-logs-policy") {
			t.Error("the flow log may begin before its role may write, and lose what happens until then")
		}
	})
}

func TestPrivateBlocksAreTheSixteenthsAfterThePublicOne(t *testing.T) {
	t.Parallel()
	for block, want := range map[string][2]string{"10.0.0.0/16": {"10.0.16.0/20", "10.0.240.0/20"}, "10.0.0.0/21": {"10.0.0.128/25", "10.0.7.128/25"}} {
		_, vpc, err := net.ParseCIDR(block)
		if err != nil {
			t.Fatal(err)
		}
		for i, zone := range []string{"us-east-1a", "us-east-1" + lastPrivate} {
			if got, err := privateBlock(vpc, zone); err != nil || got != want[i] {
				t.Errorf("the private block of %s in %s is %s, not %s (%v)", zone, block, got, want[i], err)
			}
		}
	}
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
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc { return makes(private, given) })
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{
		VpcCIDR: "10.0.0.1/16", AvailabilityZones: 4, AvailabilityZoneNames: []string{"here"}, Tags: map[string]string{"aws:x": "y"},
		NAT: "two", FlowLogRetentionDays: 2,
	}), "vpcCidr", "availabilityZones", "availabilityZoneNames", "availabilityZoneNames[0]", "nat", "flowLogRetentionDays", "tags.aws:x")
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
