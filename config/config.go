// Package config is what a stack can set: for the stack itself, and for a service.
//
// A setting has one word and one home. Its home is the field of the component that
// uses it, with tag, default, rule and documentation. A field stands here only if it
// goes to several components, is derived from others, or is written the other way
// round than a component has it. Pulumi.yaml and docs/config.md are written from
// these fields by a test:
//
//	go test ./config -update
package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"ecs-sample-app/components/accesslogs"
	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/domain"
	"ecs-sample-app/components/firewall"
	"ecs-sample-app/components/image"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/network/existing"
	"ecs-sample-app/components/route"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/internal/stackconfig"
	"ecs-sample-app/problem"
)

const (
	// ServiceName is the name of the one service of a stack without Services, and
	// of everything that services share. Another one replaces everything.
	ServiceName = "sample-app"
	// SampleImage is the web server that serves the sample page, from Amazon's
	// public registry, which does not limit anonymous pulls as Docker Hub does.
	SampleImage = "public.ecr.aws/docker/library/httpd"
	// SampleTag is the version of it that runs if nothing else is set.
	SampleTag = "2.4.65"
	// Everywhere is the whole internet.
	Everywhere = "0.0.0.0/0"
)

// Config is what a stack sets.
type Config struct {
	Network      network.Args      `mapstructure:",squash"`
	Existing     existing.Args     `mapstructure:",squash"`
	LoadBalancer loadbalancer.Args `mapstructure:",squash"`
	Domain       domain.Args       `mapstructure:",squash"`
	// AccessLogs has the load balancer write down each request, in an S3 bucket. About
	// 0.023 USD a GB and month. Default false.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
	AccessLogs bool            `mapstructure:"accessLogs"`
	Logs       accesslogs.Args `mapstructure:",squash"`
	Cluster    cluster.Args    `mapstructure:",squash"`
	Firewall   firewall.Args   `mapstructure:",squash"`
	// DeletionProtection makes Pulumi refuse to delete or replace the VPC, the load
	// balancer, the rule that sends its requests to a service, and a repository, and
	// with them what they depend on; AWS refuses the load balancer too. To delete the stack, set
	// it to false and run `pulumi up` first. Default false.
	DeletionProtection bool `mapstructure:"deletionProtection"`
	// Tags are the tags of every resource, in addition to Name, Project, Stack and
	// ManagedBy, whose keys nothing else may set. The provider adds those of
	// aws:defaultTags; where a key stands in both, the value here holds, and keys that
	// differ only by case are refused. Default none.
	Tags map[string]string `mapstructure:"tags"`
	// Overrides are the services by name, each with what it sets differently from
	// the top level, which is what every service starts from: objects are merged by
	// key, lists are replaced, and null takes away what the top level sets. So far a
	// stack has one service. Default none: one service, sample-app, made of the top
	// level alone.
	Overrides map[string]map[string]any `mapstructure:"services"`

	// Services are the stack's services, by name in ascending order.
	Services []Service `mapstructure:"-"`

	region string // empty where only the environment has it
}

// Service is what a service sets, at the top level or below services.NAME.
type Service struct {
	// Name is the service's name.
	Name string `mapstructure:"-"`
	// ImageTag is the version that runs: a tag (not latest), a digest (sha256:…), or both
	// as TAG@sha256:….
	// Change it and run `pulumi up` to deploy a new revision. In YAML it needs
	// quotes: 2.40 would be read as the number 2.4. Default SampleTag.
	ImageTag string `mapstructure:"imageTag"`
	// ImageTagParameter is the name of a parameter in the SSM Parameter Store, of type
	// String, that holds the version in the place of imageTag: for a pipeline that deploys
	// without this program, and writes there what it has deployed, so that an update does
	// not take it back. Default none.
	// https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
	ImageTagParameter string `mapstructure:"imageTagParameter"`
	// Image is the repository of the image. The default serves the sample page; any
	// other image runs as it is. Default SampleImage.
	Image string `mapstructure:"image"`
	// ContainerPort is the TCP port that the container listens on, 1 to 65535. A
	// change is deployed side by side: requests move when the new tasks serve. Default
	// 80.
	ContainerPort int `mapstructure:"containerPort"`
	// Architecture is the processor, X86_64 or ARM64. ARM64 is about a fifth
	// cheaper, and the image must be built for it. Default X86_64.
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
	Architecture task.Architecture `mapstructure:"architecture"`
	// ReadonlyRootFilesystem makes the container's root filesystem read-only, except for
	// `writablePaths`. Default false.
	ReadonlyRootFilesystem bool `mapstructure:"readonlyRootFilesystem"`
	// EnableExecuteCommand lets `aws ecs execute-command` open a shell in a task. It
	// needs a writable root filesystem, or /managed-agents, /var/lib/amazon/ssm and
	// /var/log/amazon/ssm among `writablePaths`. Default false.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
	EnableExecuteCommand bool `mapstructure:"enableExecuteCommand"`
	// WaitForSteadyState makes an update end only when the new tasks serve, and fail
	// if they don't. If it is false, an update in place ends as soon as ECS has
	// accepted it; a new service, the first or one side by side, is waited for all the
	// same. Set it in an update of its own: from then on revisions stay registered, at no
	// cost, also after a destroy, because ECS may still go back to the one before. What
	// an update takes away, such as an old value of secretValues, is gone for it all the
	// same. Default true.
	WaitForSteadyState bool `mapstructure:"waitForSteadyState"`
	// Alarms makes CloudWatch alarms watch the service, notify an SNS topic, and roll
	// back a deployment during which one goes off. About 0.90 USD a month. Default
	// false.
	Alarms bool `mapstructure:"alarms"`

	Build   image.Args   `mapstructure:",squash"`
	Task    task.Args    `mapstructure:",squash"`
	Route   route.Args   `mapstructure:",squash"`
	Service service.Args `mapstructure:",squash"`
	Watch   alarms.Args  `mapstructure:",squash"`
}

// defaults is a stack that sets nothing.
func defaults() Config {
	return Config{
		Network:      network.Defaults(),
		LoadBalancer: loadbalancer.Args{AllowedCIDRs: []string{Everywhere}},
		Domain:       domain.Defaults(),
		Logs:         accesslogs.Defaults(),
		Cluster:      cluster.Defaults(),
		Firewall:     firewall.Defaults(),
	}
}

// serviceDefaults is a service that sets nothing: the wizard's sample app.
func serviceDefaults() Service {
	return Service{
		ImageTag:           SampleTag,
		Image:              SampleImage,
		ContainerPort:      task.DefaultPort,
		Architecture:       task.X86,
		WaitForSteadyState: true,
		Task:               task.Defaults(),
		Service:            service.Defaults(),
		Route:              route.Defaults(),
		Watch:              alarms.Defaults(),
	}
}

// check finds what is wrong with the values that concern the whole stack.
func (c *Config) check() problem.Problems {
	ps := c.Network.Check()
	ps = append(ps, c.Existing.Check()...)
	ps = append(ps, c.checkNetwork()...)
	ps = append(ps, c.LoadBalancer.Check()...)
	ps = append(ps, c.Domain.Check()...)
	if at := c.Domain.CertificateRegion(); at != "" && c.region != "" && at != c.region {
		ps.Add("certificateArn", c.Domain.CertificateARN, "a certificate of the stack's region, %s: a load balancer takes no other", c.region)
	}
	ps = append(ps, c.Logs.Check()...)
	if !c.AccessLogs && c.Logs.RetentionDays != accesslogs.DefaultRetentionDays {
		ps.Add("accessLogRetentionDays", c.Logs.RetentionDays, "nothing as long as accessLogs is false")
	}
	ps = append(ps, c.Cluster.Check()...)
	return append(ps, c.Firewall.Check()...)
}

// checkNetwork wants an existing network to be left as it is.
func (c *Config) checkNetwork() problem.Problems {
	if !c.Existing.Given() {
		return nil
	}
	const made = "nothing with vpcId: the VPC has its own, and is left as it is"
	var ps problem.Problems
	plain := network.Defaults()
	for _, given := range []struct {
		key   string
		value any
		set   bool
	}{
		{"vpcCidr", c.Network.VpcCIDR, c.Network.VpcCIDR != plain.VpcCIDR},
		{"availabilityZones", c.Network.AvailabilityZones, c.Network.AvailabilityZones != plain.AvailabilityZones},
		{"availabilityZoneNames", c.Network.AvailabilityZoneNames, len(c.Network.AvailabilityZoneNames) > 0},
		{"nat", c.Network.NAT, c.Network.NAT != plain.NAT},
		{"endpoints", c.Network.Endpoints, c.Network.Endpoints},
		{"flowLogRetentionDays", c.Network.FlowLogRetentionDays, c.Network.FlowLogRetentionDays != 0},
	} {
		if given.set {
			ps.Add(given.key, given.value, made)
		}
	}
	return ps
}

// check finds what is wrong with the values of a service.
func (s *Service) check() problem.Problems {
	var ps problem.Problems
	imageref.Repository(&ps, "image", s.Image)
	if s.Build.BuildContext == "" {
		imageref.Tag(&ps, "imageTag", s.ImageTag)
	} else {
		if s.Image != SampleImage {
			ps.Add("buildContext", s.Build.BuildContext, "nothing if image is set: one of the two says what runs")
		}
		if s.ImageTagParameter != "" {
			ps.Add("imageTagParameter", s.ImageTagParameter, "nothing with buildContext: what is built here is pushed as imageTag")
		}
		ps = append(ps, s.Build.Check()...)
	}
	if s.Task.ImageCredentials != "" && (s.Build.BuildContext != "" || task.PullsByRole(s.Image)) {
		ps.Add("imageCredentials", s.Task.ImageCredentials, "nothing with an image in Amazon ECR, which the tasks' execution role may pull")
	}
	if s.RunsSample() && task.RunsAsRoot(s.Task.User) && (s.Task.Drops("SETUID") || s.Task.Drops("SETGID")) {
		ps.Add("dropCapabilities", s.Task.DropCapabilities, "nothing with the sample image as root, which changes its user when it starts: set user to 33")
	}
	ps = append(ps, s.checkAlarms()...)
	ps = append(ps, s.Task.Check()...)
	wrong := s.Service.Check()
	var ways problem.Problems
	if !slices.Contains(s.Service.EgressPorts, service.DefaultEgressPort) {
		ways.Add("egressPorts", s.Service.EgressPorts, "%d among them: tasks pull their image and write their logs there", service.DefaultEgressPort)
	} else if port := imageref.Port(s.Image); port != 0 && !slices.Contains(s.Service.EgressPorts, port) {
		ways.Add("egressPorts", s.Service.EgressPorts, "%d among them: the image's registry listens there", port)
	}
	ps = append(ps, stackconfig.Merge(wrong, ways)...)
	ps = append(ps, s.Route.Check()...)
	ps = append(ps, s.Watch.Check()...)
	return stackconfig.Merge(ps, s.checkTimes(ps))
}

// checkAlarms wants no settings of alarms that are not there.
func (s *Service) checkAlarms() problem.Problems {
	var ps problem.Problems
	if s.Alarms {
		return ps
	}
	const want = "nothing as long as alarms is false"
	if len(s.Watch.Emails) > 0 {
		ps.Add("alarmEmails", s.Watch.Emails, want)
	}
	if s.Watch.Thresholds != alarms.Defaults().Thresholds {
		ps = append(ps, problem.Problem{Path: "alarmThresholds", Given: "thresholds", Want: want})
	}
	return ps
}

// checkTimes wants a deployment to have the time that it takes: it is over when the last
// task of the old revision is gone. Times with a problem of their own are none.
func (s *Service) checkTimes(known problem.Problems) problem.Problems {
	const start = 20 // What new tasks take in any case, in seconds, until they serve.
	least := (s.Service.DrainSeconds + start + 59) / 60
	if given := s.Service.DeploymentTimeoutMinutes; given == 0 || given >= least ||
		slices.ContainsFunc(known, func(p problem.Problem) bool { return p.Path == "deregistrationDelay" || p.Path == "stopTimeout" }) {
		return nil
	}
	var ps problem.Problems
	ps.Add("deploymentTimeoutMinutes", s.Service.DeploymentTimeoutMinutes,
		"at least %d: tasks that leave may take %d seconds, deregistrationDelay and stopTimeout together", least, s.Service.DrainSeconds)
	return ps
}

// RunsSample tells whether the image is the plain web server, which is told to
// write the sample page. Any other image, and another command, runs as it is.
func (s *Service) RunsSample() bool {
	return s.Image == SampleImage && s.Build.BuildContext == "" && len(s.Task.EntryPoint)+len(s.Task.Command) == 0
}

// ImageReference is the image that the config names, with its tag or digest.
func (s *Service) ImageReference() string {
	return imageref.Join(s.Image, s.ImageTag)
}

// derive gives the components what they take from settings of the stack or of
// several components, and from settings that are written the other way round.
func (s *Service) derive(c *Config) {
	s.Build.ImageTag = s.ImageTag
	s.Build.Architecture = s.Architecture
	s.Build.BuildArgs = map[string]string{"VERSION": s.ImageTag, "PORT": strconv.Itoa(s.ContainerPort)}
	s.Build.ForceDelete = !c.DeletionProtection

	s.Task.ContainerPort = s.ContainerPort
	s.Task.Architecture = s.Architecture
	s.Task.WritableRootFilesystem = !s.ReadonlyRootFilesystem
	s.Task.EnableExecuteCommand = s.EnableExecuteCommand
	s.Task.KeepRevisions = !s.WaitForSteadyState

	s.Route.ContainerPort = s.ContainerPort
	// Another capacity provider replaces the service, so its target group comes along.
	s.Route.Replace = []string{string(s.Service.CapacityProvider)}
	s.Route.Protect = c.DeletionProtection

	s.Service.ContainerPort = s.ContainerPort
	s.Service.EnableExecuteCommand = s.EnableExecuteCommand
	s.Service.SkipSteadyState = !s.WaitForSteadyState
	s.Service.Alarms.Enable = s.Alarms
	s.Service.ForceDelete = !c.DeletionProtection
	s.Service.DrainSeconds = *s.Route.DeregistrationDelay + s.Task.StopTimeout

	s.Watch.MayBeIdle = s.Service.MayBeIdle()
}

// endpoints are the services of AWS that its tasks use beside those that every task does.
func (s *Service) endpoints() []string {
	var used []string
	if len(s.Task.SecretValues) > 0 {
		used = append(used, "ssm")
	}
	for _, arn := range s.Task.Secrets {
		if strings.Contains(arn, ":ssm:") {
			used = append(used, "ssm")
		} else {
			used = append(used, "secretsmanager")
		}
	}
	if s.Task.ImageCredentials != "" {
		used = append(used, "secretsmanager")
	}
	if s.EnableExecuteCommand {
		used = append(used, "ssmmessages")
	}
	if len(s.Task.KMSKeys) > 0 {
		used = append(used, "kms")
	}
	return used
}

// checkPull wants the image to be where tasks without a route to the internet can pull it.
func (s *Service) checkPull(c *Config) problem.Problems {
	var ps problem.Problems
	if !c.Network.Endpoints || c.Network.NAT != network.NATNone || s.Build.BuildContext != "" || task.PullsFrom(s.Image, c.region) {
		return ps
	}
	ps.Add("image", s.Image, "an image in Amazon ECR in the stack's region, as long as endpoints is true and nat is none: tasks have no route to any other registry. "+
		"A pull-through cache has it as ACCOUNT.dkr.ecr.%s.amazonaws.com/PREFIX/…, buildContext pushes there, and nat: single makes a route", cmp.Or(c.region, "REGION"))
	return ps
}

// tag gives every component the stack's tags, and what tells in every AWS console
// where a resource comes from.
func (c *Config) tag(all map[string]string) {
	c.Network.Tags, c.LoadBalancer.Tags, c.Domain.Tags, c.Logs.Tags, c.Cluster.Tags, c.Firewall.Tags = all, all, all, all, all, all
	for i := range c.Services {
		s := &c.Services[i]
		s.Build.Tags, s.Task.Tags, s.Route.Tags, s.Service.Tags, s.Watch.Tags = all, all, all, all, all
	}
}
