package service

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// CapacityProvider is what the tasks run on.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
type CapacityProvider string

const (
	// Fargate is capacity at the full price.
	Fargate CapacityProvider = "FARGATE"
	// FargateSpot costs up to 70 % less; AWS may stop a task with two minutes'
	// notice.
	FargateSpot CapacityProvider = "FARGATE_SPOT"
)

// CapacityProviders are those that a cluster on Fargate has.
var CapacityProviders = []CapacityProvider{Fargate, FargateSpot}

const (
	// DefaultDesiredCount is the number of tasks where none is given.
	DefaultDesiredCount = 1
	// DefaultGracePeriod is how many seconds a new task may fail health checks
	// before ECS replaces it. Without one, a task that starts slowly is killed
	// over and over.
	DefaultGracePeriod = 60
	// DefaultDeploymentTimeout is how many minutes a deployment may take: as
	// long as ECS needs to see three tasks in a row fail their health checks,
	// which is when its circuit breaker gives up a small service, with room to
	// spare
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
	DefaultDeploymentTimeout = 15
	// DefaultEgressPort is HTTPS: what pulling an image and writing logs takes.
	DefaultEgressPort = 443

	// maxTasks is AWS's quota of tasks in a service
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html).
	maxTasks = 5000
	// maxGracePeriod, in seconds, is the largest number that ECS takes
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html).
	maxGracePeriod = 2147483647
	// maxDeploymentTimeout, in minutes, is as long as ECS itself tries a
	// deployment without a circuit breaker.
	maxDeploymentTimeout = 180
	// maxRules keeps the openings within a security group's quota of 60
	// outbound rules
	// (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups).
	maxRules = 60
)

// Args is what a Service is made from.
type Args struct {
	// ClusterARN is the cluster. Required.
	ClusterARN pulumi.StringInput `mapstructure:"-"`
	// TaskDefinitionARN is what runs, with its revision. Required.
	TaskDefinitionARN pulumi.StringInput `mapstructure:"-"`
	// ContainerName is the container that gets the requests. Required.
	ContainerName string `mapstructure:"-"`
	// ContainerPort is that container's port, 1 to 65535. Required.
	ContainerPort int `mapstructure:"-"`
	// VpcID is the VPC of the subnets. Required.
	VpcID pulumi.StringInput `mapstructure:"-"`
	// SubnetIDs are the subnets in which tasks run. Required.
	SubnetIDs pulumi.StringArrayInput `mapstructure:"-"`
	// AssignPublicIP gives each task a public address, which it needs in a
	// public subnet to pull its image; nobody gets in by it. Default false.
	// Public IPv4 addresses are billed by the hour.
	AssignPublicIP bool `mapstructure:"-"`
	// LoadBalancerSecurityGroupID is the only source that may reach the tasks.
	// Required.
	LoadBalancerSecurityGroupID pulumi.StringInput `mapstructure:"-"`
	// TargetGroupARN is where tasks are registered. Required. It must be known
	// only when a rule forwards to it, as that of components/route is.
	TargetGroupARN pulumi.StringInput `mapstructure:"-"`
	// DesiredCount is the number of tasks, 0 to 5000; 0 stops the service and
	// keeps the rest. With [Autoscaling] it is the number to begin with, brought
	// within its bounds, and ignored from then on. Default DefaultDesiredCount.
	DesiredCount *int `mapstructure:"desiredCount"`
	// Autoscaling lets the number of tasks follow the load. Switched off on a live
	// service, it leaves as many tasks as there are, until DesiredCount changes or
	// an update refreshes. Default none: the number stays at DesiredCount.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html
	Autoscaling *Autoscaling `mapstructure:"autoscaling"`
	// Replacement changes with every value that can't change in place; the service is
	// then replaced, the new one beside the old, as components/route gives it.
	// Default VpcID.
	Replacement pulumi.StringInput `mapstructure:"-"`
	// RequestsLabel names whose requests Autoscaling.RequestsTarget counts, as
	// components/route gives it. Required with that target.
	RequestsLabel pulumi.StringInput `mapstructure:"-"`
	// Alarms are the CloudWatch alarms that roll a deployment back. Default
	// none.
	Alarms DeploymentAlarms `mapstructure:"-"`
	// CapacityProvider is what the tasks run on: FARGATE, or FARGATE_SPOT, which
	// costs up to 70 % less and which AWS may stop with two minutes' notice. A
	// change is deployed side by side. Default Fargate.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
	CapacityProvider CapacityProvider `mapstructure:"capacityProvider"`
	// GracePeriod is how many seconds a new task may fail health checks before ECS
	// replaces it, 60 or more. An application that needs two minutes to start needs
	// more than 120. Default DefaultGracePeriod.
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
	GracePeriod int `mapstructure:"healthCheckGracePeriod"`
	// EgressPorts are the TCP ports on which tasks may reach any address. DNS
	// needs no port here; pulling the image and writing logs need 443. Default
	// DefaultEgressPort alone.
	EgressPorts []int `mapstructure:"egressPorts"`
	// EnableExecuteCommand allows `aws ecs execute-command`. The task must allow
	// it too. Default false.
	EnableExecuteCommand bool `mapstructure:"-"`
	// SkipSteadyState ends an update in place as soon as ECS has accepted it, whether
	// or not the new tasks work. A new service, the first or one that replaces
	// another, is waited for all the same. Default false: wait until the new tasks
	// serve, and fail if they don't.
	SkipSteadyState bool `mapstructure:"-"`
	// DeploymentTimeoutMinutes is how many minutes a deployment may take before
	// the update fails, 1 to 180. Default DefaultDeploymentTimeout.
	DeploymentTimeoutMinutes int `mapstructure:"deploymentTimeoutMinutes"`
	// AWS is with what a deployment is watched, where the service is given an
	// AWS provider of its own, which can't be read from outside. Default nil:
	// as the stack's config sets up the default provider.
	AWS *aws.Config `mapstructure:"-"`
	// DrainSeconds is how long a task may take to leave: the target group's deregistration
	// delay and the container's stop timeout. Default 0.
	DrainSeconds int `mapstructure:"-"`
	// ForceDelete deletes the service without first stopping its tasks one by
	// one. Default false.
	ForceDelete bool `mapstructure:"-"`
	// Tags are set on the service, its tasks and its security group, in addition
	// to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

// DeploymentAlarms are CloudWatch alarms, as those of components/alarms. A
// deployment during which one goes off is rolled back.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
type DeploymentAlarms struct {
	// Names are the alarms'. Where they may be switched on one day they must
	// be given from the start, and still when they are off: the provider can
	// switch alarms off, but not take them out of a service, which would go on
	// watching alarms that are gone. Default none.
	Names pulumi.StringArrayInput
	// Enable switches them on. Default false.
	Enable bool
}

func (a Args) withDefaults() Args {
	if a.DesiredCount == nil {
		a.DesiredCount = new(DefaultDesiredCount)
	}
	a.CapacityProvider = cmp.Or(a.CapacityProvider, Fargate)
	a.Autoscaling = a.Autoscaling.withDefaults(*a.DesiredCount)
	if a.Replacement == nil {
		a.Replacement = a.VpcID
	}
	a.GracePeriod = cmp.Or(a.GracePeriod, DefaultGracePeriod)
	a.DeploymentTimeoutMinutes = cmp.Or(a.DeploymentTimeoutMinutes, DefaultDeploymentTimeout)
	if a.EgressPorts == nil {
		a.EgressPorts = []int{DefaultEgressPort}
	}
	return a
}

// Defaults are the arguments of a service for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	check.Required(&ps,
		check.Input{Path: "clusterArn", Given: a.ClusterARN, Want: "the ARN of a cluster"},
		check.Input{Path: "taskDefinitionArn", Given: a.TaskDefinitionARN, Want: "the ARN of a task definition"},
		check.Input{Path: "vpcId", Given: a.VpcID, Want: "the ID of a VPC"},
		check.Input{Path: "subnetIds", Given: a.SubnetIDs, Want: "the IDs of subnets"},
		check.Input{Path: "loadBalancerSecurityGroupId", Given: a.LoadBalancerSecurityGroupID, Want: "the ID of the load balancer's security group"},
		check.Input{Path: "targetGroupArn", Given: a.TargetGroupARN, Want: "the ARN of a target group"},
	)
	if a.ContainerName == "" {
		ps.Missing("containerName", "the name of a container in the task definition")
	}
	if a.Alarms.Enable && a.Alarms.Names == nil {
		ps.Missing("alarms.names", "the names of CloudWatch alarms")
	}
	if a.Autoscaling != nil && a.Autoscaling.RequestsTarget != 0 && a.RequestsLabel == nil {
		ps.Missing("requestsLabel", "the load balancer and the target group whose requests are counted")
	}
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	check.Port(&ps, "containerPort", a.ContainerPort)
	check.Range(&ps, "desiredCount", *a.DesiredCount, 0, maxTasks, "tasks")
	a.Autoscaling.validate(&ps)
	check.OneOf(&ps, "capacityProvider", a.CapacityProvider, CapacityProviders)
	check.Range(&ps, "healthCheckGracePeriod", a.GracePeriod, DefaultGracePeriod, maxGracePeriod, "seconds")
	check.Range(&ps, "deploymentTimeoutMinutes", a.DeploymentTimeoutMinutes, 1, maxDeploymentTimeout, "minutes")
	a.validateEgress(&ps)
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

func (a Args) validateEgress(ps *problem.Problems) {
	const path = "egressPorts"
	if len(a.EgressPorts) > maxRules {
		ps.Add(path, fmt.Sprintf("%d ports", len(a.EgressPorts)), "at most %d", maxRules)
	}
	for i, port := range a.EgressPorts {
		at := fmt.Sprintf("%s[%d]", path, i)
		check.Port(ps, at, port)
		if slices.Contains(a.EgressPorts[:i], port) {
			ps.Add(at, port, "a port that is not given twice")
		}
	}
}
