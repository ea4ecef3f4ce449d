package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

// assertArchitecture asks AWS whether a stack with all defaults is what the README
// draws.
func assertArchitecture(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	assertNetwork(t, s)
	assertOnlyWayIn(t, s)
	assertLoadBalancer(t, s)
	assertCluster(t, s)
	assertTask(t, s)
	assertRoles(t, s)
	assertService(t, s)
	assertTags(t, s)
}

func assertNetwork(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	id := one(t, s, account.VPCs)
	hostnames, err := s.Account.EC2.DescribeVpcAttribute(t.Context(), &ec2.DescribeVpcAttributeInput{
		VpcId: aws.String(id), Attribute: ec2types.VpcAttributeNameEnableDnsHostnames,
	})
	must(t, err, "EC2 does not tell of DNS hostnames")
	if !aws.ToBool(hostnames.EnableDnsHostnames.Value) {
		t.Error("the VPC has no DNS hostnames, which interface endpoints need")
	}

	subnets, err := s.Account.EC2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: inVPC(id)})
	must(t, err, "EC2 does not list the subnets")
	var blocks, zones []string
	for _, subnet := range subnets.Subnets {
		blocks, zones = append(blocks, *subnet.CidrBlock), append(zones, *subnet.AvailabilityZone)
		if aws.ToBool(subnet.MapPublicIpOnLaunch) {
			t.Errorf("whatever starts in %s gets a public address unasked", *subnet.SubnetId)
		}
	}
	slices.Sort(blocks)
	if want := []string{"10.0.0.0/24", "10.0.1.0/24"}; !slices.Equal(blocks, want) {
		t.Errorf("the subnets are %v, not the wizard's %v", blocks, want)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(zones)))) != len(blocks) {
		t.Errorf("the subnets are in the zones %v: the failure of one would take all down", zones)
	}

	tables, err := s.Account.EC2.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{
		RouteTableIds: []string{one(t, s, account.RouteTables)},
	})
	must(t, err, "EC2 does not describe the route table")
	if !slices.ContainsFunc(tables.RouteTables[0].Routes, func(r ec2types.Route) bool {
		return aws.ToString(r.DestinationCidrBlock) == "0.0.0.0/0" && aws.ToString(r.GatewayId) == one(t, s, account.InternetGateways)
	}) {
		t.Error("no route leads to the internet: no image could be pulled, no request come in")
	}
	if n := len(tables.RouteTables[0].Associations); n != len(blocks) {
		t.Errorf("%d of %d subnets use the route to the internet", n, len(blocks))
	}
}

// assertOnlyWayIn asserts who may reach what: the world the load balancer on its
// port, the load balancer the tasks on theirs, and nobody anything else.
func assertOnlyWayIn(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	balancer, tasks := securityGroup(t, s, "sample-app-lb-sg"), securityGroup(t, s, "sample-app-tasks-sg")
	for group, want := range map[string][]string{
		balancer:           {"in tcp 80-80 0.0.0.0/0", "out tcp 80-80 " + tasks},
		tasks:              {"in tcp 80-80 " + balancer, "out tcp 443-443 0.0.0.0/0"},
		defaultGroup(t, s): nil,
	} {
		var got []string
		for _, r := range rules(t, s, group) {
			got = append(got, describe(r))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the security group %s lets through %q, not %q: more is open than the listener, or less than the service needs", group, got, want)
		}
	}
}

// describe is a rule as text.
func describe(r ec2types.SecurityGroupRule) string {
	direction, other := "in", aws.ToString(r.CidrIpv4)+aws.ToString(r.CidrIpv6)
	if aws.ToBool(r.IsEgress) {
		direction = "out"
	}
	if r.ReferencedGroupInfo != nil {
		other += aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	return fmt.Sprintf("%s %s %d-%d %s", direction, *r.IpProtocol, aws.ToInt32(r.FromPort), aws.ToInt32(r.ToPort), other)
}

func assertLoadBalancer(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	arn := aws.String(one(t, s, account.LoadBalancers))
	balancers, err := s.Account.ELB.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{*arn}})
	must(t, err, "ELB does not describe the load balancer")
	balancer := balancers.LoadBalancers[0]
	// AWS says internet-facing where none was asked for, the emulator nothing.
	if balancer.Scheme == elbtypes.LoadBalancerSchemeEnumInternal || len(balancer.AvailabilityZones) != 2 {
		t.Errorf("the load balancer is %s in %d zones: nobody could reach it, or one zone's failure would take it down",
			balancer.Scheme, len(balancer.AvailabilityZones))
	}
	attributes, err := s.Account.ELB.DescribeLoadBalancerAttributes(t.Context(), &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: arn})
	must(t, err, "ELB does not tell the load balancer's attributes")
	set := map[string]string{}
	for _, a := range attributes.Attributes {
		set[*a.Key] = *a.Value
	}
	for key, want := range map[string]string{
		"routing.http.drop_invalid_header_fields.enabled": "true",
		"routing.http.desync_mitigation_mode":             "defensive",
	} {
		if set[key] != want {
			t.Errorf("%s is %q, not %q: requests could be smuggled to the tasks", key, set[key], want)
		}
	}
	assertTargetGroup(t, s)
}

func assertTargetGroup(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	arn := one(t, s, account.TargetGroups)
	groups, err := s.Account.ELB.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	must(t, err, "ELB does not describe the target group")
	g := groups.TargetGroups[0]
	if g.TargetType != elbtypes.TargetTypeEnumIp || aws.ToInt32(g.Port) != 80 {
		t.Errorf("the target group takes %s on port %d; tasks of Fargate are addresses, and listen on 80", g.TargetType, aws.ToInt32(g.Port))
	}
	got := fmt.Sprintf("%s every %d s, %d s to answer, healthy after %d, unhealthy after %d, %s", aws.ToString(g.HealthCheckPath),
		aws.ToInt32(g.HealthCheckIntervalSeconds), aws.ToInt32(g.HealthCheckTimeoutSeconds),
		aws.ToInt32(g.HealthyThresholdCount), aws.ToInt32(g.UnhealthyThresholdCount), aws.ToString(g.Matcher.HttpCode))
	if want := "/ every 5 s, 4 s to answer, healthy after 2, unhealthy after 6, 200"; got != want {
		t.Errorf("the health check is %q, not %q: a deployment would take longer, or a broken task get requests", got, want)
	}
	attributes, err := s.Account.ELB.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(arn)})
	must(t, err, "ELB does not tell the target group's attributes")
	if !slices.ContainsFunc(attributes.Attributes, func(a elbtypes.TargetGroupAttribute) bool {
		return *a.Key == "deregistration_delay.timeout_seconds" && *a.Value == "10"
	}) {
		t.Error("the deregistration delay is not 10 s: each deployment and each destroy would wait AWS's five minutes")
	}
}

func assertCluster(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	out, err := s.Account.ECS.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{
		Clusters: []string{one(t, s, account.Clusters)},
		Include:  []ecstypes.ClusterField{ecstypes.ClusterFieldSettings},
	})
	must(t, err, "ECS does not describe the cluster")
	cluster := out.Clusters[0]
	if got := slices.Sorted(slices.Values(cluster.CapacityProviders)); !slices.Equal(got, []string{"FARGATE", "FARGATE_SPOT"}) {
		t.Errorf("the cluster's capacity providers are %v: the service would have nothing to run on", got)
	}
	if len(cluster.Settings) != 1 || aws.ToString(cluster.Settings[0].Value) != "disabled" {
		t.Errorf("Container Insights, which is billed, is not off: %v", cluster.Settings)
	}
}

func assertTask(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	definition := taskDefinition(t, s, serving(t, s))
	if got := aws.ToString(definition.Cpu) + "/" + aws.ToString(definition.Memory); got != "256/512" {
		t.Errorf("a task has %s CPU units and MiB, not the cheapest 256/512", got)
	}
	if len(definition.ContainerDefinitions) != 1 {
		t.Fatalf("a task has %d containers, not one", len(definition.ContainerDefinitions))
	}
	c := definition.ContainerDefinitions[0]
	if got, want := aws.ToString(c.Image), "public.ecr.aws/docker/library/httpd:2.4.65"; got != want {
		t.Errorf("the container runs %s, not %s", got, want)
	}
	if len(c.PortMappings) != 1 || aws.ToInt32(c.PortMappings[0].ContainerPort) != 80 {
		t.Errorf("the container does not listen on 80, where the load balancer sends requests: %v", c.PortMappings)
	}
	if command := strings.Join(c.Command, " "); !strings.Contains(command, "2.4.65") || !strings.Contains(command, "<html") {
		t.Errorf("the container does not write the sample page with its version: %s", command)
	}
	logs := logGroup(t, s)
	want := map[string]string{
		"awslogs-group": *logs.LogGroupName, "awslogs-region": account.Region, "awslogs-stream-prefix": "sample-app",
		"mode": "non-blocking", "max-buffer-size": "25m",
	}
	if !maps.Equal(c.LogConfiguration.Options, want) {
		t.Errorf("the container logs to %v, not %v: its output would be lost, or a slow log hold it up", c.LogConfiguration.Options, want)
	}
	if days := aws.ToInt32(logs.RetentionInDays); days != 30 {
		t.Errorf("logs are kept for %d days, not 30: 0 is for ever, at a price", days)
	}
}

// assertRoles asserts that only ECS, for this account and region, may act as a role.
func assertRoles(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	for _, name := range left[account.Roles] {
		out, err := s.Account.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(name)})
		must(t, err, "IAM does not describe the role "+name)
		text, err := url.QueryUnescape(*out.Role.AssumeRolePolicyDocument)
		must(t, err, "the trust policy is no text")
		var policy struct {
			Statement []struct {
				Principal map[string]string
				Condition map[string]map[string]string
			}
		}
		must(t, json.Unmarshal([]byte(text), &policy), "the trust policy is no JSON")
		if len(policy.Statement) != 1 {
			t.Fatalf("the trust policy of %s has %d statements, not one: %s", name, len(policy.Statement), text)
		}
		statement := policy.Statement[0]
		id := strings.Split(*out.Role.Arn, ":")[4]
		if statement.Principal["Service"] != "ecs-tasks.amazonaws.com" ||
			statement.Condition["StringEquals"]["aws:SourceAccount"] != id ||
			statement.Condition["ArnLike"]["aws:SourceArn"] != fmt.Sprintf("arn:aws:ecs:%s:%s:*", account.Region, id) {
			t.Errorf("another account could make ECS act as %s (the confused deputy): %s", name, text)
		}
	}
}

func assertService(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	service := service(t, s)
	if service.DesiredCount != 1 || service.RunningCount != service.DesiredCount || len(service.Deployments) != 1 {
		t.Errorf("up ended before the service was steady: %d of %d tasks, %d deployments",
			service.RunningCount, service.DesiredCount, len(service.Deployments))
	}
	if d := service.DeploymentConfiguration; d == nil || d.DeploymentCircuitBreaker == nil ||
		!d.DeploymentCircuitBreaker.Enable || !d.DeploymentCircuitBreaker.Rollback {
		t.Errorf("a version that does not start is not rolled back by itself: %+v", d)
	}
	if len(service.LoadBalancers) != 1 || aws.ToString(service.LoadBalancers[0].TargetGroupArn) != one(t, s, account.TargetGroups) {
		t.Errorf("the service's tasks get no requests: %+v", service.LoadBalancers)
	}
	if service.PropagateTags != ecstypes.PropagateTagsService {
		t.Errorf("tasks carry no tags, so nobody could tell what they cost: %q", service.PropagateTags)
	}
}

// assertTags asserts that each thing tells in AWS's console where it comes from.
func assertTags(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	seen := 0
	for _, kind := range slices.Sorted(maps.Keys(left)) {
		for _, id := range left[kind] {
			if kind == account.RolePolicies {
				continue // A part of its role, without tags.
			}
			tags := tagsOf(t, s, kind, id)
			seen++
			if tags["Project"] != sandbox.Project || tags["Stack"] != sandbox.StackName ||
				tags["ManagedBy"] != "Pulumi" || !strings.HasPrefix(tags["Name"], "sample-app-") {
				t.Errorf("nobody can tell where %s in %s comes from, its tags are %v", id, kind, tags)
			}
		}
	}
	if seen == 0 {
		t.Error("no tags were checked: the account is empty")
	}
}

// tagsOf asks the API that a kind belongs to.
func tagsOf(t *testing.T, s *sandbox.Sandbox, kind, id string) map[string]string {
	t.Helper()
	ctx, a, tags := t.Context(), s.Account, map[string]string{}
	var err error
	switch kind {
	case account.LoadBalancers, account.Listeners, account.ListenerRules, account.TargetGroups:
		var out *elb.DescribeTagsOutput
		out, err = a.ELB.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{id}})
		must(t, err, "ELB does not tell the tags of "+id)
		collect(tags, out.TagDescriptions[0].Tags, func(t elbtypes.Tag) (*string, *string) { return t.Key, t.Value })
	case account.Clusters, account.Services, account.TaskDefinitions:
		var out *ecs.ListTagsForResourceOutput
		out, err = a.ECS.ListTagsForResource(ctx, &ecs.ListTagsForResourceInput{ResourceArn: aws.String(id)})
		must(t, err, "ECS does not tell the tags of "+id)
		collect(tags, out.Tags, func(t ecstypes.Tag) (*string, *string) { return t.Key, t.Value })
	case account.Roles:
		var out *iam.ListRoleTagsOutput
		out, err = a.IAM.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: aws.String(id)})
		must(t, err, "IAM does not tell the tags of "+id)
		collect(tags, out.Tags, func(t iamtypes.Tag) (*string, *string) { return t.Key, t.Value })
	case account.LogGroups:
		var out *cloudwatchlogs.ListTagsForResourceOutput
		out, err = a.Logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: logGroup(t, s).LogGroupArn})
		must(t, err, "CloudWatch Logs does not tell the tags of "+id)
		tags = out.Tags
	default:
		var out *ec2.DescribeTagsOutput
		out, err = a.EC2.DescribeTags(ctx, &ec2.DescribeTagsInput{
			Filters: []ec2types.Filter{{Name: aws.String("resource-id"), Values: []string{id}}},
		})
		must(t, err, "EC2 does not tell the tags of "+id)
		collect(tags, out.Tags, func(t ec2types.TagDescription) (*string, *string) { return t.Key, t.Value })
	}
	return tags
}

func collect[Tag any](into map[string]string, tags []Tag, pair func(Tag) (key, value *string)) {
	for _, tag := range tags {
		key, value := pair(tag)
		into[aws.ToString(key)] = aws.ToString(value)
	}
}

// one returns the only one of its kind that the stack created.
func one(t *testing.T, s *sandbox.Sandbox, kind string) string {
	t.Helper()
	found, err := s.Account.List(t.Context(), kind)
	must(t, err, "the account can't be listed")
	found = account.Inventory{kind: found}.Without(s.Before)[kind]
	if len(found) != 1 {
		t.Fatalf("there is not one of %s but %v", kind, found)
	}
	return found[0]
}

func inVPC(id string) []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{id}}}
}

// securityGroup returns the group that the program calls by this name.
func securityGroup(t *testing.T, s *sandbox.Sandbox, name string) string {
	t.Helper()
	return group(t, s, "tag:Name", name)
}

// defaultGroup returns the group of the VPC that AWS puts everything in that names
// no other.
func defaultGroup(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	return group(t, s, "group-name", "default")
}

func group(t *testing.T, s *sandbox.Sandbox, filter, value string) string {
	t.Helper()
	out, err := s.Account.EC2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{
		Filters: append(inVPC(one(t, s, account.VPCs)), ec2types.Filter{Name: aws.String(filter), Values: []string{value}}),
	})
	must(t, err, "EC2 does not list security groups")
	if len(out.SecurityGroups) != 1 {
		t.Fatalf("there is not one security group with %s %s but %d", filter, value, len(out.SecurityGroups))
	}
	return *out.SecurityGroups[0].GroupId
}

func rules(t *testing.T, s *sandbox.Sandbox, group string) []ec2types.SecurityGroupRule {
	t.Helper()
	out, err := s.Account.EC2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{group}}},
	})
	must(t, err, "EC2 does not list the rules of "+group)
	return out.SecurityGroupRules
}

func logGroup(t *testing.T, s *sandbox.Sandbox) logstypes.LogGroup {
	t.Helper()
	out, err := s.Account.Logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{
		LogGroupNamePrefix: aws.String(one(t, s, account.LogGroups)),
	})
	must(t, err, "CloudWatch Logs does not describe the log group")
	return out.LogGroups[0]
}
