package emulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// balanced creates a load balancer and a target group and returns their ARNs and the
// answer to the load balancer's creation.
func balanced(c client) (balancer, group, answer string) {
	c.t.Helper()
	_, vpcs := c.ec2("DescribeVpcs")
	_, subnets := c.ec2("DescribeSubnets")
	ids := several(c.t, subnets, `subnet-[0-9a-f]{8,}`)
	status, answer := c.elb("CreateLoadBalancer", "Name", "web", "Subnets.member.1", ids[0], "Subnets.member.2", ids[1])
	if status != http.StatusOK {
		c.t.Fatal(answer)
	}
	status, made := c.elb("CreateTargetGroup", "Name", "web", "Protocol", "HTTP", "Port", "80", "VpcId", found(c.t, vpcs, `vpc-[0-9a-f]{8,}`), "TargetType", "ip")
	if status != http.StatusOK {
		c.t.Fatal(made)
	}
	return found(c.t, answer, `arn:aws:elasticloadbalancing:[^<]+`), found(c.t, made, `arn:aws:elasticloadbalancing:[^<]+`), answer
}

// listen sends a load balancer's requests to a group.
func listen(c client, balancer, group string) {
	c.t.Helper()
	if status, answer := c.elb("CreateListener", "LoadBalancerArn", balancer, "Protocol", "HTTP", "Port", "80",
		"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", group); status != http.StatusOK {
		c.t.Fatal(answer)
	}
}

// behind is a service with a target group.
func behind(group string) map[string]any {
	return map[string]any{
		"cluster": "c", "serviceName": "web", "taskDefinition": "f:1", "desiredCount": 2,
		"loadBalancers": []any{map[string]any{"targetGroupArn": group, "containerName": "a", "containerPort": 80}},
	}
}

func TestALoadBalancerAnswersOnThisMachineUntilItIsDeleted(t *testing.T) {
	_, mended := both(t)
	arn, _, made := balanced(mended)
	local := found(t, made, `localhost:\d+`)
	_, described := mended.elb("DescribeLoadBalancers", "LoadBalancerArns.member.1", arn)
	if again := found(t, described, `<DNSName>[^<]+`); again != "<DNSName>"+local {
		t.Errorf("its name is %s at first and then %s", local, again)
	}
	response, err := http.Get("http://" + local)
	if err != nil {
		t.Fatalf("url opens nothing: %v", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if page, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d %s", response.StatusCode, page)
	}
	if status, answer := mended.elb("DeleteLoadBalancer", "LoadBalancerArn", arn); status != http.StatusOK {
		t.Fatal(answer)
	}
	if _, err := http.Get("http://" + local); err == nil { //nolint:bodyclose // there is none
		t.Error("a deleted load balancer answers")
	}
}

func TestThePageWithoutAnEngineSaysWhatIsMissing(t *testing.T) {
	page := missingPage(errors.New("docker is not on PATH\npodman: <no> answer"))
	for _, part := range []string{"docker is not on PATH<br>podman: &lt;no&gt; answer", "apt-get install docker.io", "make up"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q:\n%s", part, page)
		}
	}
}

func TestTasksAreToldOfByEachOfTheirAPIs(t *testing.T) {
	_, mended := both(t)
	serve(mended)
	balancer, group, _ := balanced(mended)
	listen(mended, balancer, group)
	mended.ecs("CreateService", behind(group))

	listed := mended.ecs("ListTasks", map[string]any{"cluster": "c", "serviceName": "web"})["taskArns"].([]any)
	if len(listed) != 2 {
		t.Fatalf("two tasks are desired, and %v run", listed)
	}
	tasks := mended.ecs("DescribeTasks", map[string]any{"cluster": "c", "tasks": listed})["tasks"].([]any)
	if task := tasks[0].(map[string]any); task["lastStatus"] != "RUNNING" || task["group"] != "service:web" {
		t.Errorf("a task is %v", task)
	}
	if _, health := mended.elb("DescribeTargetHealth", "TargetGroupArn", group); strings.Count(health, "<State>healthy</State>") != 2 {
		t.Errorf("the targets' health is %s", health)
	}
	id := fmt.Sprint(listed[0])[strings.LastIndex(fmt.Sprint(listed[0]), "/")+1:]
	response, err := http.Get(mended.url + "/v4/" + id + "/task")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if metadata, _ := io.ReadAll(response.Body); !strings.Contains(string(metadata), `"Family":"f","Revision":"1"`) {
		t.Errorf("the task finds itself described as %s", metadata)
	}

	mended.ecs("StopTask", map[string]any{"cluster": "c", "task": id, "reason": "because"})
	stopped := mended.ecs("ListTasks", map[string]any{"cluster": "c", "serviceName": "web", "desiredStatus": "STOPPED"})["taskArns"].([]any)
	running := mended.ecs("ListTasks", map[string]any{"cluster": "c", "serviceName": "web"})["taskArns"].([]any)
	if len(stopped) != 1 || len(running) != 2 {
		t.Errorf("after one was stopped %v have stopped and %v run", stopped, running)
	}
	deployments := mended.ecs("ListServiceDeployments", map[string]any{"cluster": "c", "service": "web"})["serviceDeployments"].([]any)
	arn := deployments[0].(map[string]any)["serviceDeploymentArn"]
	described := mended.ecs("DescribeServiceDeployments", map[string]any{"serviceDeploymentArns": []any{arn}})["serviceDeployments"].([]any)
	if revision := described[0].(map[string]any)["targetServiceRevision"].(map[string]any); revision["runningTaskCount"] != 2.0 {
		t.Errorf("the deployment is %v", described)
	}

	mended.ecs("UpdateService", map[string]any{"cluster": "c", "service": "web", "forceNewDeployment": true})
	mended.ecs("UpdateService", map[string]any{"cluster": "c", "service": "web", "desiredCount": 1})
	if n := len(mended.ecs("ListServiceDeployments", map[string]any{"cluster": "c", "service": "web"})["serviceDeployments"].([]any)); n != 2 {
		t.Errorf("a deployment, a forced one and a change of the number of tasks are %d deployments", n)
	}
	mended.ecs("DeleteService", map[string]any{"cluster": "c", "service": "web", "force": true})
	services := mended.ecs("DescribeServices", map[string]any{"cluster": "c", "services": []string{"web"}})["services"].([]any)
	if service := services[0].(map[string]any); service["status"] != "INACTIVE" || service["runningCount"] != 0.0 {
		t.Errorf("the deleted service is %v", service)
	}
}

func TestWhatAWSRefusesIsRefused(t *testing.T) {
	plain, mended := both(t)
	serve(mended)
	balancer, group, _ := balanced(mended)
	const header, ecs = "X-Amz-Target", "AmazonEC2ContainerServiceV20141113."
	refused := func(c client, action string, input any) string {
		status, answer := c.send(header, ecs+action, "ecs", []byte(text(t, input)))
		if status == http.StatusOK {
			return ""
		}
		return string(answer)
	}
	if answer := refused(mended, "CreateService", behind(group)); !strings.Contains(answer, "does not have an associated load balancer") {
		t.Errorf("a target group without a load balancer: %s", answer)
	}
	listen(mended, balancer, group)
	if answer := refused(mended, "CreateService", behind(group)); answer != "" {
		t.Errorf("with one: %s", answer)
	}
	if status, answer := mended.elb("DeleteTargetGroup", "TargetGroupArn", group); status == http.StatusOK || !strings.Contains(answer, "ResourceInUse") {
		t.Errorf("a target group in use is deleted: %s", answer)
	}

	large := map[string]any{"family": "large", "containerDefinitions": []any{map[string]any{"name": "a", "image": "a", "memory": 128, "command": []string{strings.Repeat("x", 64<<10)}}}}
	if answer := refused(mended, "RegisterTaskDefinition", large); !strings.Contains(answer, "Max allowed length is '65536' bytes") {
		t.Errorf("a task definition of more than 64 KiB: %s", answer)
	}
	mended.ecs("DeregisterTaskDefinition", map[string]any{"taskDefinition": "f:1"})
	inactive := map[string]any{"cluster": "c", "serviceName": "late", "taskDefinition": "f:1", "desiredCount": 1}
	if answer := refused(mended, "CreateService", inactive); !strings.Contains(answer, "TaskDefinition is inactive") {
		t.Errorf("an inactive task definition: %s", answer)
	}
	role := []string{"RoleName", "r", "AssumeRolePolicyDocument", "{}", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a", "Tags.member.2.Key", "team", "Tags.member.2.Value", "b"}
	if status, answer := mended.query("iam", "2010-05-08", "CreateRole", role...); status != http.StatusBadRequest || !strings.Contains(answer, "Duplicate tag keys found") {
		t.Errorf("tags that differ by case: %d %s", status, answer)
	}
	for action, input := range map[string]any{"RegisterTaskDefinition": large, "CreateService": inactive} {
		if refused(plain, action, input) != "" {
			t.Errorf("moto has learned to refuse this %s: take it out of the proxy", action)
		}
	}
}
