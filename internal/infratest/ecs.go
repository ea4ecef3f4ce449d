package infratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// serve starts a fake Amazon ECS API, which reports every registered service as
// running its registered task definition. It returns the config that leads there,
// with the test's own on top.
func (m *mocks) serve(t testing.TB) map[string]string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(m.ecs))
	t.Cleanup(server.Close)
	config := map[string]string{
		"aws:region":    m.options.Region,
		"aws:accessKey": "test",
		"aws:secretKey": "test",
		"aws:endpoints": fmt.Sprintf(`[{"ecs": %q, "elbv2": %q}]`, server.URL, server.URL),
	}
	maps.Copy(config, m.options.Config)
	return config
}

// ecs answers as Amazon ECS. What it does not know it refuses, as a role without
// the permission would see it.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func (m *mocks) ecs(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Asked = append(m.record.Asked, action)
	if action == "ListServices" {
		// Whatever else runs on the cluster is no service that the program knows of.
		_, _ = w.Write([]byte(`{"serviceArns": []}`)) // Who asked may be gone.
		return
	}
	var request struct{ Services []string }
	if action != "DescribeServices" || json.NewDecoder(r.Body).Decode(&request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type": "AccessDeniedException"}`)) // Who asked may be gone.
		return
	}
	services := []map[string]any{}
	for _, registered := range m.record.Resources {
		if registered.Type == serviceType && m.options.serviceARN(registered.Name, registered.Inputs) == request.Services[0] {
			services = append(services, m.describe(registered.Inputs))
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"services": services})
}

func (m *mocks) describe(inputs resource.PropertyMap) map[string]any {
	count := inputs["desiredCount"].NumberValue()
	state := m.options.Rollout
	if state == "" {
		state = "COMPLETED"
	}
	wanted := inputs["taskDefinition"].StringValue()
	if state == "ROLLED_BACK" {
		return map[string]any{
			"status": "ACTIVE", "desiredCount": count, "runningCount": count,
			"deployments": []map[string]any{
				{"status": "PRIMARY", "rolloutState": "COMPLETED", "taskDefinition": RevisionBefore(wanted), "desiredCount": count, "runningCount": count},
				{"status": "ACTIVE", "rolloutState": "FAILED", "taskDefinition": wanted},
			},
		}
	}
	return map[string]any{
		"status": "ACTIVE", "desiredCount": count, "runningCount": count,
		"deployments": []map[string]any{{
			"status": "PRIMARY", "rolloutState": state, "taskDefinition": wanted,
			"desiredCount": count, "runningCount": count,
		}},
	}
}

// RevisionBefore is the ARN of the revision before the one that the program registers.
func RevisionBefore(arn string) string {
	return fmt.Sprintf("%s:%d", arn[:strings.LastIndex(arn, ":")], Revision-1)
}

const serviceType = "aws:ecs/service:Service"

// serviceARN is a service's ARN. The provider takes it as the ID.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html#ecs-resource-ids
func (o Options) serviceARN(name string, inputs resource.PropertyMap) string {
	cluster := "default"
	if given := inputs["cluster"]; given.IsString() {
		cluster = given.StringValue()[strings.LastIndex(given.StringValue(), "/")+1:]
	}
	return o.ARN("ecs", "service/"+cluster+"/"+physical(name, inputs))
}

func service(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
	return properties("id", o.serviceARN(name, inputs), "name", physical(name, inputs))
}
