package infratest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// watched is a test whose failures are noted instead of counted.
type watched struct {
	testing.TB
	failures []string
}

func (*watched) Helper()             {}
func (w *watched) Error(args ...any) { w.failures = append(w.failures, fmt.Sprint(args...)) }

func (w *watched) Errorf(format string, args ...any) { w.Error(fmt.Sprintf(format, args...)) }

func (w *watched) Fatal(args ...any) {
	w.Error(args...)
	runtime.Goexit()
}

func (w *watched) Fatalf(format string, args ...any) { w.Fatal(fmt.Sprintf(format, args...)) }

// watch runs a test and returns its failures.
func watch(t *testing.T, test func(testing.TB)) []string {
	t.Helper()
	w := &watched{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(w)
	}()
	<-done
	return w.failures
}

func TestWhatTheRecorderDoesNotKnowFailsTheTest(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]pulumi.RunFunc{
		"aws:s3/bucketV2:BucketV2": func(ctx *pulumi.Context) error {
			var bucket pulumi.CustomResourceState
			return ctx.RegisterResource("aws:s3/bucketV2:BucketV2", "b", nil, &bucket)
		},
		"aws:index/getRegions:getRegions": func(ctx *pulumi.Context) error {
			var regions struct{}
			_ = ctx.Invoke("aws:index/getRegions:getRegions", nil, &regions) // The test has failed by then.
			return nil
		},
	} {
		w := &watched{TB: t}
		_, err := Run(w, program, Options{})
		if err != nil || len(w.failures) != 1 || !strings.Contains(w.failures[0], name) {
			t.Errorf("a test goes on with made-up answers for %s: %q, %v", name, w.failures, err)
		}
	}
}

func TestATestThatSeesNothingFails(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*Record){
		"a resource": func(r *Record) { r.Get("nowhere") },
		"a type":     func(r *Record) { r.Type("aws:s3/bucketV2:BucketV2") },
		"an output":  func(r *Record) { r.Output("nothing") },
		"an input":   func(r *Record) { r.String(Resource{Name: "x"}, "nothing") },
		"a program":  func(r *Record) { MustRun(r.t, func(*pulumi.Context) error { return nil }, Options{}) },
	} {
		failures := watch(t, func(w testing.TB) { look(&Record{t: w}) })
		if len(failures) != 1 {
			t.Errorf("looking for %s that is not there fails the test %d times, not once", name, len(failures))
		}
	}
}
