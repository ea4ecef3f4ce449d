package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/awsconfig"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/stackconfig"
	"ecs-sample-app/internal/tags"
	"ecs-sample-app/problem"
)

var (
	stackSettings   = stackconfig.Settings(reflect.TypeFor[Config]())
	serviceSettings = stackconfig.Settings(reflect.TypeFor[Service]())
)

// Settings are all that a stack's file may set: those of the stack, and those that a
// service starts from.
func Settings() []stackconfig.Setting { return slices.Concat(serviceSettings, stackSettings) }

// Load reads the stack's config and reports everything that is wrong with it at
// once, each by its key, before anything is registered.
func Load(ctx *pulumi.Context) (*Config, error) {
	tree, problems, err := stackconfig.Read(ctx, Settings())
	if err != nil {
		return nil, err
	}
	cfg, wrong := stackconfig.Decode(only(tree, stackSettings), defaults)
	cfg.LoadBalancer.DeletionProtection, cfg.Network.Protect, cfg.Logs.Protect = cfg.DeletionProtection, cfg.DeletionProtection, cfg.DeletionProtection
	cfg.LoadBalancer.HTTPS = cfg.Domain.Given()
	cfg.region, _ = ctx.GetConfig("aws:region")
	added, unreadable := awsconfig.DefaultTags(ctx)
	problems = slices.Concat(problems, wrong, awsconfig.Check(ctx), unreadable)
	problems = stackconfig.Merge(problems, tags.Check("tags", cfg.Tags, added...))
	problems = stackconfig.Merge(problems, cfg.check())
	problems = stackconfig.Merge(problems, stackconfig.Emptied(only(tree, stackSettings), defaults()))
	problems = stackconfig.Merge(problems, cfg.services(only(tree, serviceSettings)))
	for i := range cfg.Services {
		cfg.Network.EndpointServices = append(cfg.Network.EndpointServices, cfg.Services[i].endpoints()...)
	}
	cfg.tag(tags.OfStack(ctx, cfg.Tags))
	return &cfg, stackconfig.Report(ctx, problems)
}

// only are the values of these settings.
func only(tree stackconfig.Tree, settings []stackconfig.Setting) stackconfig.Tree {
	some := stackconfig.Tree{}
	for _, s := range settings {
		if value, ok := tree[s.Key]; ok {
			some[s.Key] = value
		}
	}
	return some
}

// services makes each service of what the top level sets and what is set for it
// alone.
func (c *Config) services(top stackconfig.Tree) problem.Problems {
	first, atTop := c.service(ServiceName, top)
	if len(c.Overrides) == 0 {
		c.Services = []Service{first}
		return atTop
	}
	var problems problem.Problems
	if len(c.Overrides) > 1 {
		problems = append(problems, problem.Problem{
			Path: "services", Given: strings.Join(slices.Sorted(maps.Keys(c.Overrides)), " and "),
			Want: "one service; a stack of several is still to come",
		})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Overrides)) {
		path := "services." + name
		var named problem.Problems
		check.Name(&named, name)
		for _, p := range named {
			p.Path = path
			problems = append(problems, p)
		}
		own, misplaced := ofService(path, c.Overrides[name])
		problems = append(problems, misplaced...)
		service, found := c.service(name, merge(top, own))
		c.Services = append(c.Services, service)
		for _, p := range found {
			// What is wrong without the service's own settings too is mended above them.
			if !slices.Contains(atTop, p) {
				p.Path = path + "." + p.Path
			}
			problems = append(problems, p)
		}
	}
	return problems
}

// ofService are the settings of a service without those that are none of it, each with
// a problem.
func ofService(path string, override map[string]any) (own map[string]any, problems problem.Problems) {
	own = maps.Clone(override)
	for _, key := range slices.Sorted(maps.Keys(override)) {
		var want string
		switch {
		case has(stackSettings, key):
			want = "no setting of the whole stack here: set it at the top level"
		case secret(key):
			want = "no secret here, where Pulumi does not tell a program that it is one: set it at the top level, for every service"
		case has(serviceSettings, key) || override[key] != (stackconfig.Null{}):
			continue
		default:
			want = "a setting of a service; null takes away one that the top level sets"
		}
		problems = append(problems, problem.Problem{Path: path + "." + key, Given: "a value", Want: want})
		delete(own, key)
	}
	return own, problems
}

func has(settings []stackconfig.Setting, key string) bool {
	return slices.ContainsFunc(settings, func(s stackconfig.Setting) bool { return s.Key == key })
}

func secret(key string) bool {
	return slices.ContainsFunc(serviceSettings, func(s stackconfig.Setting) bool { return s.Key == key && s.Secret() })
}

// service is the service that a tree describes.
func (c *Config) service(name string, tree stackconfig.Tree) (Service, problem.Problems) {
	s, problems := stackconfig.Decode(tree, serviceDefaults)
	s.Name = name
	s.derive(c)
	problems = stackconfig.Merge(problems, s.check())
	problems = stackconfig.Merge(problems, s.checkPull(c))
	return s, stackconfig.Merge(problems, stackconfig.Emptied(tree, serviceDefaults()))
}

// merge lays a tree over another: objects are merged by key, null takes a value away,
// and everything else is replaced.
func merge(under, over map[string]any) map[string]any {
	merged := maps.Clone(under)
	for key, value := range over {
		if value == (stackconfig.Null{}) {
			delete(merged, key)
			continue
		}
		upper, isObject := value.(map[string]any)
		if lower, ok := merged[key].(map[string]any); ok && isObject {
			value = merge(lower, upper)
		}
		merged[key] = value
	}
	return merged
}
