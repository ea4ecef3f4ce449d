package policy

import "testing"

func TestADocumentIsWrittenAsItIsGiven(t *testing.T) {
	t.Parallel()
	got, err := Document(Statement[string]{
		Sid:       "TasksOfThisAccount",
		Effect:    "Allow",
		Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
		Action:    []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{"StringEquals": {"aws:SourceAccount": "123456789012"}},
	}, Statement[string]{
		Sid:      "WriteLogs",
		Effect:   "Allow",
		Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resource: []string{"*"},
	})
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"TasksOfThisAccount","Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},` +
		`"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}},` +
		`{"Sid":"WriteLogs","Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":["*"]}]}`
	if err != nil || got != want {
		t.Errorf("a policy that runs would show up as changed, or be refused for an empty element (%v):\n%s\nnot\n%s", err, got, want)
	}
}

func TestAConditionOfOneValueStaysAList(t *testing.T) {
	t.Parallel()
	got, err := Document(Statement[[]string]{
		Sid: "Here", Effect: "Allow", Action: []string{"ecs:CreateCluster"}, Resource: []string{"*"},
		Condition: map[string]map[string][]string{"StringEquals": {"aws:RequestedRegion": {"us-east-1"}}},
	})
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"Here","Effect":"Allow","Action":["ecs:CreateCluster"],` +
		`"Resource":["*"],"Condition":{"StringEquals":{"aws:RequestedRegion":["us-east-1"]}}}]}`
	if err != nil || got != want {
		t.Errorf("a policy that runs would show up as changed (%v):\n%s\nnot\n%s", err, got, want)
	}
}
