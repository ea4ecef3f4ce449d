package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// tagged are the tags of a service by that name in a stack.
func tagged(stack, name string) []types.Tag {
	return []types.Tag{
		{Key: aws.String("Project"), Value: aws.String("p")},
		{Key: aws.String("Stack"), Value: aws.String(stack)},
		{Key: aws.String("Name"), Value: aws.String(name)},
	}
}

// other is another service on the cluster.
func other(place int, status string, desired int32, tags []types.Tag) types.Service {
	return types.Service{
		ServiceArn: aws.String(fmt.Sprintf("%sservice/c/other-%d", prefix, place)), ServiceName: aws.String(fmt.Sprintf("other-%d", place)),
		Status: aws.String(status), DesiredCount: desired, RunningCount: desired, Tags: tags,
	}
}

// at is a look at a service that is at a deployment of so many tasks.
func at(desired int32, state types.DeploymentRolloutState) look {
	l := of(deployment{revision: wanted, state: state, running: 0})
	l.service.DesiredCount, l.service.Tags = desired, tagged("dev", "web-service")
	return l
}

func TestASuccessorStartsWithAsManyTasksAsItsPredecessorRuns(t *testing.T) {
	t.Parallel()
	crowd := make([]types.Service, 0, 30)
	for i := range 25 { // More than one page, and more than ECS describes at once.
		crowd = append(crowd, other(i, "ACTIVE", 9, tagged("dev", "api-service")))
	}
	done := of(deployment{revision: wanted, state: completed, running: 2})
	for what, test := range map[string]struct {
		first    look
		capacity *Capacity
		others   []types.Service
		want     []int32
	}{
		"its predecessor runs 8": {
			at(1, inProgress), &Capacity{Min: 1, Max: 10},
			append(slices.Clone(crowd), other(99, "ACTIVE", 8, tagged("dev", "web-service"))),
			[]int32{8},
		},
		"its predecessor runs more than it may": {
			at(1, inProgress), &Capacity{Min: 1, Max: 4},
			[]types.Service{other(1, "ACTIVE", 8, tagged("dev", "web-service"))},
			[]int32{4},
		},
		"its predecessor is being deleted": {
			at(1, inProgress), &Capacity{Min: 1, Max: 10},
			[]types.Service{other(1, "DRAINING", 8, tagged("dev", "web-service"))},
			nil,
		},
		"another stack's service": {
			at(1, inProgress), &Capacity{Min: 1, Max: 10},
			[]types.Service{other(1, "ACTIVE", 8, tagged("prod", "web-service"))},
			nil,
		},
		"other services only": {at(1, inProgress), &Capacity{Min: 1, Max: 10}, crowd, nil},
		"it has more already": {
			at(9, inProgress), &Capacity{Min: 1, Max: 10},
			[]types.Service{other(1, "ACTIVE", 8, tagged("dev", "web-service"))},
			nil,
		},
		"it is done before anybody looks": {
			at(1, completed), &Capacity{Min: 1, Max: 10},
			[]types.Service{other(1, "ACTIVE", 8, tagged("dev", "web-service"))},
			[]int32{8},
		},
		"it is not scaled": {
			at(1, inProgress), nil,
			[]types.Service{other(1, "ACTIVE", 8, tagged("dev", "web-service"))},
			nil,
		},
		"it was at 0":                     {at(0, completed), &Capacity{Min: 2, Max: 4}, nil, []int32{2}},
		"it is at 0 by a schedule":        {at(0, completed), &Capacity{Min: 2, Max: 4, Scheduled: true}, nil, nil},
		"a schedule has a predecessor":    {at(1, inProgress), &Capacity{Min: 2, Max: 9, Scheduled: true}, []types.Service{other(1, "ACTIVE", 3, tagged("dev", "web-service"))}, []int32{3}},
		"a first service below its bound": {at(1, inProgress), &Capacity{Min: 3, Max: 9}, nil, []int32{3}},
	} {
		w := &world{looks: []look{test.first, done}, others: test.others}
		got := watch(t, w, time.Minute, func(w *Watch) { w.Capacity = test.capacity })
		if got.err != nil || !slices.Equal(w.set, test.want) {
			t.Errorf("%s: the numbers %v are set, not %v (%v): requests would come to fewer tasks than they need, or tasks that nobody wants be started",
				what, w.set, test.want, got.err)
		}
	}
}

func TestWithoutWaitingOnlyAServiceThatHasServedIsLeftAlone(t *testing.T) {
	t.Parallel()
	skip := func(w *Watch) { w.SkipInPlace = true }
	moving := of(deployment{revision: wanted, state: inProgress}, deployment{revision: before, state: completed, running: 2})
	if got := watch(t, &world{looks: []look{moving}}, time.Minute, skip); got.err != nil || got.took > 0 {
		t.Errorf("an update in place is waited for %s: %v", got.took, got.err)
	}
	fresh := of(deployment{revision: wanted, state: inProgress})
	done := of(deployment{revision: wanted, state: completed, running: 2})
	if got := watch(t, &world{looks: []look{fresh, fresh, fresh, done}}, time.Minute, skip); got.err != nil || got.took == 0 {
		t.Errorf("a new service is not waited for, and requests move to tasks that are not there: %v", got.err)
	}
	again := of(deployment{revision: wanted, state: inProgress}, deployment{revision: before, state: failed})
	if got := watch(t, &world{looks: []look{again}}, time.Minute, skip); got.err == nil {
		t.Error("a service whose first deployment failed is taken for one that serves")
	}
	broken := of(deployment{revision: wanted, state: failed})
	if got := watch(t, &world{looks: []look{broken}}, time.Minute, skip); got.err == nil {
		t.Error("a service that never served is taken for one that serves")
	}
}

func TestAFailureTellsWhatServesMeanwhile(t *testing.T) {
	t.Parallel()
	broken := of(deployment{revision: wanted, state: failed})
	broken.service.Tags = tagged("dev", "web-service")
	others := []types.Service{other(1, "ACTIVE", 0, tagged("dev", "web-service")), other(2, "ACTIVE", 3, tagged("dev", "web-service"))}
	got := watch(t, &world{looks: []look{broken}, others: others}, time.Minute)
	if got.err == nil || !strings.Contains(got.err.Error(), "serves now: other-2, which it was to replace") {
		t.Errorf("nobody is told that the old service serves and the new one costs: %v", got.err)
	}
	back := of(deployment{revision: before, state: completed, running: 2}, deployment{revision: wanted, state: failed})
	back.service.Tags = broken.service.Tags
	got = watch(t, &world{looks: []look{back}, others: others}, time.Minute)
	if got.err == nil || strings.Contains(got.err.Error(), "serves now") {
		t.Errorf("a service that went back to its own revision is said not to serve: %v", got.err)
	}
}

func TestTheLookFromBeforeTheTasksWereRaisedDoesNotCount(t *testing.T) {
	t.Parallel()
	w := &world{looks: []look{
		of(deployment{revision: wanted, state: completed, running: 2}),
		of(deployment{revision: wanted, state: inProgress, running: 1}),
		of(deployment{revision: wanted, state: completed, running: 2}),
	}}
	got := watch(t, w, time.Minute, func(w *Watch) { w.Capacity = &Capacity{Min: 8, Max: 10} })
	if got.err != nil || len(w.set) != 1 || w.asked < 3 {
		t.Errorf("after %d looks and %v tasks requests move to what was there before (%v)", w.asked, w.set, got.err)
	}
}

func TestAThrottledListOfServicesIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := &world{looks: []look{of(deployment{revision: wanted, state: completed, running: 2})}, listErrors: 2}
	got := watch(t, w, time.Minute, func(w *Watch) { w.Capacity = &Capacity{Min: 8, Max: 10} })
	if got.err != nil || len(w.set) != 1 {
		t.Errorf("a busy ECS ends the update with %v, and %v tasks were asked for", got.err, w.set)
	}
}

func TestASuccessorThatIsNotScaledStartsWithFewerTasksNotWithoutAWord(t *testing.T) {
	t.Parallel()
	first := of(deployment{revision: wanted, state: inProgress, running: 1})
	first.service.Tags = tagged("dev", "web-service")
	then := of(deployment{revision: wanted, state: completed, running: 2})
	then.service.Tags = first.service.Tags
	w := &world{looks: []look{first, then}, others: []types.Service{other(1, "ACTIVE", 8, tagged("dev", "web-service"))}}
	got := watch(t, w, time.Minute)
	if got.err != nil || len(w.set) > 0 || !slices.ContainsFunc(got.lines, func(line string) bool { return strings.Contains(line, "which it replaces, has 8") }) {
		t.Errorf("six tasks fewer serve, and nobody is told: %q, %v (%v)", got.lines, w.set, got.err)
	}
}
