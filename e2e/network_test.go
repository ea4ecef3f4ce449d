package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

// ownImage is an image that tasks without a route to the internet can pull.
const ownImage = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"

func TestALiveStackMovesToPrivateSubnetsToEndpointsAndBack(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	up(t, s)
	assertTasksReach(t, s, "igw-", ecstypes.AssignPublicIpEnabled)

	set(t, s, map[string]string{"nat": "single", "flowLogRetentionDays": "7"})
	up(t, s)
	assertTasksReach(t, s, "nat-", ecstypes.AssignPublicIpDisabled)
	private := maps.Clone(wholeStack)
	private[account.Subnets] += 2
	private[account.RouteTables] += 2
	withNAT := maps.Clone(private)
	maps.Copy(withNAT, map[string]int{
		account.NATGateways: 1, account.Addresses: 1, account.Interfaces: 1, account.FlowLogs: 1,
		account.LogGroups: 2, account.Roles: 3, account.RolePolicies: 2,
	})
	assertCounts(t, s, withNAT)
	assertNoChanges(t, s)

	unset(t, s, "flowLogRetentionDays")
	set(t, s, map[string]string{"nat": "none", "endpoints": "true", "image": ownImage, "imageTag": "1.0.0"})
	up(t, s)
	assertTasksReach(t, s, "", ecstypes.AssignPublicIpDisabled)
	private[account.Endpoints] += 3
	private[account.SecurityGroups]++
	private[account.GroupRules]++
	private[account.Interfaces] = 3 * 2
	assertCounts(t, s, private)
	assertEndpoints(t, s, "ecr.api", "ecr.dkr", "logs")
	assertNoChanges(t, s)

	unset(t, s, "nat", "endpoints", "image", "imageTag")
	up(t, s)
	assertTasksReach(t, s, "igw-", ecstypes.AssignPublicIpEnabled)
	assertWhole(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
	inAnExistingVPC(t, s)
}

// inAnExistingVPC is a stack's life in a network that somebody else has made.
func inAnExistingVPC(t *testing.T, s *sandbox.Sandbox) {
	const vpc, public, private = "vpc-0a1b2c3d4e5f60718",
		`["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]`, `["subnet-0a1b2c3d4e5f60713", "subnet-0a1b2c3d4e5f60714"]`
	set(t, s, map[string]string{"vpcId": vpc, "publicSubnetIds": public, "privateSubnetIds": private})
	theirs, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if !slices.Contains(theirs[account.VPCs], vpc) {
		t.Fatalf("there is no VPC %s for the stack to find: %v", vpc, theirs)
	}
	up(t, s)
	assertTasksReach(t, s, "nat-", ecstypes.AssignPublicIpDisabled)
	if got := service(t, s).NetworkConfiguration.AwsvpcConfiguration.Subnets; !slices.Contains(got, "subnet-0a1b2c3d4e5f60713") {
		t.Errorf("tasks run in %v, not where they were told to", got)
	}
	assertNoChanges(t, s)
	destroy(t, s)
	after, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if left := after.Without(theirs); len(left) > 0 {
		t.Errorf("the stack leaves behind %v", left)
	}
	if lost := theirs.Without(after); len(lost) > 0 {
		t.Errorf("the stack takes away what was there before it: %v", lost)
	}
}

// assertTasksReach asserts what the default route of the subnets in which tasks run leads
// to, by the beginning of its ID, and whether tasks have public addresses.
func assertTasksReach(t *testing.T, s *sandbox.Sandbox, target string, public ecstypes.AssignPublicIp) {
	t.Helper()
	network := service(t, s).NetworkConfiguration.AwsvpcConfiguration
	if network.AssignPublicIp != public {
		t.Errorf("public addresses for tasks are %s, not %s", network.AssignPublicIp, public)
	}
	if len(network.Subnets) != 2 {
		t.Errorf("tasks run in %v, not in a subnet of each zone", network.Subnets)
	}
	for _, subnet := range network.Subnets {
		out, err := s.Account.EC2.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{
			Filters: []ec2types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnet}}},
		})
		must(t, err, "the routes can't be listed")
		if len(out.RouteTables) != 1 {
			t.Fatalf("the subnet %s has %d route tables", subnet, len(out.RouteTables))
		}
		leads := ""
		for _, route := range out.RouteTables[0].Routes {
			if aws.ToString(route.DestinationCidrBlock) == "0.0.0.0/0" {
				leads = aws.ToString(route.GatewayId) + aws.ToString(route.NatGatewayId)
			}
		}
		if (target == "") != (leads == "") || !strings.HasPrefix(leads, target) {
			t.Errorf("tasks in %s go out by %q, not by %q", subnet, leads, target)
		}
	}
}

// assertEndpoints asserts which services tasks reach without a way to the internet.
func assertEndpoints(t *testing.T, s *sandbox.Sandbox, services ...string) {
	t.Helper()
	out, err := s.Account.EC2.DescribeVpcEndpoints(t.Context(), &ec2.DescribeVpcEndpointsInput{})
	must(t, err, "the endpoints can't be listed")
	var got []string
	for _, e := range out.VpcEndpoints {
		if e.VpcEndpointType == ec2types.VpcEndpointTypeInterface && e.State != "deleted" {
			got = append(got, strings.TrimPrefix(aws.ToString(e.ServiceName), "com.amazonaws."+account.Region+"."))
			if !aws.ToBool(e.PrivateDnsEnabled) {
				t.Errorf("tasks do not find %s by its own name", aws.ToString(e.ServiceName))
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, services) {
		t.Errorf("there are endpoints for %v, not for %v: tasks would not start", got, services)
	}
}
