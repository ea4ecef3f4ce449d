package fake

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/tools/emulator"
)

// start returns the address of an emulator behind a handler.
func start(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	return startOn(t, nil, wrap)
}

// startOn starts an emulator whose tasks play on a stage.
func startOn(t *testing.T, stage emulator.Stage, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	e, err := emulator.Start(t.Context(), emulator.Options{Log: filepath.Join(t.TempDir(), "moto.log"), Stage: stage, Wrap: wrap})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Errorf("the emulator stays behind: %v", err)
		}
	})
	return e.URL
}

// questions ask one service each something harmless, once or as often as the SDK sees
// fit, by the action that it takes.
func questions(a *account.Account, once bool) map[string]func(context.Context) error {
	attempts := 0 // The SDK's own three.
	if once {
		attempts = 1
	}
	return map[string]func(context.Context) error{
		"DescribeVpcs": func(ctx context.Context) error {
			_, err := a.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}, func(o *ec2.Options) { o.RetryMaxAttempts = attempts })
			return err
		},
		"DescribeLoadBalancers": func(ctx context.Context) error {
			_, err := a.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{}, func(o *elb.Options) { o.RetryMaxAttempts = attempts })
			return err
		},
		"ListClusters": func(ctx context.Context) error {
			_, err := a.ECS.ListClusters(ctx, &ecs.ListClustersInput{}, func(o *ecs.Options) { o.RetryMaxAttempts = attempts })
			return err
		},
		"ListRoles": func(ctx context.Context) error {
			_, err := a.IAM.ListRoles(ctx, &iam.ListRolesInput{}, func(o *iam.Options) { o.RetryMaxAttempts = attempts })
			return err
		},
		"DescribeLogGroups": func(ctx context.Context) error {
			_, err := a.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = attempts })
			return err
		},
	}
}

func TestEachServiceRefusesInItsOwnWords(t *testing.T) {
	t.Parallel()
	var f Faults
	asked := questions(account.As(start(t, f.Wrap), "somebody"), true)
	want := map[string]map[Fault]refusal{
		"DescribeVpcs":          {Throttled: {503, "RequestLimitExceeded", ""}, InternalError: {500, "InternalError", ""}, Unavailable: {503, "Unavailable", ""}},
		"DescribeLoadBalancers": {Throttled: {400, "ThrottlingException", ""}, InternalError: {500, "InternalFailure", ""}, Unavailable: {503, "ServiceUnavailable", ""}},
		"ListClusters":          {Throttled: {400, "ThrottlingException", ""}, InternalError: {500, "ServerException", ""}, Unavailable: {503, "ServiceUnavailable", ""}},
		"ListRoles":             {Throttled: {400, "Throttling", ""}, InternalError: {500, "ServiceFailure", ""}, Unavailable: {503, "ServiceUnavailable", ""}},
		"DescribeLogGroups":     {Throttled: {400, "ThrottlingException", ""}, InternalError: {500, "InternalFailure", ""}, Unavailable: {503, "ServiceUnavailableException", ""}},
	}
	for action, faults := range want {
		for fault, answer := range faults {
			f.Inject(fault, 1, action)
			err := asked[action](t.Context())
			var api smithy.APIError
			var response *smithyhttp.ResponseError
			if !errors.As(err, &api) || !errors.As(err, &response) {
				t.Errorf("%s: the SDK does not understand the error of %s: %v", action, fault, err)
				continue
			}
			if api.ErrorCode() != answer.code || response.HTTPStatusCode() != answer.status || api.ErrorMessage() == "" {
				t.Errorf("%s: %s is HTTP %d %s %q, where AWS answers HTTP %d %s",
					action, fault, response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), answer.status, answer.code)
			}
		}
	}
}

func TestTheSDKSurvivesEveryFaultThatPasses(t *testing.T) {
	t.Parallel()
	var f Faults
	asked := questions(account.As(start(t, f.Wrap), "somebody"), false)
	for _, fault := range []Fault{Throttled, InternalError, Unavailable, CutBefore, CutAfter} {
		before := len(f.Injected())
		var group sync.WaitGroup
		for action, ask := range asked {
			group.Go(func() {
				f.Inject(fault, 1, action)
				if err := ask(t.Context()); err != nil {
					t.Errorf("%s fails for good because of one fault, %s: %v", action, fault, err)
				}
			})
		}
		group.Wait()
		if n := len(f.Injected()) - before; n != len(asked) {
			t.Errorf("%s happened %d times, and was to happen to all %d services", fault, n, len(asked))
		}
	}
	if left := f.Outstanding(); len(left) > 0 {
		t.Errorf("planned, and did not happen: %v", left)
	}
}

func TestACutIsBeforeOrAfterWhatAWSDoes(t *testing.T) {
	t.Parallel()
	var f Faults
	url := start(t, f.Wrap)
	somebody, own := account.As(url, "somebody"), account.At(url)
	for fault, done := range map[Fault]bool{CutBefore: false, CutAfter: true, CutMidway: true} {
		name := map[Fault]string{CutBefore: "before", CutAfter: "after", CutMidway: "midway"}[fault]
		f.Inject(fault, 1, "CreateCluster")
		_, err := somebody.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String(name)},
			func(o *ecs.Options) { o.RetryMaxAttempts = 1 })
		if err == nil {
			t.Errorf("%s: an answer came all the same", fault)
		}
		clusters, err := own.List(t.Context(), account.Clusters)
		if err != nil {
			t.Fatal(err)
		}
		there := slices.ContainsFunc(clusters, func(arn string) bool { return filepath.Base(arn) == name })
		if there != done {
			t.Errorf("%s: the cluster exists: %v, and should: %v", fault, there, done)
		}
	}
}

func TestADelayIsWaitedForAndEndsWithWhoAsked(t *testing.T) {
	t.Parallel()
	var f Faults
	ask := questions(account.As(start(t, f.Wrap), "somebody"), true)["ListClusters"]
	const delay = 200 * time.Millisecond
	f.Delay(delay, 1, "ListClusters")
	begin := time.Now()
	if err := ask(t.Context()); err != nil {
		t.Errorf("a late answer is no error: %v", err)
	}
	if took := time.Since(begin); took < delay {
		t.Errorf("the answer came after %s, and was to come after %s", took, delay)
	}
	f.Delay(time.Hour, 1, "ListClusters")
	ctx, cancel := context.WithTimeout(t.Context(), delay)
	defer cancel()
	if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who asked waited for as long as it wanted to, and got %v", err)
	}
}

func TestFaultsAreCountedAndLeaveTheTestsOwnQuestionsAlone(t *testing.T) {
	t.Parallel()
	var f Faults
	url := start(t, f.Wrap)
	f.Inject(InternalError, 2, Any)
	if err := questions(account.At(url), true)["ListClusters"](t.Context()); err != nil {
		t.Errorf("the test's own question met a fault: %v", err)
	}
	somebody := questions(account.As(url, "somebody"), true)
	for _, action := range []string{"ListClusters", "ListRoles"} {
		if err := somebody[action](t.Context()); err == nil {
			t.Errorf("%s met no fault, where every action was to meet one", action)
		}
	}
	if err := somebody["ListRoles"](t.Context()); err != nil {
		t.Errorf("a third fault happened, where two were planned: %v", err)
	}
	if got, want := f.Injected(), []Injection{{InternalError, "ListClusters"}, {InternalError, "ListRoles"}}; !slices.Equal(got, want) {
		t.Errorf("counted as happened: %v, and that is %v", got, want)
	}
	if got := f.Asked(); got["ecs:ListClusters"] != 1 || got["iam:ListRoles"] != 2 || len(got) != 2 {
		t.Errorf("counted as asked: %v, and that is ListClusters once and ListRoles twice", got)
	}
	f.Inject(CutBefore, 3, "CreateVpc")
	if left := f.Outstanding(); !slices.Equal(left, []string{"CreateVpc: cut before the action, 3 times"}) {
		t.Errorf("still to happen is %v", left)
	}
	f.Clear()
	if left := f.Outstanding(); len(left) > 0 {
		t.Errorf("still to happen after all was forgotten: %v", left)
	}
}
