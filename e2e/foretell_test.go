package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/e2e/sandbox"
)

// What `pulumi preview` says of a change without further options.
const (
	requestsMove = "Requests move to the new service when its tasks are healthy. The old one serves until then, and both are paid for."
	anotherName  = "A new load balancer has another DNS name, so the output url changes."
)

// TestAPlainPreviewSaysWhatBecomesOfRequests changes what is replaced side by side, what
// is replaced with the load balancer, and what is not replaced at all.
func TestAPlainPreviewSaysWhatBecomesOfRequests(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	foretells(t, s, "a first deployment", nil)
	up(t, s)
	foretells(t, s, "nothing that changes", nil)
	for _, change := range []struct {
		config map[string]string
		want   []string
	}{
		// The load balancer and the target group change in place, and what they get is
		// known later.
		{map[string]string{"availabilityZones": "3", "healthCheckInterval": "10", "imageTag": "2.4.66", "tags": `{"Team": "shop"}`}, nil},
		{map[string]string{"containerPort": "8080"}, []string{"aws:lb:ListenerRule (sample-app-rule):", requestsMove}},
		{map[string]string{"capacityProvider": "FARGATE_SPOT"}, []string{"aws:lb:ListenerRule (sample-app-rule):", requestsMove}},
		{map[string]string{"vpcCidr": "10.9.0.0/16"}, []string{"ecs-sample-app:loadbalancer:LoadBalancer (sample-app):", anotherName}},
	} {
		set(t, s, change.config)
		foretells(t, s, fmt.Sprint(change.config), change.want)
		unset(t, s, slices.Collect(maps.Keys(change.config))...)
	}
	destroy(t, s)
	assertNothingLeft(t, s)
}

// foretells asserts what a preview says of what is to come, in its diagnostics, and that
// it says no more of it.
func foretells(t *testing.T, s *sandbox.Sandbox, what string, want []string) {
	t.Helper()
	out, err := s.Command(t.Context(), "preview").CombinedOutput()
	must(t, err, "the preview fails: "+string(out))
	_, diagnostics, _ := strings.Cut(string(out), "Diagnostics:\n")
	for _, line := range want {
		if strings.Count(diagnostics, line) != 1 {
			t.Errorf("of %s the preview does not say %q:\n%s", what, line, out)
		}
	}
	for _, line := range []string{requestsMove, anotherName} {
		if !slices.Contains(want, line) && strings.Contains(string(out), line) {
			t.Errorf("of %s the preview says %q:\n%s", what, line, out)
		}
	}
}
