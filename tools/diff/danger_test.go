package diff

import (
	"os"
	"strings"
	"testing"
)

func TestEachTypeThatTheProgramMakesIsJudgedAndPriced(t *testing.T) {
	// The root module's tests write this list, from what the program registers.
	list, err := os.ReadFile("../../testdata/types.golden")
	if err != nil {
		t.Fatal(err)
	}
	types := strings.Fields(string(list))
	if len(types) == 0 {
		t.Fatal("the list of types is empty, so there is nothing to test")
	}
	for _, token := range types {
		k, ok := kinds[token]
		if !ok {
			t.Errorf("kinds in kinds.go has no %s: nobody has said what its deletion does and what it costs", token)
		} else if k.price == nil {
			t.Errorf("kinds in kinds.go has no price for %s, not even free: the bill would leave it out", token)
		}
	}
}

func TestEachKindHasANameAndItsHarmIsASentence(t *testing.T) {
	for token, k := range kinds {
		if k.noun == "" {
			t.Errorf("%s has no name that people know", token)
		}
		for _, words := range []string{k.replaced, k.deleted} {
			if strings.HasSuffix(words, ".") || strings.TrimSpace(words) != words {
				t.Errorf("%s: %q does not end the sentence it stands in", token, words)
			}
		}
	}
}

func TestOnlyWhatIsLostIsWarnedOf(t *testing.T) {
	const balancer, definition, alarm = "aws:lb/loadBalancer:LoadBalancer", "aws:ecs/taskDefinition:TaskDefinition", "aws:cloudwatch/metricAlarm:MetricAlarm"
	for _, tt := range []struct {
		token  string
		op     Op
		custom bool
		want   string
	}{
		{balancer, Replace, true, "its DNS name changes"},
		{balancer, Delete, true, "its DNS name is gone"},
		{balancer, Update, true, ""},
		{balancer, Create, true, ""},
		{definition, Replace, true, ""},
		{alarm, Delete, true, "nobody is told"},
		{alarm, Replace, true, ""},
		{"aws:cloudwatch/logGroup:LogGroup", Delete, true, "logs in it are lost"},
		{"aws:ecr/repository:Repository", Replace, true, "images in it are lost"},
		{"aws:neptune/cluster:Cluster", Delete, true, "judge it yourself"},
		{"aws:neptune/cluster:Cluster", Replace, true, "judge it yourself"},
		{"ecs-sample-app:network:Network", Delete, false, ""},
		{"pulumi:providers:aws", Replace, true, "every resource may be made anew"},
	} {
		p := &Preview{Changes: []Change{{Resource: Resource{URN: "a::x", Type: tt.token, custom: tt.custom}, Op: tt.op}}}
		warnings := p.Warnings()
		switch {
		case tt.want == "" && len(warnings) > 0:
			t.Errorf("%s of %s: a false alarm, %q: soon nobody reads them", tt.op, tt.token, warnings[0].Harm)
		case tt.want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0].Harm, tt.want)):
			t.Errorf("%s of %s: the reviewer is not told that %s: %+v", tt.op, tt.token, tt.want, warnings)
		}
	}
}

func TestCausesAreWarnedOfBeforeTheirConsequences(t *testing.T) {
	warnings := recorded(t, "vpc").Preview.Warnings()
	last, asked := 0, false
	for _, w := range warnings {
		if w.cause() < last {
			t.Errorf("%s, which was asked for, comes after what follows from it", w.Name())
		}
		last = w.cause()
		asked = asked || w.cause() == 0
	}
	if last == 0 || !asked {
		t.Error("the recorded preview has no cause or no consequence: the test sees nothing")
	}
}

// TestARuleIsMissedUnlessItsServiceIsReplacedSideBySide tells a port that moves from
// one that is closed.
func TestARuleIsMissedUnlessItsServiceIsReplacedSideBySide(t *testing.T) {
	const component = "urn:pulumi:dev::p::ecs-sample-app:service:Service"
	rule := Change{Resource: Resource{
		URN: component + "$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::a-tasks-ingress-80", Type: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", custom: true,
	}, Op: Delete}
	service := Change{Resource: Resource{URN: component + "$aws:ecs/service:Service::a-service", Type: "aws:ecs/service:Service", custom: true}, Op: Replace}
	if got := (&Preview{Changes: []Change{rule}}).Warnings(); len(got) != 1 {
		t.Errorf("a port that is closed to the tasks is no warning: %v", got)
	}
	moved := &Preview{Changes: []Change{rule, service}}
	if got := moved.Warnings(); len(got) > 0 {
		t.Errorf("the old port of a service that is replaced side by side is a warning, %v: soon nobody reads them", got)
	}
	if notes := moved.Notes(); len(notes) != 1 || notes[0].Noun != "service" {
		t.Errorf("nobody is told that the service is replaced side by side: %v", notes)
	}
	service.Op = Update
	if got := (&Preview{Changes: []Change{rule, service}}).Warnings(); len(got) != 1 {
		t.Errorf("a port that is closed to tasks that go on running is no warning: %v", got)
	}
}
