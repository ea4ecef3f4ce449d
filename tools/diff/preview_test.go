package diff

import (
	"reflect"
	"strings"
	"testing"
)

const summary = `{"summaryEvent":{}}` + "\n"

func TestALogThatIsNotWholeIsRefused(t *testing.T) {
	for name, log := range map[string]string{
		"empty":             "",
		"without a summary": `{"resourcePreEvent":{"metadata":{"op":"same","urn":"a::b","type":"t"}}}` + "\n",
		"cut off":           `{"resourcePreEvent":{"metadata":{"op":"same"` + "\n",
		"unknown operation": `{"resourcePreEvent":{"metadata":{"op":"explode","urn":"a::b","type":"t"}}}` + "\n" + summary,
	} {
		if p, err := Parse(strings.NewReader(log), nil); err == nil {
			t.Errorf("%s: a part of the changes passes for all of them: %+v", name, p)
		}
	}
	p, err := Parse(strings.NewReader(strings.TrimSuffix(summary, "\n")), nil)
	if err != nil || p.Verdict() != NoChange {
		t.Errorf("a log of nothing: %v, %v", p, err)
	}
}

func TestAReplacementIsOneChange(t *testing.T) {
	p := recorded(t, "bump").Preview
	var got []string
	for _, c := range p.Changes {
		got = append(got, string(c.Op)+" "+c.Name())
	}
	if want := []string{"replace sample-app-task-definition", "update sample-app-service"}; !reflect.DeepEqual(got, want) {
		t.Errorf("a new version is %v, want %v", got, want)
	}
	if len(p.Before) != len(p.After) || p.Same != len(p.After)-len(p.Changes) {
		t.Errorf("%d resources before and %d after, %d stay: a resource is counted twice or not at all", len(p.Before), len(p.After), p.Same)
	}
}

func TestWhatHurtsComesFirst(t *testing.T) {
	seen := map[Op]bool{}
	for _, name := range []string{"vpc", "cluster", "zones"} {
		last := 0
		for _, c := range recorded(t, name).Preview.Changes {
			seen[c.Op] = true
			for i, op := range order {
				if op != c.Op {
					continue
				}
				if i < last {
					t.Errorf("%s: %s %s comes after what hurts less", name, c.Op, c.Name())
				}
				last = i
			}
		}
	}
	if len(seen) != len(order) {
		t.Errorf("the recorded previews have only %v: the test sees too little", seen)
	}
}

func TestPropertiesAreShownWhereTheyDiffer(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tt := range []struct {
		name     string
		from, to any
		want     []Property
	}{
		{"a number", 1.0, 3.0, []Property{{Path: "p", From: "1", To: "3"}}},
		{"not known yet", "a", unknown, []Property{{Path: "p", From: `"a"`, To: Later}}},
		{"a text that says so", "a", Later, []Property{{Path: "p", From: `"a"`, To: `"` + Later + `"`}}},
		{"in an object", map[string]any{"a": 1.0, "b": 2.0}, map[string]any{"a": 1.0, "c": 2.0}, []Property{{Path: "p.b", From: "2"}, {Path: "p.c", To: "2"}}},
		{"in a list", []any{"a", "b"}, []any{"a", "c"}, []Property{{Path: "p[1]", From: `"b"`, To: `"c"`}}},
		{"a longer list", []any{"a"}, []any{"a", unknown}, []Property{{Path: "p", From: `["a"]`, To: `["a",` + Later + `]`}}},
		{"in a document", `[{"image":"a:1","cpu":1}]`, `[{"cpu":1,"image":"a:2"}]`, []Property{{Path: "p[0].image", From: `"a:1"`, To: `"a:2"`}}},
		{"another order in a document", `{"a":1,"b":2}`, `{"b":2,"a":1}`, []Property{{Path: "p", From: `"{\"a\":1,\"b\":2}"`, To: `"{\"b\":2,\"a\":1}"`}}},
		{"no document", "[a", "[b", []Property{{Path: "p", From: `"[a"`, To: `"[b"`}}},
		{"far behind", long + "1", long + "2", []Property{{Path: "p", From: `"…xxxxxxxxxxxx1"`, To: `"…xxxxxxxxxxxx2"`}}},
		{"one of many lines", long + "\nversion 1\n" + long, long + "\nversion 2\n" + long, []Property{{Path: "p", From: `"version 1"`, To: `"version 2"`}}},
		{"what Pulumi keeps for itself further in", []any{}, []any{map[string]any{"__defaults": []any{}, "a": []any{map[string]any{"__x": 1.0}}}}, []Property{{Path: "p", From: "[]", To: `[{"a":[{}]}]`}}},
		{"what Pulumi keeps for itself", map[string]any{"__defaults": []any{}, "a": 1.0}, map[string]any{"__defaults": []any{"a"}, "a": 2.0}, []Property{{Path: "p.a", From: "1", To: "2"}}},
	} {
		s := step{Old: &state{Inputs: map[string]any{"p": tt.from}}, New: &state{Inputs: map[string]any{"p": tt.to}}, Diffs: []string{"p"}}
		if got := s.properties(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: a reviewer reads %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestAPropertyThatSomebodyElseChangedIsShown(t *testing.T) {
	s := step{
		Old:          &state{Inputs: map[string]any{"a": 1.0}, Outputs: map[string]any{"a": 2.0}},
		New:          &state{Inputs: map[string]any{"a": 1.0}},
		DetailedDiff: map[string]detail{"a": {Kind: "update-replace"}},
	}
	want := []Property{{Path: "a", From: "2", To: "1", Replaces: true}}
	if got := s.properties(); !reflect.DeepEqual(got, want) {
		t.Errorf("a reviewer reads %+v, want %+v", got, want)
	}
}

func TestWhatTheProviderDoesNotNameIsFound(t *testing.T) {
	// As for a load balancer whose subnets are not known yet.
	s := step{Old: &state{Inputs: map[string]any{"a": 1.0, "subnets": []any{"x"}}}, New: &state{Inputs: map[string]any{"a": 1.0, "subnets": unknown}}}
	want := []Property{{Path: "subnets", From: `["x"]`, To: Later}}
	if got := s.properties(); !reflect.DeepEqual(got, want) {
		t.Errorf("a reviewer reads %+v, want %+v", got, want)
	}
}

func TestWhatTheProviderDoesNotNameBesideOthersIsFound(t *testing.T) {
	s := step{
		Old:   &state{Inputs: map[string]any{"groups": []any{"a"}, "subnets": []any{"x"}, "same": 1.0, "ignored": 1.0}},
		New:   &state{Inputs: map[string]any{"groups": []any{"b"}, "subnets": unknown, "same": 1.0, "ignored": 2.0}},
		Diffs: []string{"groups"},
	}
	want := []Property{{Path: "groups[0]", From: `"a"`, To: `"b"`}, {Path: "subnets", From: `["x"]`, To: Later}}
	if got := s.properties(); !reflect.DeepEqual(got, want) {
		t.Errorf("a reviewer reads %+v, want %+v", got, want)
	}
}

func TestAPropertyAndWhatIsInItAreOneChange(t *testing.T) {
	s := step{
		Old: &state{Outputs: map[string]any{"alarms": nil}},
		New: &state{Inputs: map[string]any{"alarms": map[string]any{"names": []any{"a"}}, "alarmsToo": 1.0}},
		DetailedDiff: map[string]detail{
			"alarms": {Kind: "add"}, "alarms.names": {Kind: "add"}, "alarms.names[0]": {Kind: "add-replace"}, "alarmsToo": {Kind: "add"},
		},
	}
	want := []Property{{Path: "alarms", To: `{"names":["a"]}`, Replaces: true}, {Path: "alarmsToo", To: "1"}}
	if got := s.properties(); !reflect.DeepEqual(got, want) {
		t.Errorf("a reviewer reads %+v, want %+v", got, want)
	}
}

func TestANewResourceIsShownByWhatTheProgramGivesIt(t *testing.T) {
	inputs := map[string]any{
		"__defaults": []any{"protocol"}, "name": "a-1234567", "tags": map[string]any{"a": "b"}, "protocol": "tcp",
		"cidrIpv4": "0.0.0.0/0", "fromPort": 22.0, "securityGroupId": unknown, "off": false, "none": nil, "on": true,
	}
	want := []Property{{Path: "cidrIpv4", To: `"0.0.0.0/0"`}, {Path: "fromPort", To: "22"}, {Path: "on", To: "true"}}
	if got := given(inputs); !reflect.DeepEqual(got, want) {
		t.Errorf("a reviewer reads %+v, want %+v", got, want)
	}
}

func TestPathsAreTakenApartAsPulumiWritesThem(t *testing.T) {
	for path, want := range map[string][]string{
		"a":              {"a"},
		"a.b[0].c":       {"a", "b", "0", "c"},
		`tags["a.b[0]"]`: {"tags", "a.b[0]"},
		`tags["a\"b"].c`: {"tags", `a"b`, "c"},
		`["a"]`:          {"a"},
		`a["unfinished`:  {"a", `["unfinished`},
		"":               nil,
	} {
		if got := split(path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}
