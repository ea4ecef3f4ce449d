package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/image"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/imageref"
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
	r := reader{cfg: config.New(ctx, "")}
	r.fields(cfg)
	if err := r.unknownKeys(cfg.project); err != nil {
		return nil, err
	}
	// What could not be read stands at its default, which is valid: each value
	// is reported once, and all others are checked the same.
	problems, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	if problems = append(r.problems, problems...); len(problems) > 0 {
		return nil, cfg.report(problems)
	}
	cfg.addStackTags(ctx.Stack())
	return cfg, nil
}

// report names each problem by the key as it stands in the stack's file.
func (c *Config) report(problems check.Problems) error {
	for i := range problems {
		problems[i].Path = c.project + ":" + problems[i].Path
	}
	return fmt.Errorf("the config of this stack can't be used, nothing was changed:\n%w", problems)
}

// addStackTags tells in every AWS console where a resource comes from.
func (c *Config) addStackTags(stack string) {
	all := map[string]string{"Project": c.project, "Stack": stack, "ManagedBy": "Pulumi"}
	maps.Copy(all, c.Tags)
	c.Tags = all
}

// reader reads keys one by one and notes those whose value has the wrong type.
// A key that is not set leaves the default as it is.
type reader struct {
	cfg      *config.Config
	known    []string
	problems check.Problems
}

func (r *reader) fields(c *Config) {
	read(r, "imageTag", &c.ImageTag, r.cfg.Try, "")
	read(r, "image", &c.Image, r.cfg.Try, "")
	read(r, "buildContext", &c.BuildContext, r.cfg.Try, "")
	read(r, "containerPort", &c.ContainerPort, r.int, wantInt)
	readNonZero(r, "cpu", &c.CPU, r.int, wantInt)
	readNonZero(r, "memory", &c.Memory, r.int, wantInt)
	readNonZero(r, "architecture", (*string)(&c.Architecture), r.cfg.Try, "")
	read(r, "environment", &c.Environment, object[map[string]string](r), wantStrings)
	read(r, "secrets", &c.Secrets, object[map[string]string](r), wantStrings)
	read(r, "readonlyRootFilesystem", &c.ReadonlyRootFilesystem, r.cfg.TryBool, wantBool)
	read(r, "enableExecuteCommand", &c.EnableExecuteCommand, r.cfg.TryBool, wantBool)
	read(r, "desiredCount", &c.DesiredCount, r.int, wantInt)
	read(r, "autoscaling", &c.Autoscaling, optional[service.Autoscaling](r), "an object with maxCapacity and any of minCapacity, cpuTarget, memoryTarget, requestsTarget and schedules")
	readNonZero(r, "capacityProvider", (*string)(&c.CapacityProvider), r.cfg.Try, "")
	read(r, "waitForSteadyState", &c.WaitForSteadyState, r.cfg.TryBool, wantBool)
	readNonZero(r, "deploymentTimeoutMinutes", &c.DeploymentTimeout, r.int, wantInt)
	readNonZero(r, "healthCheckPath", &c.HealthCheckPath, r.cfg.Try, "")
	read(r, "allowedCidrs", &c.AllowedCIDRs, object[[]string](r), "a list of IPv4 blocks")
	read(r, "egressPorts", &c.EgressPorts, object[[]int](r), "a list of ports")
	readNonZero(r, "vpcCidr", &c.VpcCIDR, r.cfg.Try, "")
	readNonZero(r, "availabilityZones", &c.AvailabilityZones, r.int, wantInt)
	read(r, "availabilityZoneNames", &c.AvailabilityZoneNames, object[[]string](r), "a list of zone names")
	readNonZero(r, "logRetentionDays", &c.LogRetentionDays, r.int, wantInt)
	readNonZero(r, "containerInsights", (*string)(&c.ContainerInsights), r.cfg.Try, "")
	read(r, "alarms", &c.Alarms, r.cfg.TryBool, wantBool)
	read(r, "alarmEmails", &c.AlarmEmails, object[[]string](r), "a list of addresses")
	read(r, "alarmThresholds", &c.AlarmThresholds, object[map[string]int](r), "an object whose values are whole numbers")
	read(r, "deletionProtection", &c.DeletionProtection, r.cfg.TryBool, wantBool)
	read(r, "tags", &c.Tags, object[map[string]string](r), wantStrings)
}

const (
	wantInt     = "a whole number"
	wantBool    = "true or false"
	wantStrings = "an object whose values are strings; in YAML, numbers need quotes"
)

// read sets a field from its key. want says what a value must look like to be
// read at all; any value of a string can be.
func read[T any](r *reader, key string, into *T, try func(string) (T, error), want string) {
	r.known = append(r.known, key)
	value, err := try(key)
	switch {
	case err == nil:
		*into = value
	case !errors.Is(err, config.ErrMissingVar):
		given, _ := r.cfg.Try(key)
		r.problems.Add(key, given, "%s", want)
	}
}

// readNonZero reads a key whose zero value a component would take for its
// default: who writes 0 or nothing at all means something else.
func readNonZero[T comparable](r *reader, key string, into *T, try func(string) (T, error), want string) {
	fallback := *into
	read(r, key, into, try, want)
	var zero T
	if *into == zero {
		r.problems.Add(key, zero, "a value; without the key it is %v", fallback)
		*into = fallback
	}
}

// int reads a number as people write it: the config package's own takes 0256
// for octal.
func (r *reader) int(key string) (int, error) {
	text, err := r.cfg.Try(key)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func object[T any](r *reader) func(string) (T, error) {
	return func(key string) (T, error) {
		var value T
		err := r.cfg.TryObject(key, &value)
		return value, err
	}
}

// optional reads an object whose fields are all known, and nil where it is empty: a
// field that is misspelt would otherwise leave its value unused without a word.
func optional[T any](r *reader) func(string) (*T, error) {
	return func(key string) (*T, error) {
		text, err := r.cfg.Try(key)
		if err != nil {
			return nil, err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &fields); err != nil || len(fields) == 0 {
			return nil, err
		}
		var value T
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		return &value, decoder.Decode(&value)
	}
}

// unknownKeys notes keys of this project that nothing reads: a misspelt key
// would otherwise leave its value unused without a word. Pulumi hands the
// whole config over in an environment variable and nowhere else.
func (r *reader) unknownKeys(project string) error {
	text := os.Getenv(pulumi.EnvConfig)
	if text == "" {
		return nil
	}
	var all map[string]string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("read %s: %w", pulumi.EnvConfig, err)
	}
	for _, full := range slices.Sorted(maps.Keys(all)) {
		key, ours := strings.CutPrefix(full, project+":")
		if ours && !slices.Contains(r.known, key) {
			r.problems.Add(key, all[full], "a key that is read: %s", check.List(slices.Sorted(slices.Values(r.known))))
		}
	}
	return nil
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
	return c.report(problems)
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
