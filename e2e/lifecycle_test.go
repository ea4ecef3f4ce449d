package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

// wholeStack is how many of each kind the default stack consists of: two subnets,
// the rules listener in, load balancer to tasks at both ends, and HTTPS out.
var wholeStack = map[string]int{
	account.VPCs: 1, account.Subnets: 2, account.InternetGateways: 1, account.RouteTables: 1, account.Endpoints: 1,
	account.SecurityGroups: 2, account.GroupRules: 4,
	account.LoadBalancers: 1, account.Listeners: 1, account.ListenerRules: 2, account.TargetGroups: 1,
	account.Clusters: 1, account.Services: 1, account.TaskDefinitions: 1,
	account.Roles: 2, account.RolePolicies: 1, account.LogGroups: 1,
}

// bump is the preview of a change of imageTag: what the README promises.
const bump = `update sample-app-service (taskDefinition)
create-replacement sample-app-task-definition (containerDefinitions)
delete-replaced sample-app-task-definition
replace sample-app-task-definition (containerDefinitions)`

// forgotten is what a refresh finds changed though nobody did: the emulator drops the
// description of a rule that names another security group. AWS keeps it.
const forgotten = `refresh sample-app-lb-egress-80 (description)
refresh sample-app-tasks-ingress-80 (description)`

func TestAStackLivesFromTheFirstUpToAnEmptyAccount(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	up(t, s)
	assertWhole(t, s)
	assertArchitecture(t, s)
	assertNoChanges(t, s)

	// One config value moves the service to a new revision, and back.
	first := serving(t, s)
	for _, tag := range []string{"2.4.66", "2.4.65"} {
		deployed := serving(t, s)
		set(t, s, map[string]string{"imageTag": tag})
		run, err := s.Preview(t.Context())
		must(t, err, "the preview of a new version fails")
		if got := run.Summary(); got != bump {
			t.Errorf("a new version changes more or less than the task definition and the service:\n%s", got)
		}
		up(t, s)
		assertServes(t, s, tag, deployed)
	}
	if now := serving(t, s); now == first {
		t.Errorf("the rollback serves the revision %s, which AWS had retired", now)
	}

	run, err := s.PreviewRefresh(t.Context())
	must(t, err, "refresh fails")
	if got := run.Summary(); got != forgotten {
		t.Errorf("refresh takes the program's own doing for somebody else's, beyond what the emulator is known to forget:\n%s", got)
	}
	meddle(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

// serving is the task definition that ECS runs.
func serving(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	return aws.ToString(service(t, s).TaskDefinition)
}

// assertServes asks ECS what runs after a deployment, and what became of the
// revision that ran before.
func assertServes(t *testing.T, s *sandbox.Sandbox, tag, before string) {
	t.Helper()
	now := serving(t, s)
	if now == before {
		t.Fatalf("the service still runs %s after the deployment", before)
	}
	definition := taskDefinition(t, s, now)
	if image := aws.ToString(definition.ContainerDefinitions[0].Image); !strings.HasSuffix(image, ":"+tag) {
		t.Errorf("the service runs the image %s, not the tag %s that was asked for", image, tag)
	}
	if status := taskDefinition(t, s, before).Status; status != ecstypes.TaskDefinitionStatusInactive {
		t.Errorf("the old revision %s is %s: every deployment would leave one behind", before, status)
	}
}

// meddle changes things behind Pulumi's back, which a preview with --refresh must
// find and the next up undo: one that opens the tasks to the world, one that costs.
func meddle(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	ctx := t.Context()
	group := securityGroup(t, s, "sample-app-tasks-sg")
	in := slices.DeleteFunc(rules(t, s, group), func(r ec2types.SecurityGroupRule) bool { return aws.ToBool(r.IsEgress) })
	if len(in) != 1 {
		t.Fatalf("there is not one way to the tasks but %d", len(in))
	}
	_, err := s.Account.EC2.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{
		GroupId: aws.String(group),
		SecurityGroupRules: []ec2types.SecurityGroupRuleUpdate{{
			SecurityGroupRuleId: in[0].SecurityGroupRuleId,
			SecurityGroupRule: &ec2types.SecurityGroupRuleRequest{
				CidrIpv4: aws.String("0.0.0.0/0"), IpProtocol: aws.String("tcp"),
				FromPort: aws.Int32(80), ToPort: aws.Int32(80),
			},
		}},
	})
	must(t, err, "open the tasks to the world")
	logs := logGroup(t, s)
	_, err = s.Account.Logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: logs.LogGroupName, RetentionInDays: aws.Int32(3653),
	})
	must(t, err, "keep the logs for ten years")

	found, err := s.PreviewRefresh(ctx)
	must(t, err, "refresh fails")
	for _, change := range []string{"refresh sample-app-tasks-ingress-80 (cidrIpv4, description)", "refresh sample-app-logs (retentionInDays)"} {
		if !slices.ContainsFunc(found.Changes, func(c sandbox.Step) bool { return c.String() == change }) {
			t.Errorf("a change made in the console goes unseen, %q is not among what refresh finds:\n%s", change, found.Summary())
		}
	}
	_, err = s.UpRefreshed(ctx)
	must(t, err, "up --refresh fails")
	assertOnlyWayIn(t, s)
	if days := aws.ToInt32(logGroup(t, s).RetentionInDays); days != 30 {
		t.Errorf("logs are still kept for %d days after the repair", days)
	}
	assertNoChanges(t, s)
}

func up(t *testing.T, s *sandbox.Sandbox) *sandbox.Run {
	t.Helper()
	run, err := s.Up(t.Context())
	must(t, err, "up fails")
	return run
}

func destroy(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	_, err := s.Destroy(t.Context())
	must(t, err, "destroy fails and leaves resources that cost money")
}

func set(t *testing.T, s *sandbox.Sandbox, config map[string]string) {
	t.Helper()
	must(t, s.Set(t.Context(), config), "the config can't be set")
}

// must ends a test whose next steps make no sense after an error.
func must(t *testing.T, err error, harm string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", harm, err)
	}
}

// assertWhole asserts that there is one of each thing, no more and no fewer.
func assertWhole(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	assertCounts(t, s, wholeStack)
}

func assertCounts(t *testing.T, s *sandbox.Sandbox, want map[string]int) {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if got := left.Counts(); !maps.Equal(got, want) {
		t.Errorf("the account holds %v\nof the stack, which should be %v", left, want)
	}
}

func assertNoChanges(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	run, err := s.Preview(t.Context())
	must(t, err, "preview fails")
	if len(run.Changes) > 0 {
		t.Errorf("a preview straight after an update wants changes, and would hide real ones among them:\n%s", run.Summary())
	}
}

// assertNothingLeft asks AWS and not Pulumi, which would not know of what it lost.
func assertNothingLeft(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	// Services drain, gateways detach: the APIs may show them for a moment.
	left := account.Inventory{}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second) {
		var err error
		left, err = s.Left(context.WithoutCancel(t.Context()))
		must(t, err, "the account can't be listed")
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("destroy leaves behind, to be paid for: %v", left)
}

func service(t *testing.T, s *sandbox.Sandbox) ecstypes.Service {
	t.Helper()
	clusters, err := s.Account.List(t.Context(), account.Clusters)
	must(t, err, "the clusters can't be listed")
	services, err := s.Account.List(t.Context(), account.Services)
	must(t, err, "the services can't be listed")
	if len(clusters) != 1 || len(services) != 1 {
		t.Fatalf("there is not one service on one cluster but %v on %v", services, clusters)
	}
	out, err := s.Account.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{
		Cluster: aws.String(clusters[0]), Services: services,
		Include: []ecstypes.ServiceField{ecstypes.ServiceFieldTags},
	})
	must(t, err, "ECS does not describe the service")
	return out.Services[0]
}

func taskDefinition(t *testing.T, s *sandbox.Sandbox, arn string) *ecstypes.TaskDefinition {
	t.Helper()
	out, err := s.Account.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(arn)})
	must(t, err, "ECS does not describe "+arn)
	return out.TaskDefinition
}

func unset(t *testing.T, s *sandbox.Sandbox, keys ...string) {
	t.Helper()
	must(t, s.Unset(t.Context(), keys...), "the config can't be taken back")
}
