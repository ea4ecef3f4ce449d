package diff

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// hours are those of a month, as AWS's own calculator counts them.
const hours = 730

// List prices in us-east-1 in USD, of November 2026. Traffic, logs and requests are
// on top, because nobody knows them before.
const (
	// https://aws.amazon.com/elasticloadbalancing/pricing/
	balancerHour        = 0.0225
	gatewayBalancerHour = 0.0125

	// https://aws.amazon.com/vpc/pricing/
	addressHour  = 0.005
	natHour      = 0.045
	endpointHour = 0.01

	// https://aws.amazon.com/fargate/pricing/
	vcpuHour, gigabyteHour       = 0.04048, 0.004445
	armVCPUHour, armGigabyteHour = 0.03238, 0.00356
	diskGigabyteHour             = 0.000111

	// freeDisk is how many gigabytes of a task's disk are free of charge.
	freeDisk = 20

	// spotAtLeast is what is left of Fargate's price with the largest discount.
	spotAtLeast = 0.3

	// https://aws.amazon.com/cloudwatch/pricing/
	alarmMonth, fastAlarmMonth, compositeAlarmMonth = 0.10, 0.30, 0.50
	// fastAlarm is the period in seconds below which an alarm is a high-resolution one.
	fastAlarm = 60

	// https://aws.amazon.com/secrets-manager/pricing/
	secretMonth = 0.40

	// https://aws.amazon.com/systems-manager/pricing/
	advancedParameterMonth = 0.05

	// https://aws.amazon.com/waf/pricing/
	webACLMonth, webACLRuleMonth = 5.00, 1.00

	// https://aws.amazon.com/kms/pricing/
	keyMonth = 1.00
)

// Amount is what something costs a month in USD, from the least to the most. The two
// differ where autoscaling or Spot decides.
type Amount struct {
	Low, High float64
	// Beside is what use costs on top, such as 0.045 a GB.
	Beside string
	// Unknown says why there is no amount.
	Unknown string
}

// exactly is an amount that nothing else decides.
func exactly(usd float64) Amount { return Amount{Low: usd, High: usd} }

// times is the amount for a number of things, from the least to the most.
func (a Amount) times(low, high float64) Amount {
	a.Low, a.High = a.Low*low, a.High*high
	return a
}

// plus is the sum of what is known of both.
func (a Amount) plus(b Amount) Amount {
	return Amount{Low: a.Low + b.Low, High: a.High + b.High}
}

// String is the amount in USD, with cents.
func (a Amount) String() string {
	known := usd(a.Low)
	if usd(a.Low) != usd(a.High) {
		known += " to " + usd(a.High)
	}
	switch {
	case a.Unknown != "":
		return "unknown: " + a.Unknown
	case a.Beside == "":
		return known
	case a.High == 0:
		return a.Beside
	default:
		return known + ", and " + a.Beside
	}
}

func usd(amount float64) string {
	return strconv.FormatFloat(math.Round(amount*100)/100, 'f', 2, 64)
}

// Cost is what the costs of one thing become.
type Cost struct {
	// What it is, and Name, the resource that it comes with.
	What, Name string
	// Before and After are nil where there is none.
	Before, After *Amount
}

// Costs is what the stack costs.
type Costs struct {
	// Before and After are the sums of what is known.
	Before, After Amount
	// Changes are the things whose costs change.
	Changes []Cost
	// Unknown are the types of resources that come, go or change and that have no
	// price in kinds.
	Unknown []string
}

// Costs compares the costs before and after.
func (p *Preview) Costs() Costs {
	before := &stack{resources: p.Before}
	after := &stack{resources: p.After, before: before}
	a, b := before.bill(), after.bill()
	var c Costs
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, key := range slices.SortedFunc(maps.Keys(all), func(x, y item) int {
		return cmp.Or(cmp.Compare(x.what, y.what), cmp.Compare(x.urn, y.urn))
	}) {
		change := Cost{What: key.what, Name: Resource{URN: key.urn}.Name()}
		if amount, ok := a[key]; ok {
			c.Before = c.Before.plus(amount)
			change.Before = &amount
		}
		if amount, ok := b[key]; ok {
			c.After = c.After.plus(amount)
			change.After = &amount
		}
		if change.Before == nil || change.After == nil || change.Before.String() != change.After.String() {
			c.Changes = append(c.Changes, change)
		}
	}
	for _, change := range p.Changes {
		if kinds[change.Type].price == nil && !change.component() && !strings.HasPrefix(change.Type, "pulumi:") {
			c.Unknown = append(c.Unknown, change.Type)
		}
	}
	slices.Sort(c.Unknown)
	c.Unknown = slices.Compact(c.Unknown)
	return c
}

// item is one line of a bill.
type item struct{ what, urn string }

// bill is what there is to pay for.
type bill map[item]Amount

// stack is all resources at one time.
type stack struct {
	resources []Resource
	before    *stack // nil for the time before
}

func (s *stack) bill() bill {
	b := bill{}
	for _, r := range s.resources {
		if price := kinds[r.Type].price; price != nil {
			price(s, r, func(what string, amount Amount) { b[item{what, r.URN}] = amount })
		}
	}
	return b
}

// add puts a line on the bill of a resource.
type add func(what string, amount Amount)

// free is the price of what costs nothing by itself.
func free(*stack, Resource, add) {}

func fixed(what string, month float64, beside string) func(*stack, Resource, add) {
	return func(_ *stack, _ Resource, add add) {
		add(what, Amount{Low: month, High: month, Beside: beside})
	}
}

// balancerPrice is that of a load balancer, with a public address in each zone.
func balancerPrice(s *stack, r Resource, add add) {
	hour := balancerHour
	if r.Inputs["loadBalancerType"] == "gateway" {
		hour = gatewayBalancerHour
	}
	add("load balancer", exactly(hour*hours))
	if internal, _ := r.Inputs["internal"].(bool); internal {
		return
	}
	address := exactly(addressHour * hours)
	// It needs two zones at the least. Where its subnets are not known yet, there can
	// be no more than the stack has.
	const leastZones = 2
	all := len(ofType(s.resources, "aws:ec2/subnet:Subnet"))
	subnets, known := r.Inputs["subnets"].([]any)
	switch {
	case known:
		add("public IPv4 addresses", address.times(float64(len(subnets)), float64(len(subnets))))
	case all >= leastZones:
		add("public IPv4 addresses", address.times(leastZones, float64(all)))
	default:
		add("public IPv4 addresses", Amount{Unknown: "3.65 for each of its zones"})
	}
}

// servicePrice is that of a service's tasks and of their public addresses.
func servicePrice(s *stack, r Resource, add add) {
	low, high, known := s.tasks(r)
	if !known {
		add("tasks", Amount{Unknown: "the number of tasks is not known yet"})
		return
	}
	add("tasks", s.taskPrice(r).times(low, high))
	network, _ := r.Inputs["networkConfiguration"].(map[string]any)
	if public, _ := network["assignPublicIp"].(bool); public {
		add("public IPv4 addresses", exactly(addressHour*hours).times(low, high))
	}
}

// tasks is how many tasks a service has, a range where it is scaled.
func (s *stack) tasks(service Resource) (low, high float64, known bool) {
	for _, r := range s.resources {
		if r.Type == "aws:appautoscaling/target:Target" && r.Parent == service.Parent && r.Inputs["scalableDimension"] == "ecs:service:DesiredCount" {
			low, a := r.Inputs["minCapacity"].(float64)
			high, b := r.Inputs["maxCapacity"].(float64)
			return low, high, a && b
		}
	}
	count, known := service.Inputs["desiredCount"].(float64)
	return count, count, known
}

// taskPrice is that of one task of a service.
func (s *stack) taskPrice(service Resource) Amount {
	spot, onDemand := fargate(service)
	if !spot && !onDemand {
		return Amount{Unknown: "it does not run on Fargate alone"}
	}
	definition, ok := s.definition(service)
	if !ok {
		return Amount{Unknown: "its task definition is not known yet"}
	}
	cpu, a := number(definition.Inputs["cpu"])
	memory, b := number(definition.Inputs["memory"])
	platform, _ := definition.Inputs["runtimePlatform"].(map[string]any)
	family, _ := platform["operatingSystemFamily"].(string)
	if !a || !b || family != "" && family != "LINUX" {
		return Amount{Unknown: "a size or an operating system without a price here"}
	}
	perCPU, perGigabyte := vcpuHour, gigabyteHour
	if platform["cpuArchitecture"] == "ARM64" {
		perCPU, perGigabyte = armVCPUHour, armGigabyteHour
	}
	const unitsPerVCPU, mebibytesPerGigabyte = 1024, 1024
	hour := cpu/unitsPerVCPU*perCPU + memory/mebibytesPerGigabyte*perGigabyte
	if disk, ok := definition.Inputs["ephemeralStorage"].(map[string]any); ok {
		size, _ := number(disk["sizeInGib"])
		hour += max(0, size-freeDisk) * diskGigabyteHour
	}
	price := exactly(hour * hours)
	if spot {
		price.Low *= spotAtLeast
	}
	return price
}

// fargate tells whether a service's tasks may run on Fargate Spot and on Fargate.
// Neither is true where some of them may run elsewhere.
func fargate(service Resource) (spot, onDemand bool) {
	if service.Inputs["launchType"] == "FARGATE" {
		return false, true
	}
	strategies, _ := service.Inputs["capacityProviderStrategies"].([]any)
	for _, strategy := range strategies {
		object, _ := strategy.(map[string]any)
		switch object["capacityProvider"] {
		case "FARGATE":
			onDemand = true
		case "FARGATE_SPOT":
			spot = true
		default:
			return false, false
		}
	}
	return spot, onDemand
}

// definition is the task definition of a service: by its family, which stays where
// the revision is not known yet, or else the only one there is.
func (s *stack) definition(service Resource) (Resource, bool) {
	definitions := ofType(s.resources, "aws:ecs/taskDefinition:TaskDefinition")
	if len(definitions) == 1 {
		return definitions[0], true
	}
	family := familyOf(service)
	if family == "" && s.before != nil {
		for _, earlier := range s.before.resources {
			if earlier.URN == service.URN {
				family = familyOf(earlier)
			}
		}
	}
	for _, d := range definitions {
		if family != "" && d.Inputs["family"] == family {
			return d, true
		}
	}
	return Resource{}, false
}

// familyOf is the family in the ARN of a service's task definition, empty where the
// ARN is not known yet.
func familyOf(service Resource) string {
	arn, _ := service.Inputs["taskDefinition"].(string)
	_, revision, _ := strings.Cut(arn, ":task-definition/")
	family, _, _ := strings.Cut(revision, ":")
	return family
}

func ofType(resources []Resource, token string) []Resource {
	return slices.DeleteFunc(slices.Clone(resources), func(r Resource) bool { return r.Type != token })
}

// clusterPrice is that of Container Insights; a cluster itself is free.
func clusterPrice(_ *stack, r Resource, add add) {
	settings, _ := r.Inputs["settings"].([]any)
	for _, setting := range settings {
		object, _ := setting.(map[string]any)
		if object["name"] != "containerInsights" {
			continue
		}
		switch object["value"] {
		case "disabled":
		case "enabled":
			add("Container Insights", Amount{Beside: "0.30 a metric"})
		default:
			add("Container Insights", Amount{Unknown: "billed by what it observes"})
		}
	}
}

// endpointPrice is that of a VPC endpoint in each zone; gateway endpoints are free.
func endpointPrice(_ *stack, r Resource, add add) {
	kind, given := r.Inputs["vpcEndpointType"].(string)
	if !given || kind == "Gateway" {
		return
	}
	zones := 1.0
	if subnets, ok := r.Inputs["subnetIds"].([]any); ok {
		zones = float64(len(subnets))
	}
	amount := exactly(endpointHour*hours).times(zones, zones)
	amount.Beside = "0.01 a GB"
	add("VPC endpoint", amount)
}

// alarmPrice is that of an alarm, by the metrics that it watches.
func alarmPrice(_ *stack, r Resource, add add) {
	metrics := 0.0
	queries, _ := r.Inputs["metricQueries"].([]any)
	for _, query := range queries {
		object, _ := query.(map[string]any)
		if object["metric"] != nil {
			metrics++
		}
	}
	price := alarmMonth
	if period, ok := number(r.Inputs["period"]); ok && period < fastAlarm {
		price = fastAlarmMonth
	}
	add("alarm", exactly(price*max(1, metrics)))
}

// scalingPolicyPrice is that of the two alarms that target tracking makes for itself, one
// to scale out and one to scale in
// (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
func scalingPolicyPrice(_ *stack, r Resource, add add) {
	if r.Inputs["policyType"] == "TargetTrackingScaling" {
		add("target tracking's alarms", exactly(2*alarmMonth))
	}
}

// parameterPrice is that of a parameter in the Parameter Store: only the advanced
// tier is billed. Intelligent tiering chooses by the value, which is not seen here.
func parameterPrice(_ *stack, r Resource, add add) {
	switch r.Inputs["tier"] {
	case "Advanced":
		add("advanced parameter", exactly(advancedParameterMonth))
	case "Intelligent-Tiering":
		add("parameter", Amount{High: advancedParameterMonth})
	}
}

// webACLPrice is that of a web ACL, by its rules; a group of rules counts as one.
func webACLPrice(_ *stack, r Resource, add add) {
	rules, _ := r.Inputs["rules"].([]any)
	amount := exactly(webACLMonth + webACLRuleMonth*float64(len(rules)))
	amount.Beside = "0.60 a million requests"
	add("web ACL", amount)
}

// number reads a number, also one in a string, as a task definition has it.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	default:
		return 0, false
	}
}
