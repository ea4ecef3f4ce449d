package diff

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mapping is a line of the AWS provider's table of the resources that the program
// uses.
var mapping = regexp.MustCompile(`"aws_\w+":\s+\{module: "(\w+)", name: "(\w+)"`)

// used are the types of all resources that the program uses, now or soon.
func used(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "pulumi-resource-aws", "mapping.go"))
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(source), "mappedFunctions")
	var types []string
	for _, m := range mapping.FindAllStringSubmatch(table, -1) {
		types = append(types, fmt.Sprintf("aws:%s/%s%s:%s", m[1], strings.ToLower(m[2][:1]), m[2][1:], m[2]))
	}
	const some = 20
	if len(types) < some {
		t.Fatalf("only %d types are found: %v", len(types), types)
	}
	return types
}

func TestEachTypeThatTheProgramUsesIsJudgedOnceAndPriced(t *testing.T) {
	for _, token := range used(t) {
		_, hazardous := hazards[token]
		if hazardous == harmless[token] {
			t.Errorf("%s must be either a hazard or harmless: nobody has said what its deletion does", token)
		}
		_, priced := prices[token]
		if priced == free[token] {
			t.Errorf("%s must either have a price or be free: the bill would leave it out", token)
		}
	}
}

func TestEachHazardIsASentence(t *testing.T) {
	for token, h := range hazards {
		if h.noun == "" || h.replaced == "" && h.deleted == "" {
			t.Errorf("%s says nothing", token)
		}
		for _, words := range []string{h.replaced, h.deleted} {
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
