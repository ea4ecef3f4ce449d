package alarms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/route"
	"ecs-sample-app/internal/infratest"
)

// watching are arguments with what is required.
func watching(change func(*Args)) Args {
	args := Args{
		ClusterName:           pulumi.String("fleet-1234567"),
		ServiceName:           pulumi.String("web-service-1234567"),
		LoadBalancerARNSuffix: pulumi.String("app/web/50dc6c495c0c9188"),
		TargetGroupARNSuffix:  pulumi.String("targetgroup/web/73e2d6bc24d8a067"),
	}
	if change != nil {
		change(&args)
	}
	return args
}

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		alarms, err := New(ctx, "web", args)
		if err == nil {
			ctx.Export("topicArn", alarms.TopicARN)
			ctx.Export("alarmNames", alarms.AlarmNames)
		}
		return err
	}
}

// beside makes alarms as a program does: of a service that names them.
func beside(ctx *pulumi.Context) error {
	fleet, err := cluster.New(ctx, "fleet", cluster.Args{})
	if err != nil {
		return err
	}
	balancer, err := loadbalancer.New(ctx, "web", loadbalancer.Args{
		VpcID:        pulumi.String("vpc-1"),
		SubnetIDs:    pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}),
		AllowedCIDRs: []string{"0.0.0.0/0"},
	})
	if err != nil {
		return err
	}
	way, err := route.New(ctx, "web", route.Args{
		VpcID: pulumi.String("vpc-1"), ListenerARN: balancer.ListenerARN, LoadBalancerARNSuffix: balancer.ARNSuffix,
	})
	if err != nil {
		return err
	}
	names := Names("web", fleet.Name)
	service, err := ecs.NewService(ctx, "web-service", &ecs.ServiceArgs{
		Cluster: fleet.ARN,
		Alarms: &ecs.ServiceAlarmsArgs{
			AlarmNames: names, Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true),
		},
	})
	if err != nil {
		return err
	}
	serving, err := way.Send(service.Name)
	if err != nil {
		return err
	}
	alarms, err := New(ctx, "web", Args{
		ClusterName:           fleet.Name,
		ServiceName:           service.Name,
		LoadBalancerARNSuffix: balancer.ARNSuffix,
		TargetGroupARNSuffix:  serving.TargetGroupARNSuffix,
		Emails:                []string{"ops@example.com"},
	})
	if err != nil {
		return err
	}
	ctx.Export("before", names)
	ctx.Export("after", alarms.AlarmNames)
	return nil
}

// everyAlarm are the alarms' logical names.
var everyAlarm = []string{
	"web-alarm-5xx", "web-alarm-cpu", "web-alarm-healthy-hosts", "web-alarm-lb-5xx", "web-alarm-memory",
	"web-alarm-response-time", "web-alarm-unhealthy-hosts",
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(watching(nil)), append(slices.Clone(everyAlarm), "web-alarms-topic", "web-alarms-topic-policy",
		"web-deployment-failed", "web-deployment-failed-mail")...)
}

func TestEachAddressHasAChildOfItsOwnWhateverItsPlace(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		addresses := func(emails ...string) map[string]string {
			record := infratest.MustRun(t, makes(watching(func(a *Args) { a.Emails = emails })), world)
			found := map[string]string{}
			for _, subscription := range record.Type("aws:sns/topicSubscription:TopicSubscription") {
				if protocol := record.String(subscription, "protocol"); protocol != "email" {
					t.Errorf("%s is notified by %s", subscription.Name, protocol)
				}
				if from := subscription.InputsFrom["topic"]; !slices.Equal(from, []string{record.Get("web-alarms-topic").URN}) {
					t.Errorf("%s subscribes to %v: no mail would come", subscription.Name, from)
				}
				found[record.String(subscription, "endpoint")] = subscription.Name
			}
			return found
		}
		all := addresses("a.b@example.com", "a-b@example.com", "ops@example.com")
		if len(all) != 3 || all["a.b@example.com"] == all["a-b@example.com"] {
			t.Errorf("not everybody gets a mail: %v", all)
		}
		for email, name := range all {
			if !strings.HasPrefix(name, "web-alarms-email-"+strings.NewReplacer("@", "-", ".", "-").Replace(email)+"-") {
				t.Errorf("the subscription of %s is called %s, which does not show in a diff who leaves", email, name)
			}
		}
		rest := addresses("ops@example.com", "a-b@example.com")
		for email, name := range rest {
			if all[email] != name {
				t.Errorf("when another address is taken out, %s is renamed from %s to %s, and has to confirm anew", email, all[email], name)
			}
		}
	})
}

func TestEveryAlarmTellsTheTopicWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		want := []string{record.Get("web-alarms-topic").URN, record.Get("web-alarms-topic-policy").URN}
		slices.Sort(want)
		for _, name := range everyAlarm {
			alarm := record.Get(name)
			for _, actions := range []string{"alarmActions", "okActions"} {
				if got := slices.Sorted(slices.Values(alarm.InputsFrom[actions])); !slices.Equal(got, want) {
					t.Errorf("%s of %s come from %v, not from the topic that alarms may publish to: nobody would hear of it", actions, name, got)
				}
			}
			if off, ok := alarm.Inputs["actionsEnabled"]; ok && !off.BoolValue() {
				t.Errorf("%s tells nobody", name)
			}
		}
	})
}

func TestThePartsAreWiredToEachOther(t *testing.T) {
	t.Parallel()
	// The target group's name is known when requests go there: what is watched serves.
	targets := []string{"web-lb", "web-tg", "web-rule"}
	wiring := []struct {
		of, input string
		from      []string
	}{
		{"web-alarm-5xx", "metricQueries", targets},
		{"web-alarm-response-time", "metricQueries", targets},
		{"web-alarm-unhealthy-hosts", "dimensions", targets},
		{"web-alarm-healthy-hosts", "dimensions", targets},
		{"web-alarm-lb-5xx", "dimensions", []string{"web-lb"}},
		{"web-alarm-cpu", "dimensions", []string{"fleet-cluster", "web-service"}},
		{"web-alarm-memory", "dimensions", []string{"fleet-cluster", "web-service"}},
		{"web-alarms-topic-policy", "arn", []string{"web-alarms-topic"}},
		{"web-alarms-topic-policy", "policy", []string{"web-alarms-topic"}},
		{"web-service", "alarms", []string{"fleet-cluster"}},
	}
	for _, name := range everyAlarm {
		wiring = append(wiring, struct {
			of, input string
			from      []string
		}{name, "name", []string{"fleet-cluster"}})
	}
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, beside, world)
		for _, wire := range wiring {
			var want []string
			for _, name := range wire.from {
				want = append(want, record.Get(name).URN)
			}
			got := slices.Sorted(slices.Values(record.Get(wire.of).InputsFrom[wire.input]))
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("%s of %s comes from %v, not from %v", wire.input, wire.of, got, want)
			}
		}
		for _, name := range everyAlarm {
			if record.WaitsFor(record.Get("web-service"), name) {
				t.Errorf("the service waits for %s, which waits for the service: neither could be made", name)
			}
		}
	})
}

func TestTheServiceNamesTheVeryAlarmsThatAreMade(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, beside, world)
		named := record.Get("web-service").Inputs["alarms"].ObjectValue()["alarmNames"].Mappable()
		var made []any
		for _, name := range everyAlarm {
			made = append(made, record.String(record.Get(name), "name"))
		}
		if after := anys(record.Output("after")); fmt.Sprint(after) != fmt.Sprint(made) {
			t.Errorf("the output lists %v, and the alarms are called %v", after, made)
		}
		// Two are not the deployment's: no target is healthy before the first is done, and
		// the load balancer's own errors may be another service's.
		const cluster = "fleet-cluster-1234567"
		rollBack := slices.DeleteFunc(made, func(name any) bool {
			return name == cluster+"-web-healthy-hosts" || name == cluster+"-web-lb-5xx"
		})
		want := []any{
			cluster + "-web-5xx", cluster + "-web-cpu", cluster + "-web-memory",
			cluster + "-web-response-time", cluster + "-web-unhealthy-hosts",
		}
		for what, got := range map[string]any{
			"the service names": named, "the alarms that roll back are called": rollBack, "Names gives": anys(record.Output("before")),
		} {
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s %v, not %v: ECS would watch alarms that are not there, and roll nothing back", what, got, want)
			}
		}
	})
}

func anys(value any) []any {
	var all []any
	for _, one := range value.([]string) {
		all = append(all, one)
	}
	return all
}

func TestTheNamesAreKnownInAPreviewWhereTheClusterIs(t *testing.T) {
	t.Parallel()
	known := infratest.MustRun(t, makes(watching(nil)), infratest.Options{Mode: infratest.Preview})
	if got := known.String(known.Get("web-alarm-5xx"), "name"); got != "fleet-1234567-web-5xx" {
		t.Errorf("the alarm is called %s", got)
	}
	unknown := infratest.MustRun(t, beside, infratest.Options{Mode: infratest.Preview})
	if name := unknown.Get("web-alarm-5xx").Inputs["name"]; name.IsString() {
		t.Errorf("the alarm is called %s before its cluster has a name", name.StringValue())
	}
}

func TestANameThatAWSWouldRefuseIsRefusedHere(t *testing.T) {
	t.Parallel()
	longest := len("-web-unhealthy-hosts")
	for length, refused := range map[int]bool{maxAlarmName - longest: false, maxAlarmName - longest + 1: true} {
		_, err := infratest.Run(t, makes(watching(func(a *Args) {
			a.ClusterName = pulumi.String(strings.Repeat("c", length))
		})), infratest.Options{})
		if refused != (err != nil) {
			t.Errorf("with a cluster's name of %d characters: %v", length, err)
		}
	}
}

// numbers are the inputs of an alarm that say when it goes off.
func numbers(alarm infratest.Resource) string {
	return fmt.Sprintf("%v %v, %v of %v", alarm.Inputs["comparisonOperator"].StringValue(), alarm.Inputs["threshold"].NumberValue(),
		alarm.Inputs["datapointsToAlarm"].NumberValue(), alarm.Inputs["evaluationPeriods"].NumberValue())
}

func TestTheThresholdsAreThoseThatWereAskedFor(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for _, c := range []struct {
			args Args
			want map[string]string
		}{
			{watching(nil), map[string]string{
				"web-alarm-5xx":             "GreaterThanThreshold 5, 2 of 3",
				"web-alarm-cpu":             "GreaterThanThreshold 90, 3 of 3",
				"web-alarm-healthy-hosts":   "LessThanThreshold 1, 3 of 3",
				"web-alarm-lb-5xx":          "GreaterThanOrEqualToThreshold 3, 2 of 3",
				"web-alarm-memory":          "GreaterThanThreshold 90, 3 of 3",
				"web-alarm-response-time":   "GreaterThanThreshold 1, 3 of 3",
				"web-alarm-unhealthy-hosts": "GreaterThanOrEqualToThreshold 1, 3 of 3",
			}},
			{watching(func(a *Args) {
				a.Thresholds = Thresholds{ServerErrors: 1, CPU: 70, Memory: 80, ResponseTime: 250, UnhealthyHosts: 2}
			}), map[string]string{
				"web-alarm-5xx":             "GreaterThanThreshold 1, 2 of 3",
				"web-alarm-cpu":             "GreaterThanThreshold 70, 3 of 3",
				"web-alarm-memory":          "GreaterThanThreshold 80, 3 of 3",
				"web-alarm-response-time":   "GreaterThanThreshold 0.25, 3 of 3",
				"web-alarm-unhealthy-hosts": "GreaterThanOrEqualToThreshold 2, 3 of 3",
			}},
		} {
			record := infratest.MustRun(t, makes(c.args), world)
			for name, want := range c.want {
				if got := numbers(record.Get(name)); got != want {
					t.Errorf("%s goes off at %s, not at %s", name, got, want)
				}
			}
		}
	})
}

// metrics are what an alarm looks at: its metric, or those of its queries, by
// statistic, namespace, name and dimensions.
func metrics(alarm infratest.Resource) []string {
	var all []resource.PropertyMap
	if queries, ok := alarm.Inputs["metricQueries"]; ok {
		for _, query := range queries.ArrayValue() {
			if metric, ok := query.ObjectValue()["metric"]; ok {
				all = append(all, metric.ObjectValue())
			}
		}
	} else {
		all = append(all, alarm.Inputs)
	}
	var texts []string
	for _, metric := range all {
		statistic, ok := metric["stat"]
		if !ok {
			statistic = metric["statistic"]
		}
		texts = append(texts, fmt.Sprintf("%s %s %s %v every %v s", statistic.StringValue(), metric["namespace"].StringValue(),
			metric["metricName"].StringValue(), metric["dimensions"].Mappable(), metric["period"].NumberValue()))
	}
	return texts
}

func TestEachAlarmLooksAtItsOwnServiceOnly(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		const (
			targets = " map[LoadBalancer:app/web/50dc6c495c0c9188 TargetGroup:targetgroup/web/73e2d6bc24d8a067] every 60 s"
			tasks   = " map[ClusterName:fleet-1234567 ServiceName:web-service-1234567] every 60 s"
			elb     = " AWS/ApplicationELB "
		)
		record := infratest.MustRun(t, makes(watching(nil)), world)
		for name, want := range map[string][]string{
			"web-alarm-5xx":             {"Sum" + elb + "HTTPCode_Target_5XX_Count" + targets, "Sum" + elb + "RequestCount" + targets},
			"web-alarm-cpu":             {"Average AWS/ECS CPUUtilization" + tasks},
			"web-alarm-healthy-hosts":   {"Maximum" + elb + "HealthyHostCount" + targets},
			"web-alarm-lb-5xx":          {"Sum" + elb + "HTTPCode_ELB_5XX_Count map[LoadBalancer:app/web/50dc6c495c0c9188] every 60 s"},
			"web-alarm-memory":          {"Average AWS/ECS MemoryUtilization" + tasks},
			"web-alarm-response-time":   {"p95" + elb + "TargetResponseTime" + targets, "Sum" + elb + "RequestCount" + targets},
			"web-alarm-unhealthy-hosts": {"Maximum" + elb + "UnHealthyHostCount" + targets},
		} {
			if got := metrics(record.Get(name)); !slices.Equal(got, want) {
				t.Errorf("%s looks at %v, not at %v", name, got, want)
			}
		}
	})
}

func TestOneExpressionDecidesAndTheOthersOnlyFeedIt(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		for name, want := range map[string]string{
			"web-alarm-5xx":           "IF(FILL(errors, 0) >= 3, 100 * errors / requests, 0)",
			"web-alarm-response-time": "IF(requests >= 20, slow, 0)",
		} {
			var deciding []string
			known := map[string]bool{}
			for _, query := range record.Get(name).Inputs["metricQueries"].ArrayValue() {
				fields := query.ObjectValue()
				known[fields["id"].StringValue()] = true
				if returned, ok := fields["returnData"]; ok && returned.BoolValue() {
					deciding = append(deciding, fields["expression"].StringValue())
				}
			}
			if !slices.Equal(deciding, []string{want}) {
				t.Errorf("%s is decided by %v, not by %q alone, which leaves out a single error and a single slow answer", name, deciding, want)
			}
			for _, word := range strings.FieldsFunc(want, func(r rune) bool { return r < 'a' || r > 'z' }) {
				if !known[word] {
					t.Errorf("%s takes %s, which no query has: CloudWatch would refuse it", name, word)
				}
			}
		}
	})
}

func TestAServiceWithoutRequestsOrTasksIsNoReasonForAnAlarm(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		for _, name := range everyAlarm {
			if got := record.String(record.Get(name), "treatMissingData"); got != "notBreaching" && name != "web-alarm-healthy-hosts" {
				t.Errorf("a minute without data is %s to %s: a service that is stopped or not used would cry wolf", got, name)
			}
		}
		idle := infratest.MustRun(t, makes(watching(func(a *Args) { a.MayBeIdle = true })), world)
		if slices.Contains(idle.Names(), "web-alarm-healthy-hosts") {
			t.Error("a service that is stopped on purpose would cry wolf")
		}
	})
}

func TestTasksThatAreAllGoneAreToldOf(t *testing.T) {
	t.Parallel()
	alarm := infratest.MustRun(t, makes(watching(nil)), infratest.Options{}).Get("web-alarm-healthy-hosts")
	if got := alarm.Inputs["treatMissingData"].StringValue(); got != "breaching" {
		t.Errorf("a minute without any target is %s: a service whose tasks all crash would be seen by nobody", got)
	}
}

func TestAlarmsAreQuickEnoughForADeployment(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		const longest = 180 // seconds, of which ECS makes the bake time
		record := infratest.MustRun(t, makes(watching(nil)), world)
		for _, name := range everyAlarm {
			if seconds := record.Get(name).Inputs["evaluationPeriods"].NumberValue() * period; seconds > longest {
				t.Errorf("%s looks back %v s, which every deployment takes longer", name, seconds)
			}
		}
	})
}

func TestOnlyAlarmsOfThisAccountMayPublishAndOnlyOverTLS(t *testing.T) {
	t.Parallel()
	const topic = "arn:aws-cn:sns:cn-north-1:123456789012:t"
	text, err := topicPolicy(topic, "aws-cn", "cn-north-1", "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Statement []map[string]any }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, statement := range document.Statement {
		got[fmt.Sprint(statement["Sid"])] += fmt.Sprintf("%v %v %v %v",
			statement["Principal"], statement["Action"], statement["Resource"], statement["Condition"])
	}
	want := map[string]string{
		"RulesOfThisAccount": "map[Service:events.amazonaws.com] [sns:Publish] [" + topic +
			"] map[ArnLike:map[aws:SourceArn:arn:aws-cn:events:cn-north-1:123456789012:rule/*]]",
		"AlarmsOfThisAccount": "map[Service:cloudwatch.amazonaws.com] [sns:Publish] [" + topic +
			"] map[ArnLike:map[aws:SourceArn:arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:*] StringEquals:map[aws:SourceAccount:123456789012]]",
		"NothingWithoutTLS": "map[AWS:*] [sns:Publish] [" + topic + "] map[Bool:map[aws:SecureTransport:false]]",
	}
	for effect, what := range want {
		if got[effect] != what {
			t.Errorf("the policy says to %s %s, not %s", effect, got[effect], what)
		}
	}
	if len(document.Statement) != len(want) {
		t.Errorf("the policy says more than these: %s", text)
	}

	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		registered := record.String(record.Get("web-alarms-topic-policy"), "policy")
		for _, part := range []string{
			`"aws:SourceAccount":"` + world.Account + `"`,
			`"` + world.ARN("cloudwatch", "alarm:*") + `"`,
			`"Resource":["` + world.ARN("sns", "web-alarms-topic-1234567") + `"]`,
		} {
			if !strings.Contains(registered, part) {
				t.Errorf("the policy that is registered lacks %s: %s", part, registered)
			}
		}
	})
}

func TestADeploymentThatNobodyWaitedForIsToldOf(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		var pattern struct {
			Source, Resources []string
			Detail            struct{ EventName []string }
		}
		if err := json.Unmarshal([]byte(record.String(record.Get("web-deployment-failed"), "eventPattern")), &pattern); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(pattern.Source, []string{"aws.ecs"}) || !slices.Equal(pattern.Detail.EventName, []string{"SERVICE_DEPLOYMENT_FAILED"}) ||
			!slices.Equal(pattern.Resources, []string{world.ARN("ecs", "service/fleet-1234567/web-service-1234567")}) {
			t.Errorf("the rule looks for %+v", pattern)
		}
		told := record.Get("web-deployment-failed-mail")
		if got, want := record.String(told, "arn"), world.ARN("sns", "web-alarms-topic-1234567"); got != want {
			t.Errorf("a failure is told to %s, not to %s", got, want)
		}
		if !record.WaitsFor(told, "web-alarms-topic-policy") {
			t.Error("a failure may be told before anybody may tell it")
		}
	})
}

func TestTheAlarmsAreMadeAndAskedForByTheProviderThatTheyAreGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "web", watching(func(a *Args) { a.Emails = []string{"ops@example.com"} }), given)
			return err
		}
	})
}

func TestTheTopicIsThereWithoutAddresses(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(watching(nil)), world)
		if got := record.Output("topicArn"); got != world.ARN("sns", "web-alarms-topic-1234567") {
			t.Errorf("a chat or a pager would subscribe to %v", got)
		}
		if key, ok := record.Get("web-alarms-topic").Inputs["kmsMasterKeyId"]; ok {
			t.Errorf("the topic is encrypted with %v: without a key policy of its own CloudWatch can't publish, and nobody hears of an alarm", key)
		}
	})
}

func TestAnAddressThatGetsNoMailIsRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "ops", "ops@", "@example.com", "Ops <ops@example.com>", " ops@example.com", "a@example.com,b@example.com"} {
		infratest.WantRefused(t, makes(watching(func(a *Args) { a.Emails = []string{bad} })), "alarmEmails[0]")
	}
	infratest.WantRefused(t, makes(watching(func(a *Args) { a.Emails = []string{"ops@example.com", "Ops@example.com"} })), "alarmEmails[1]")
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range maxEmails + 1 {
		many = append(many, fmt.Sprintf("ops%d@example.com", i))
	}
	infratest.WantRefused(t, makes(Args{
		Emails:     many,
		Thresholds: Thresholds{ServerErrors: 101, UnhealthyHosts: -1, ResponseTime: maxResponseTime + 1, CPU: 101, Memory: -1},
		Tags:       map[string]string{"Name": "x"},
	}),
		"clusterName", "serviceName", "loadBalancerArnSuffix", "targetGroupArnSuffix", "alarmEmails",
		"alarmThresholds.serverErrors", "alarmThresholds.unhealthyHosts", "alarmThresholds.responseTime",
		"alarmThresholds.cpu", "alarmThresholds.memory", "tags.Name")
}
