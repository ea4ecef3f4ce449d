package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/problem"
)

// load is the config that a stack's values make, and what is wrong with it.
func load(t *testing.T, pairs ...string) (*Config, problem.Problems) {
	t.Helper()
	var cfg *Config
	_, err := infratest.Run(t, func(ctx *pulumi.Context) (err error) {
		cfg, err = Load(ctx)
		return err
	}, infratest.Options{Config: infratest.Config(pairs...)})
	var problems problem.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	return cfg, problems
}

func TestWithoutServicesTheTopLevelIsTheOneService(t *testing.T) {
	t.Parallel()
	cfg, problems := load(t, "cpu", "512", "memory", "1024", "environment", `{"A":"a"}`)
	if len(problems) > 0 || len(cfg.Services) != 1 {
		t.Fatalf("there are %d services, and %v", len(cfg.Services), problems)
	}
	s := cfg.Services[0]
	if s.Name != ServiceName || s.Task.CPU != 512 || s.Task.Memory != 1024 || !maps.Equal(s.Task.Environment, map[string]string{"A": "a"}) {
		t.Errorf("the service is not what the top level says: %+v", s.Task)
	}
}

func TestAServiceStartsFromTheTopLevelAndOverridesIt(t *testing.T) {
	t.Parallel()
	top := []string{
		"cpu", "512", "memory", "1024", "desiredCount", "2", "alarms", "true", "egressPorts", "[443,5432]",
		"environment", `{"A":"top","B":"top"}`, "autoscaling", `{"maxCapacity":4,"cpuTarget":50}`, "alarmThresholds", `{"cpu":50}`,
	}
	for override, want := range map[string]func(*Service){
		`{}`:                                    func(*Service) {},
		`{"cpu":1024,"memory":2048}`:            func(s *Service) { s.Task.CPU, s.Task.Memory = 1024, 2048 },
		`{"imageTag":2}`:                        func(s *Service) { s.ImageTag = "2" },
		`{"desiredCount":0}`:                    func(s *Service) { s.Service.DesiredCount = new(0) },
		`{"alarms":false,"alarmThresholds":{}}`: func(s *Service) { s.Alarms = false },
		`{"environment":{"B":"own","C":3}}`:     func(s *Service) { s.Task.Environment = map[string]string{"A": "top", "B": "own", "C": "3"} },
		`{"environment":{"B":null}}`:            func(s *Service) { s.Task.Environment = map[string]string{"A": "top"} },
		`{"environment":null}`:                  func(s *Service) { s.Task.Environment = nil },
		`{"egressPorts":[443,8443]}`:            func(s *Service) { s.Service.EgressPorts = []int{443, 8443} },
		`{"autoscaling":{"maxCapacity":9}}`:     func(s *Service) { s.Service.Autoscaling.MaxCapacity = 9 },
		`{"autoscaling":{"cpuTarget":null,"memoryTarget":60}}`: func(s *Service) {
			s.Service.Autoscaling.CPUTarget, s.Service.Autoscaling.MemoryTarget = 0, 60
		},
		`{"autoscaling":null}`:              func(s *Service) { s.Service.Autoscaling = nil },
		`{"alarmThresholds":{"memory":70}}`: func(s *Service) { s.Watch.Thresholds.Memory = 70 },
		`{"cpu":null,"memory":null}`:        func(s *Service) { s.Task.CPU, s.Task.Memory = 256, 512 },
	} {
		bare, _ := load(t, top...)
		expected := bare.Services[0]
		expected.Name = "web"
		want(&expected)
		expected.derive(bare)
		cfg, problems := load(t, append(top, "services", `{"web":`+override+`}`)...)
		if override == `{"alarms":false,"alarmThresholds":{}}` {
			// The thresholds of the top level are no use then, which is said.
			if len(problems) != 1 || problems[0].Path != infratest.Project+":services.web.alarmThresholds" {
				t.Errorf("thresholds without alarms go unnoticed: %v", problems)
			}
			continue
		}
		if len(problems) > 0 || !reflect.DeepEqual(cfg.Services[0], expected) {
			t.Errorf("with %s the service is\n%+v\nand not\n%+v\n%v", override, cfg.Services[0], expected, problems)
		}
	}
}

func TestServicesDoNotShareWhatTheyStartFrom(t *testing.T) {
	t.Parallel()
	cfg, problems := load(t, "environment", `{"A":"top"}`, "autoscaling", `{"maxCapacity":4,"minCapacity":1}`,
		"services", `{"web":{"environment":{"A":"web"},"autoscaling":{"minCapacity":2}},"api":{}}`)
	// Several services are decoded, and refused only because the program makes one.
	if len(problems) != 1 || problems[0].Path != infratest.Project+":services" || !strings.Contains(problems[0].Given, "api and web") {
		t.Errorf("two services are not refused, once, by their names: %v", problems)
	}
	if len(cfg.Services) != 2 || cfg.Services[0].Name != "api" || cfg.Services[1].Name != "web" {
		t.Fatalf("the services are %+v", cfg.Services)
	}
	api, web := cfg.Services[0], cfg.Services[1]
	if api.Task.Environment["A"] != "top" || *api.Service.Autoscaling.MinCapacity != 1 ||
		web.Task.Environment["A"] != "web" || *web.Service.Autoscaling.MinCapacity != 2 {
		t.Errorf("one service's settings are another's: %+v, %+v", api.Service.Autoscaling, web.Service.Autoscaling)
	}
}

func TestAProblemIsNamedWhereItIsMended(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config []string
		want   []string
	}{
		{[]string{"cpu", "300", "services", `{"web":{"desiredCount":2}}`}, []string{"cpu"}},
		{[]string{"cpu", "300", "services", `{"web":{"cpu":256}}`}, nil},
		{[]string{"cpu", "256", "services", `{"web":{"cpu":300}}`}, []string{"services.web.cpu"}},
		{[]string{"cpu", "256", "services", `{"web":{"cpu":"256"}}`}, []string{"services.web.cpu"}},
		{[]string{"services", `{"web":{"cpu":1024}}`}, []string{"services.web.memory"}},
		{[]string{"desiredCount", "many", "services", `{"web":{"memory":5}}`}, []string{"desiredCount", "services.web.memory"}},
		{[]string{"desiredCount", "many", "services", `{"web":{"desiredCount":2}}`}, nil},
		{[]string{"services", `{"web":{"environment":{"A":1.5,"B":[]}}}`}, []string{"services.web.environment.A", "services.web.environment.B"}},
		{[]string{"services", `{"web":{"imageTag":""}}`}, []string{"services.web.imageTag"}},
		{[]string{"services", `{"web":{"memory":0}}`}, []string{"services.web.memory"}},
		{[]string{"services", `{"web":{"services":{}}}`}, []string{"services.web.services"}},
		{[]string{"services", `{"web":{"secretValues":{"A":"x"},"foo":null,"cpu":null}}`}, []string{"services.web.foo", "services.web.secretValues"}},
	} {
		_, problems := load(t, test.config...)
		var got []string
		for _, p := range problems {
			got = append(got, strings.TrimPrefix(p.Path, infratest.Project+":"))
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("of %q, problems are reported at %v, not at %v", test.config, got, test.want)
		}
	}
}

func TestNoKeyIsASettingTwice(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Settings() {
		if seen[s.Key] {
			t.Errorf("%s is a setting twice, so one of the two never gets a value", s.Key)
		}
		seen[s.Key] = true
	}
	const some, most = 30, 70
	if len(seen) < some || len(seen) > most {
		t.Errorf("there are %d settings: fewer than %d means that the test sees too few, more than %d that nobody reads them", len(seen), some, most)
	}
}

// TestEveryFieldSaysWhetherItIsASetting holds the rule that a field without a tag is
// an oversight: the decoder would pass over it without a word.
func TestEveryFieldSaysWhetherItIsASetting(t *testing.T) {
	t.Parallel()
	visited := 0
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		for i := range of.NumField() {
			field := of.Field(i)
			visited++
			tag, ok := field.Tag.Lookup("mapstructure")
			if !ok && field.IsExported() {
				t.Errorf("%s.%s has no tag: give it a key, or - if it is no setting", of, field.Name)
			}
			if inner := field.Type; tag != "-" && inner.Kind() == reflect.Struct {
				visit(inner)
			}
		}
	}
	visit(reflect.TypeFor[Config]())
	visit(reflect.TypeFor[Service]())
	const some = 60
	if visited < some {
		t.Errorf("only %d fields were looked at", visited)
	}
}
