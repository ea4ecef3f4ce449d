package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// client calls AWS's APIs at an address. moto looks at the credentials only for the
// region.
type client struct {
	t   *testing.T
	url string
}

func (c client) send(header, value, service string, body []byte) (int, []byte) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set(header, value)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// ecs calls an action of ECS, which must succeed.
func (c client) ecs(action string, input any) map[string]any {
	c.t.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		c.t.Fatal(err)
	}
	status, text := c.send("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+action, "ecs", body)
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil || status != http.StatusOK {
		c.t.Fatalf("%s: %d %s", action, status, text)
	}
	return answer
}

// scaling calls an action of Application Auto Scaling and returns the status and the
// answer.
func (c client) scaling(action string, input map[string]any) (int, map[string]any) {
	c.t.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		c.t.Fatal(err)
	}
	status, text := c.send("X-Amz-Target", "AnyScaleFrontendService."+action, "application-autoscaling", body)
	var answer map[string]any
	_ = json.Unmarshal(text, &answer) // An error of moto's own is no JSON.
	return status, answer
}

// ec2 calls an action of EC2 and returns the status and the answer.
func (c client) ec2(action string, parameters ...string) (int, string) {
	c.t.Helper()
	return c.query("ec2", "2016-11-15", action, parameters...)
}

// elb calls an action of Elastic Load Balancing and returns the status and the answer.
func (c client) elb(action string, parameters ...string) (int, string) {
	c.t.Helper()
	return c.query("elasticloadbalancing", "2015-12-01", action, parameters...)
}

// query calls an action of a service that takes forms.
func (c client) query(service, version, action string, parameters ...string) (int, string) {
	c.t.Helper()
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	status, text := c.send("Content-Type", "application/x-www-form-urlencoded", service, []byte(form.Encode()))
	return status, string(text)
}

// both is moto as it is, and the same behind the proxy.
func both(t *testing.T) (plain, mended client) {
	t.Helper()
	needMoto(t)
	moto, err := startMoto(t.Context(), filepath.Join(t.TempDir(), "moto.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := moto.Stop(); err != nil {
			t.Error(err)
		}
	})
	behind, err := url.Parse(moto.URL)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newProxy(behind, ""))
	t.Cleanup(server.Close)
	return client{t, moto.URL}, client{t, server.URL}
}

var asked = map[string]any{
	"availabilityZoneRebalancing":   "ENABLED",
	"capacityProviderStrategy":      []any{map[string]any{"capacityProvider": "FARGATE", "weight": 1.0}},
	"deploymentConfiguration":       map[string]any{"maximumPercent": 200.0},
	"enableECSManagedTags":          true,
	"enableExecuteCommand":          true,
	"healthCheckGracePeriodSeconds": 60.0,
}

func TestServicesAreGivenBackAsTheyWereAskedFor(t *testing.T) {
	plain, mended := both(t)
	mended.ecs("CreateCluster", map[string]any{"clusterName": "c"})
	for _, image := range []string{"a:1", "a:2"} {
		mended.ecs("RegisterTaskDefinition", map[string]any{"family": "f", "containerDefinitions": []any{
			map[string]any{"name": "a", "image": image, "memory": 128},
		}})
	}
	input := map[string]any{"cluster": "c", "serviceName": "s", "taskDefinition": "f:1", "desiredCount": 3}
	for key, value := range asked {
		input[key] = value
	}
	mended.ecs("CreateService", input)
	question := map[string]any{"cluster": "c", "services": []string{"s"}}
	bare := plain.ecs("DescribeServices", question)["services"].([]any)[0].(map[string]any)
	mended.ecs("UpdateService", map[string]any{
		"cluster": "c", "service": "s", "taskDefinition": "f:2", "healthCheckGracePeriodSeconds": 90,
		"deploymentConfiguration": map[string]any{"minimumHealthyPercent": 100},
	})

	whole := mended.ecs("DescribeServices", question)["services"].([]any)[0].(map[string]any)
	for _, key := range forgotten {
		if _, ok := bare[key]; ok {
			t.Errorf("moto has learned %s: take it out of the list of what it forgets", key)
		}
		want := asked[key]
		switch key {
		case "healthCheckGracePeriodSeconds":
			want = 90.0
		case "deploymentConfiguration": // AWS changes only the part that an update names.
			want = map[string]any{"maximumPercent": 200.0, "minimumHealthyPercent": 100.0}
		}
		if got, wanted := text(t, whole[key]), text(t, want); got != wanted {
			t.Errorf("%s is given back as %s, not as %s: every preview would show a change", key, got, wanted)
		}
	}
	deployment := whole["deployments"].([]any)[0].(map[string]any)
	if whole["runningCount"] != 3.0 || deployment["runningCount"] != 3.0 || deployment["rolloutState"] != "COMPLETED" {
		t.Errorf("three tasks are desired and the service never becomes steady: %v", whole)
	}
	if arn, _ := deployment["taskDefinition"].(string); !strings.HasSuffix(arn, "f:2") {
		t.Errorf("the deployment is of %s, not of the revision that was asked for", arn)
	}
}

func TestADeletedVPCEndpointDoesNotExist(t *testing.T) {
	plain, mended := both(t)
	_, answer := mended.ec2("CreateVpc", "CidrBlock", "10.0.0.0/16")
	vpc := found(t, answer, `vpc-[0-9a-f]{8,}`)
	_, answer = mended.ec2("CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws.us-east-1.s3", "VpcEndpointType", "Gateway")
	endpoint := found(t, answer, `vpce-[0-9a-f]+`)
	if status, answer := mended.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", endpoint); status != http.StatusOK {
		t.Fatalf("the endpoint is not there: %s", answer)
	}
	if status, answer := mended.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", endpoint); status != http.StatusOK {
		t.Fatalf("the endpoint can't be deleted: %s", answer)
	}

	if status, _ := plain.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", endpoint); status != http.StatusOK {
		t.Error("moto has learned that a deleted endpoint does not exist: leave that to it")
	}
	status, answer := mended.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", endpoint)
	if status != http.StatusBadRequest || !strings.Contains(answer, "InvalidVpcEndpointId.NotFound") {
		t.Errorf("a destroy waits ten minutes for the endpoint to go: %d %s", status, answer)
	}
	status, answer = mended.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", endpoint)
	if status != http.StatusOK || !strings.Contains(answer, "<code>InvalidVpcEndpoint.NotFound</code>") {
		t.Errorf("a destroy can't go on where the answer to its first try was lost: %d %s", status, answer)
	}
}

func found(t *testing.T, in, form string) string {
	t.Helper()
	match := regexp.MustCompile(form).FindString(in)
	if match == "" {
		t.Fatalf("there is no %s in %s", form, in)
	}
	return match
}

// several are all that are of a form, of which there have to be two at least.
func several(t *testing.T, in, form string) []string {
	t.Helper()
	all := regexp.MustCompile(form).FindAllString(in, -1)
	if len(all) < 2 {
		t.Fatalf("there are no two %s in %s", form, in)
	}
	return all
}

func text(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestTheTagsOfScalableTargetsAreKept(t *testing.T) {
	plain, mended := both(t)
	serve(mended)
	status, made := mended.scaling("RegisterScalableTarget", map[string]any{
		"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount",
		"MinCapacity": 1, "MaxCapacity": 2, "Tags": map[string]string{"a": "1", "b": "2"},
	})
	arn, _ := made["ScalableTargetARN"].(string)
	if status != http.StatusOK || arn == "" {
		t.Fatalf("no scalable target can be registered: %d %v", status, made)
	}
	mended.scaling("TagResource", map[string]any{"ResourceARN": arn, "Tags": map[string]string{"c": "3"}})
	mended.scaling("UntagResource", map[string]any{"ResourceARN": arn, "TagKeys": []string{"a"}})
	question := map[string]any{"ResourceARN": arn}
	_, answer := mended.scaling("ListTagsForResource", question)
	if got, want := fmt.Sprint(answer["Tags"]), "map[b:2 c:3]"; got != want {
		t.Errorf("the tags are %s, not %s: every update would change them", got, want)
	}
	if status, _ := plain.scaling("ListTagsForResource", question); status == http.StatusOK {
		t.Error("moto has learned the tags of scalable targets: scaling.go is no longer needed")
	}
}

func TestServiceDeploymentsAreTheSchedulersAndNotTriedAgain(t *testing.T) {
	plain, mended := both(t)
	const header, action = "X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListServiceDeployments"
	question := []byte(`{"cluster": "c", "service": "s"}`)
	if status, answer := mended.send(header, action, "ecs", question); status != http.StatusBadRequest || !strings.Contains(string(answer), "ServiceNotFoundException") {
		t.Errorf("each update asks for the service's deployments for seconds: %d %s", status, answer)
	}
	if status, _ := plain.send(header, action, "ecs", question); status < http.StatusInternalServerError {
		t.Error("moto has learned of service deployments: leave them to it")
	}
	serve(mended)
	deployments := mended.ecs("ListServiceDeployments", map[string]any{"cluster": "c", "service": "s"})["serviceDeployments"].([]any)
	if len(deployments) != 1 || deployments[0].(map[string]any)["status"] != "SUCCESSFUL" {
		t.Errorf("the deployments are %v", deployments)
	}
}

// serve creates a cluster with a service.
func serve(c client) {
	c.t.Helper()
	c.ecs("CreateCluster", map[string]any{"clusterName": "c"})
	c.ecs("RegisterTaskDefinition", map[string]any{"family": "f", "containerDefinitions": []any{
		map[string]any{"name": "a", "image": "a:1", "memory": 128},
	}})
	c.ecs("CreateService", map[string]any{"cluster": "c", "serviceName": "s", "taskDefinition": "f:1", "desiredCount": 1})
}

func TestAProtectedLoadBalancerIsNotDeletedAsAWSHasIt(t *testing.T) {
	plain, mended := both(t)
	subnets := regexp.MustCompile(`<subnetId>(subnet-\w+)</subnetId>`)
	_, listed := plain.ec2("DescribeSubnets")
	found := subnets.FindAllStringSubmatch(listed, 2)
	arns := regexp.MustCompile(`<LoadBalancerArn>(\S+)</LoadBalancerArn>`)
	create := func(name string) string {
		status, answer := plain.elb("CreateLoadBalancer", "Name", name, "Subnets.member.1", found[0][1], "Subnets.member.2", found[1][1])
		if status != http.StatusOK {
			t.Fatalf("no load balancer is made: %s", answer)
		}
		return arns.FindStringSubmatch(answer)[1]
	}
	protect := func(arn, value string) {
		if status, answer := mended.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", arn,
			"Attributes.member.1.Key", "deletion_protection.enabled", "Attributes.member.1.Value", value); status != http.StatusOK {
			t.Fatal(answer)
		}
	}
	arn := create("kept")
	protect(arn, "true")
	if status, answer := mended.elb("DeleteLoadBalancer", "LoadBalancerArn", arn); status != http.StatusBadRequest || !strings.Contains(answer, "OperationNotPermitted") {
		t.Errorf("a protected load balancer is deleted, which AWS refuses (%d): %s", status, answer)
	}
	if _, answer := mended.elb("DescribeLoadBalancers"); !strings.Contains(answer, arn) {
		t.Error("it is gone all the same")
	}
	protect(arn, "false")
	if status, answer := mended.elb("DeleteLoadBalancer", "LoadBalancerArn", arn); status != http.StatusOK {
		t.Errorf("one that is not protected any more can't be deleted: %s", answer)
	}
	arn = create("lost")
	protect(arn, "true")
	if status, _ := plain.elb("DeleteLoadBalancer", "LoadBalancerArn", arn); status != http.StatusOK {
		t.Error("moto has learned to refuse: take it out of the proxy")
	}
}
