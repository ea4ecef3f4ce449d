package main

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/image"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/internal/stackconfig"
	"ecs-sample-app/internal/tags"
)

// Config is what a stack can set. Pulumi.yaml has types, defaults and
// descriptions for people, and a test holds the two together.
type Config struct {
	ImageTag               string
	Image                  string
	BuildContext           string
	ContainerPort          int
	CPU                    int
	Memory                 int
	Architecture           task.Architecture
	Environment            map[string]string
	Secrets                map[string]string
	ReadonlyRootFilesystem bool
	EnableExecuteCommand   bool
	DesiredCount           int
	Autoscaling            *service.Autoscaling
	CapacityProvider       service.CapacityProvider
	WaitForSteadyState     bool
	DeploymentTimeout      int
	HealthCheckPath        string
	AllowedCIDRs           []string
	EgressPorts            []int
	VpcCIDR                string
	AvailabilityZones      int
	AvailabilityZoneNames  []string
	LogRetentionDays       int
	ContainerInsights      cluster.ContainerInsights
	Alarms                 bool
	AlarmEmails            []string
	AlarmThresholds        map[string]int
	DeletionProtection     bool
	Tags                   map[string]string

	project string
}

// defaultConfig is a stack that sets nothing: the wizard's sample app.
func defaultConfig() *Config {
	return &Config{
		ImageTag:           "2.4.65",
		Image:              sampleImage,
		ContainerPort:      task.DefaultPort,
		CPU:                task.DefaultCPU,
		Memory:             task.Memories(task.DefaultCPU)[0],
		Architecture:       task.X86,
		DesiredCount:       service.DefaultDesiredCount,
		CapacityProvider:   service.Fargate,
		WaitForSteadyState: true,
		DeploymentTimeout:  service.DefaultDeploymentTimeout,
		HealthCheckPath:    loadbalancer.DefaultHealthCheckPath,
		AllowedCIDRs:       []string{"0.0.0.0/0"},
		EgressPorts:        []int{service.DefaultEgressPort},
		VpcCIDR:            network.DefaultCIDRBlock,
		AvailabilityZones:  network.DefaultZoneCount,
		LogRetentionDays:   task.DefaultLogRetentionDays,
		ContainerInsights:  cluster.InsightsDisabled,
	}
}

// loadConfig reads the stack's config and reports everything that is wrong
// with it at once, each by its key, before anything is registered.
func loadConfig(ctx *pulumi.Context) (*Config, error) {
	cfg := defaultConfig()
	cfg.project = ctx.Project()
	r := stackconfig.NewReader(ctx)
	cfg.read(r)
	problems, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	if err := r.Err(problems); err != nil {
		return nil, err
	}
	cfg.Tags = tags.OfStack(ctx, cfg.Tags)
	return cfg, nil
}

func (c *Config) read(r *stackconfig.Reader) {
	r.Text("imageTag", &c.ImageTag)
	r.Text("image", &c.Image)
	r.Text("buildContext", &c.BuildContext)
	r.Int("containerPort", &c.ContainerPort)
	r.NonZeroInt("cpu", &c.CPU)
	r.NonZeroInt("memory", &c.Memory)
	r.NonZeroText("architecture", (*string)(&c.Architecture))
	r.Strings("environment", &c.Environment)
	r.Strings("secrets", &c.Secrets)
	r.Bool("readonlyRootFilesystem", &c.ReadonlyRootFilesystem)
	r.Bool("enableExecuteCommand", &c.EnableExecuteCommand)
	r.Int("desiredCount", &c.DesiredCount)
	stackconfig.Optional(r, "autoscaling", &c.Autoscaling, "an object with maxCapacity and any of minCapacity, cpuTarget, memoryTarget, requestsTarget and schedules")
	r.NonZeroText("capacityProvider", (*string)(&c.CapacityProvider))
	r.Bool("waitForSteadyState", &c.WaitForSteadyState)
	r.NonZeroInt("deploymentTimeoutMinutes", &c.DeploymentTimeout)
	r.NonZeroText("healthCheckPath", &c.HealthCheckPath)
	stackconfig.Object(r, "allowedCidrs", &c.AllowedCIDRs, "a list of IPv4 blocks")
	stackconfig.Object(r, "egressPorts", &c.EgressPorts, "a list of ports")
	r.NonZeroText("vpcCidr", &c.VpcCIDR)
	r.NonZeroInt("availabilityZones", &c.AvailabilityZones)
	stackconfig.Object(r, "availabilityZoneNames", &c.AvailabilityZoneNames, "a list of zone names")
	r.NonZeroInt("logRetentionDays", &c.LogRetentionDays)
	r.NonZeroText("containerInsights", (*string)(&c.ContainerInsights))
	r.Bool("alarms", &c.Alarms)
	stackconfig.Object(r, "alarmEmails", &c.AlarmEmails, "a list of addresses")
	stackconfig.Object(r, "alarmThresholds", &c.AlarmThresholds, "an object whose values are whole numbers")
	r.Bool("deletionProtection", &c.DeletionProtection)
	r.Strings("tags", &c.Tags)
}

// validate returns every problem, each with its key as path. What a component
// takes is checked by that component, so there is one rule for each value.
func (c *Config) validate() (check.Problems, error) {
	var ps check.Problems
	c.validateImage(&ps)
	c.validateAlarms(&ps)
	type part struct {
		component string
		err       error
	}
	parts := []part{
		{"network", c.networkArgs().Validate()},
		{"loadbalancer", c.loadBalancerArgs(&network.Network{}).Validate()},
		{"cluster", c.clusterArgs().Validate()},
		{"task", c.taskArgs(pulumi.StringOutput{}).Validate()},
		{"service", c.serviceArgs(&network.Network{}, &loadbalancer.LoadBalancer{}, &cluster.Cluster{},
			&task.Task{ContainerName: appName, ContainerPort: c.ContainerPort}, pulumi.StringArrayOutput{}).Validate()},
	}
	if c.Alarms {
		parts = append(parts, part{"alarms", c.alarmsArgs(&loadbalancer.LoadBalancer{}, &cluster.Cluster{}, &service.Service{}).Validate()})
	}
	if c.BuildContext != "" {
		parts = append(parts, part{"image", c.imageArgs().Validate()})
	}
	for _, part := range parts {
		found, err := renamed(part.component, part.err)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			// A value that two components take is wrong once.
			if !slices.Contains(ps, p) {
				ps = append(ps, p)
			}
		}
	}
	return ps, nil
}

func (c *Config) validateImage(ps *check.Problems) {
	imageref.Repository(ps, "image", c.Image)
	if c.BuildContext == "" {
		imageref.Tag(ps, "imageTag", c.ImageTag)
	} else if c.Image != sampleImage {
		ps.Add("buildContext", c.BuildContext, "nothing where image is set: one of the two says what runs")
	}
	if c.runsSample() && c.ReadonlyRootFilesystem {
		ps.Add("readonlyRootFilesystem", true, "false with the sample image, which writes its page when it starts")
	}
}

// thresholds are those of the alarms, by their names in alarmThresholds.
func thresholds(args *alarms.Args) map[string]*int {
	return map[string]*int{
		"serverErrors":   &args.ServerErrors,
		"unhealthyHosts": &args.UnhealthyHosts,
		"responseTime":   &args.ResponseTime,
		"cpu":            &args.CPU,
		"memory":         &args.Memory,
	}
}

func (c *Config) validateAlarms(ps *check.Problems) {
	known := slices.Sorted(maps.Keys(thresholds(&alarms.Args{})))
	for _, name := range slices.Sorted(maps.Keys(c.AlarmThresholds)) {
		at, value := "alarmThresholds."+name, c.AlarmThresholds[name]
		switch {
		case !slices.Contains(known, name):
			ps.Add(at, value, "a threshold that there is: %s", check.List(known))
		case value == 0:
			ps.Add(at, value, "1 or more; without it the default holds")
		}
	}
	if c.Alarms {
		return
	}
	const want = "nothing as long as alarms is false"
	if len(c.AlarmEmails) > 0 {
		ps.Add("alarmEmails", c.AlarmEmails, want)
	}
	if len(c.AlarmThresholds) > 0 {
		ps.Add("alarmThresholds", c.AlarmThresholds, want)
	}
}

// keys are the config keys by the paths that components know their arguments
// by. A path of the same name needs none.
var keys = map[string]map[string]string{
	"network": {
		"cidrBlock": "vpcCidr",
		"zoneCount": "availabilityZones",
		"zones":     "availabilityZoneNames",
	},
	"loadbalancer": {
		"targetPort":       "containerPort",
		"healthCheck.path": "healthCheckPath",
	},
	"alarms": {
		"emails":         "alarmEmails",
		"serverErrors":   "alarmThresholds.serverErrors",
		"unhealthyHosts": "alarmThresholds.unhealthyHosts",
		"responseTime":   "alarmThresholds.responseTime",
		"cpu":            "alarmThresholds.cpu",
		"memory":         "alarmThresholds.memory",
	},
	"image": {
		"context": "buildContext",
		"tag":     "imageTag",
	},
	"task": {
		"port":           "containerPort",
		"executeCommand": "enableExecuteCommand",
	},
	"service": {
		"executeCommand":    "enableExecuteCommand",
		"deploymentTimeout": "deploymentTimeoutMinutes",
	},
}

// renamed gives a component's problems with config keys as paths.
func renamed(component string, err error) (check.Problems, error) {
	var problems check.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	problems = slices.Clone(problems)
	for i, p := range problems {
		for path, key := range keys[component] {
			rest, ok := strings.CutPrefix(p.Path, path)
			if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				problems[i].Path = key + rest
			}
		}
	}
	return problems, nil
}

// explain turns problems that a component found only when it asked AWS into
// problems of the config.
func (c *Config) explain(component string, err error) error {
	problems, other := renamed(component, err)
	if other != nil {
		return other
	}
	return stackconfig.Report(c.project, problems)
}

// runsSample tells whether the image is the plain web server, which is told to
// write the sample page. Any other image runs as it is.
func (c *Config) runsSample() bool {
	return c.Image == sampleImage && c.BuildContext == ""
}

func (c *Config) imageReference() string {
	return imageref.Join(c.Image, c.ImageTag)
}

func (c *Config) networkArgs() network.Args {
	return network.Args{
		CIDRBlock: c.VpcCIDR,
		ZoneCount: c.AvailabilityZones,
		Zones:     c.AvailabilityZoneNames,
		Tags:      c.Tags,
	}
}

func (c *Config) loadBalancerArgs(net *network.Network) loadbalancer.Args {
	return loadbalancer.Args{
		VpcID:              net.VpcID,
		SubnetIDs:          net.PublicSubnetIDs,
		AllowedCIDRs:       c.AllowedCIDRs,
		TargetPort:         c.ContainerPort,
		HealthCheck:        loadbalancer.HealthCheck{Path: c.HealthCheckPath},
		DeletionProtection: c.DeletionProtection,
		Tags:               c.Tags,
	}
}

func (c *Config) clusterArgs() cluster.Args {
	return cluster.Args{ContainerInsights: c.ContainerInsights, Tags: c.Tags}
}

func (c *Config) imageArgs() image.Args {
	return image.Args{
		Context:      c.BuildContext,
		Tag:          c.ImageTag,
		Architecture: c.Architecture,
		BuildArgs:    map[string]string{"VERSION": c.ImageTag},
		ForceDelete:  !c.DeletionProtection,
		Tags:         c.Tags,
	}
}

func (c *Config) taskArgs(uri pulumi.StringInput) task.Args {
	args := task.Args{
		Image:                  uri,
		Port:                   c.ContainerPort,
		CPU:                    c.CPU,
		Memory:                 c.Memory,
		Architecture:           c.Architecture,
		Environment:            c.Environment,
		Secrets:                c.Secrets,
		WritableRootFilesystem: !c.ReadonlyRootFilesystem,
		ExecuteCommand:         c.EnableExecuteCommand,
		LogRetentionDays:       c.LogRetentionDays,
		Tags:                   c.Tags,
	}
	if c.runsSample() {
		args.EntryPoint = []string{"sh", "-c"}
		args.Command = []string{sampleCommand(c.ImageTag, sampleHtdocs, c.ContainerPort)}
	}
	return args
}

func (c *Config) serviceArgs(
	net *network.Network, balancer *loadbalancer.LoadBalancer, fleet *cluster.Cluster, definition *task.Task, alarmNames pulumi.StringArrayOutput,
) service.Args {
	return service.Args{
		ClusterARN:                  fleet.ARN,
		TaskDefinitionARN:           definition.ARN,
		ContainerName:               definition.ContainerName,
		ContainerPort:               definition.ContainerPort,
		VpcID:                       net.VpcID,
		SubnetIDs:                   net.PublicSubnetIDs,
		AssignPublicIP:              true, // the subnets are public: without it no image can be pulled
		LoadBalancerSecurityGroupID: balancer.SecurityGroupID,
		TargetGroupARN:              balancer.TargetGroupARN,
		DesiredCount:                &c.DesiredCount,
		Autoscaling:                 c.autoscaling(balancer),
		Alarms:                      service.DeploymentAlarms{Names: alarmNames, Enable: c.Alarms},
		CapacityProvider:            c.CapacityProvider,
		EgressPorts:                 c.EgressPorts,
		ExecuteCommand:              c.EnableExecuteCommand,
		SkipSteadyState:             !c.WaitForSteadyState,
		DeploymentTimeout:           c.DeploymentTimeout,
		ForceDelete:                 !c.DeletionProtection,
		Tags:                        c.Tags,
	}
}

func (c *Config) alarmsArgs(balancer *loadbalancer.LoadBalancer, fleet *cluster.Cluster, app *service.Service) alarms.Args {
	args := alarms.Args{
		ClusterName:           fleet.Name,
		ServiceName:           app.Name,
		LoadBalancerARNSuffix: balancer.ARNSuffix,
		TargetGroupARNSuffix:  balancer.TargetGroupARNSuffix,
		Emails:                c.AlarmEmails,
		Tags:                  c.Tags,
	}
	for name, threshold := range thresholds(&args) {
		*threshold = c.AlarmThresholds[name]
	}
	return args
}

// autoscaling is what the config says, for the requests of this load balancer.
func (c *Config) autoscaling(balancer *loadbalancer.LoadBalancer) *service.Autoscaling {
	if c.Autoscaling == nil {
		return nil
	}
	scaling := *c.Autoscaling
	scaling.RequestsLabel = balancer.RequestsLabel
	return &scaling
}
