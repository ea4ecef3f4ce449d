package diff

import (
	"encoding/json"
	"strings"
	"testing"
)

// stackOf builds the resources of a stack from JSON, an object of inputs by type and
// name: "ecs/service:Service shop".
func stackOf(t *testing.T, text string) []Resource {
	t.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	var resources []Resource
	for key, inputs := range all {
		token, name, _ := strings.Cut(key, " ")
		resources = append(resources, Resource{
			URN: "urn:pulumi:dev::p::aws:" + token + "::" + name, Type: "aws:" + token,
			Parent: "component " + name, Inputs: inputs, custom: true,
		})
	}
	return resources
}

const (
	small   = `"ecs/taskDefinition:TaskDefinition shop": {"family": "shop", "cpu": "256", "memory": "512"}`
	arm     = `"ecs/taskDefinition:TaskDefinition shop": {"family": "shop", "cpu": "256", "memory": "512", "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}}`
	disk    = `"ecs/taskDefinition:TaskDefinition shop": {"family": "shop", "cpu": "256", "memory": "512", "ephemeralStorage": {"sizeInGib": 100}}`
	windows = `"ecs/taskDefinition:TaskDefinition shop": {"family": "shop", "cpu": "1024", "memory": "2048", "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}`
	other   = `"ecs/taskDefinition:TaskDefinition other": {"family": "other", "cpu": "1024", "memory": "2048"}`

	onDemand = `"capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}]`
	onSpot   = `"capacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]`
	onEC2    = `"capacityProviderStrategies": [{"capacityProvider": "machines"}]`
	later    = `"taskDefinition": "` + unknown + `"`
)

func TestCostsAreThoseOfThePriceList(t *testing.T) {
	for _, tt := range []struct {
		name, stack string
		what, want  string
	}{
		{"a load balancer", `{"lb/loadBalancer:LoadBalancer lb": {"subnets": ["a", "b"]}}`, "load balancer", "16.43"},
		{"its addresses", `{"lb/loadBalancer:LoadBalancer lb": {"subnets": ["a", "b", "` + unknown + `"]}}`, "public IPv4 addresses", "10.95"},
		{"an internal one", `{"lb/loadBalancer:LoadBalancer lb": {"subnets": ["a", "b"], "internal": true}}`, "public IPv4 addresses", ""},
		{"subnets known later", `{"lb/loadBalancer:LoadBalancer lb": {"subnets": "` + unknown + `"},
			"ec2/subnet:Subnet a": {}, "ec2/subnet:Subnet b": {}, "ec2/subnet:Subnet c": {}}`, "public IPv4 addresses", "7.30 to 10.95"},
		{"subnets of nobody", `{"lb/loadBalancer:LoadBalancer lb": {"subnets": "` + unknown + `"}}`, "public IPv4 addresses", "unknown: 3.65 for each of its zones"},

		{"a task", `{` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`, "tasks", "9.01"},
		{"on ARM64", `{` + arm + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`, "tasks", "7.21"},
		{"by launch type", `{` + small + `, "ecs/service:Service s": {"desiredCount": 2, "launchType": "FARGATE"}}`, "tasks", "18.02"},
		{"on Spot", `{` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onSpot + `}}`, "tasks", "2.70 to 9.01"},
		{"with a disk", `{` + disk + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`, "tasks", "15.49"},
		{"no tasks", `{` + small + `, "ecs/service:Service s": {"desiredCount": 0, ` + onDemand + `}}`, "tasks", "0.00"},
		{"on Windows", `{` + windows + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`, "tasks", "unknown: a size or an operating system without a price here"},
		{"on machines", `{` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onEC2 + `}}`, "tasks", "unknown: it does not run on Fargate alone"},
		{"of two definitions the one by name", `{` + small + `, ` + other + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `,
			"taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:7"}}`, "tasks", "9.01"},
		{"of two definitions none", `{` + small + `, ` + other + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `, ` + later + `}}`, "tasks", "unknown: its task definition is not known yet"},
		{"scaled", `{` + small + `, "ecs/service:Service s": {"desiredCount": 2, "networkConfiguration": {"assignPublicIp": true}, ` + onDemand + `},
			"appautoscaling/target:Target s": {"scalableDimension": "ecs:service:DesiredCount", "minCapacity": 1, "maxCapacity": 4}}`, "tasks", "9.01 to 36.04"},
		{"addresses of scaled tasks", `{` + small + `, "ecs/service:Service s": {"desiredCount": 2, "networkConfiguration": {"assignPublicIp": true}, ` + onDemand + `},
			"appautoscaling/target:Target s": {"scalableDimension": "ecs:service:DesiredCount", "minCapacity": 1, "maxCapacity": 4}}`, "public IPv4 addresses", "3.65 to 14.60"},
		{"another's scaling", `{` + small + `, "ecs/service:Service s": {"desiredCount": 2, ` + onDemand + `},
			"appautoscaling/target:Target other": {"scalableDimension": "ecs:service:DesiredCount", "minCapacity": 1, "maxCapacity": 4}}`, "tasks", "18.02"},
		{"a count known later", `{` + small + `, "ecs/service:Service s": {"desiredCount": "` + unknown + `", ` + onDemand + `}}`, "tasks", "unknown: the number of tasks is not known yet"},

		{"a NAT gateway", `{"ec2/natGateway:NatGateway n": {}}`, "NAT gateway", "32.85, and 0.045 a GB"},
		{"its address", `{"ec2/eip:Eip e": {}}`, "public IPv4 address", "3.65"},
		{"a free endpoint", `{"ec2/vpcEndpoint:VpcEndpoint e": {"vpcEndpointType": "Gateway"}}`, "VPC endpoint", ""},
		{"an endpoint in two zones", `{"ec2/vpcEndpoint:VpcEndpoint e": {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}}`, "VPC endpoint", "14.60, and 0.01 a GB"},
		{"an alarm", `{"cloudwatch/metricAlarm:MetricAlarm a": {"period": 60}}`, "alarm", "0.10"},
		{"a fast alarm", `{"cloudwatch/metricAlarm:MetricAlarm a": {"period": 10}}`, "alarm", "0.30"},
		{"an alarm on two metrics", `{"cloudwatch/metricAlarm:MetricAlarm a": {"metricQueries": [{"metric": {}}, {"metric": {}}, {"expression": "a/b"}]}}`, "alarm", "0.20"},
		{"insights", `{"ecs/cluster:Cluster c": {"settings": [{"name": "containerInsights", "value": "enabled"}]}}`, "Container Insights", "0.30 a metric"},
		{"enhanced insights", `{"ecs/cluster:Cluster c": {"settings": [{"name": "containerInsights", "value": "enhanced"}]}}`, "Container Insights", "unknown: billed by what it observes"},
		{"no insights", `{"ecs/cluster:Cluster c": {"settings": [{"name": "containerInsights", "value": "disabled"}]}}`, "Container Insights", ""},
		{"a parameter", `{"ssm/parameter:Parameter p": {"tier": "Standard"}}`, "parameter", ""},
		{"an advanced parameter", `{"ssm/parameter:Parameter p": {"tier": "Advanced"}}`, "advanced parameter", "0.05"},
		{"a parameter that AWS puts into a tier", `{"ssm/parameter:Parameter p": {"tier": "Intelligent-Tiering"}}`, "parameter", "0.00 to 0.05"},
		{"a log group", `{"cloudwatch/logGroup:LogGroup l": {}}`, "logs", "0.50 a GB written"},
	} {
		costs := (&Preview{After: stackOf(t, tt.stack)}).Costs()
		got := ""
		for _, change := range costs.Changes {
			if change.What == tt.what {
				got = change.After.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s: the bill says %q, the price list %q", tt.name, got, tt.want)
		}
	}
}

func TestTheDirectionOfTheCostsIsHonest(t *testing.T) {
	const (
		fleet = `{` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`
		spot  = `{` + small + `, "ecs/service:Service s": {"desiredCount": 2, ` + onSpot + `}}`
		more  = `{` + small + `, "ecs/service:Service s": {"desiredCount": 3, ` + onDemand + `}}`
		guess = `{` + small + `, "ecs/service:Service s": {"desiredCount": 3, ` + onEC2 + `}}`
		logs  = `{` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}, "cloudwatch/logGroup:LogGroup l": {}}`
	)
	for _, tt := range []struct{ name, before, after, want string }{
		{"as before", fleet, fleet, "no change, 9.01 USD a month"},
		{"more", fleet, more, "up by 18.02, 9.01 → 27.03 USD a month"},
		{"less", more, fleet, "down by 18.02, 27.03 → 9.01 USD a month"},
		{"perhaps less", fleet, spot, "between 3.60 less and 9.01 more, 9.01 → 5.41 to 18.02 USD a month"},
		{"unknown after", fleet, guess, "not all of it is known, without that 9.01 → 0.00 USD a month"},
		{"unknown before", guess, fleet, "not all of it is known, without that 0.00 → 9.01 USD a month"},
		{"only use", fleet, logs, "use is billed in another way, beside 9.01 USD a month"},
		{"all of it new", `{}`, fleet, "up by 9.01, 0.00 → 9.01 USD a month"},
	} {
		costs := (&Preview{Before: stackOf(t, tt.before), After: stackOf(t, tt.after)}).Costs()
		if got := costs.direction(); got != tt.want {
			t.Errorf("%s: the reviewer reads %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWhatHasNoPriceHereIsSaidToBeUnknown(t *testing.T) {
	p := &Preview{Changes: []Change{
		{Resource: Resource{Type: "aws:neptune/cluster:Cluster", custom: true}, Op: Create},
		{Resource: Resource{Type: "aws:neptune/cluster:Cluster", custom: true}, Op: Create},
		{Resource: Resource{Type: "aws:ec2/vpc:Vpc", custom: true}, Op: Create},
		{Resource: Resource{Type: "ecs-sample-app:network:Network"}, Op: Create},
		{Resource: Resource{Type: "pulumi:providers:aws", custom: true}, Op: Update},
	}}
	costs := p.Costs()
	if len(costs.Unknown) != 1 || costs.Unknown[0] != "aws:neptune/cluster:Cluster" {
		t.Errorf("unknown are %v", costs.Unknown)
	}
	text := (&Report{Preview: p}).Markdown()
	if !strings.Contains(text, "What `aws:neptune:Cluster` costs is unknown.") || strings.Contains(text, "no change, 0.00") {
		t.Errorf("a database passes for free:\n%s", text)
	}
}
