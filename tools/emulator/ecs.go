package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

// revisioned are the properties, beside the task definition, whose change begins a
// deployment (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html).
var revisioned = []string{"networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers", "serviceRegistries", "enableExecuteCommand"}

// fill completes the services in an answer: one under "service", or a list of them
// under "services".
func (p *proxy) fill(ctx context.Context, asked request, text []byte) ([]byte, error) {
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if one, ok := answer["service"]; ok {
		var service object
		if err := json.Unmarshal(one, &service); err != nil {
			return nil, err
		}
		if err := p.carryOut(ctx, asked, service); err != nil {
			return nil, err
		}
		if err := p.fillService(service); err != nil {
			return nil, err
		}
		return encodeWith(answer, "service", service)
	}
	var all []object
	if err := json.Unmarshal(answer["services"], &all); err != nil {
		return nil, err
	}
	for _, service := range all {
		if err := p.fillService(service); err != nil {
			return nil, err
		}
	}
	return encodeWith(answer, "services", all)
}

// carryOut has the scheduler do with a service what moto has taken.
func (p *proxy) carryOut(ctx context.Context, asked request, service object) error {
	arn := service.text("serviceArn")
	p.list(arn, asked.action != "ecs:DeleteService")
	if asked.action == "ecs:DeleteService" {
		p.scheduler.Delete(arn)
		return nil
	}
	var given object
	if err := json.Unmarshal(asked.body, &given); err != nil {
		return err
	}
	if asked.action == "ecs:CreateService" {
		p.forget(arn)
	}
	settings, err := p.remember(service, given)
	if err != nil {
		return err
	}
	before, known := p.scheduler.Service(arn)
	if asked.action == "ecs:CreateService" || !known {
		revision, err := p.revision(ctx, asked.region, service["taskDefinition"], properties(service, given))
		if err == nil {
			p.scheduler.Create(service.text("clusterArn"), arn, settings, *revision)
		}
		return err
	}
	revision, err := p.changed(ctx, asked.region, before.Revision, given)
	if err == nil {
		p.scheduler.Change(arn, settings, revision)
	}
	return err
}

// properties are those of a service that begin a deployment, as they were asked for, or
// else as moto has them.
func properties(service, given object) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, key := range revisioned {
		for _, from := range []object{service, given} {
			if value, ok := from[key]; ok && string(value) != "null" {
				all[key] = value
			}
		}
	}
	return all
}

// changed is the revision that an update of a service asks for, nil where it is the one
// that the service has.
func (p *proxy) changed(ctx context.Context, region string, has scheduler.Revision, given object) (*scheduler.Revision, error) {
	all, changes := maps.Clone(has.Properties), string(given["forceNewDeployment"]) == "true"
	for _, key := range revisioned {
		value, ok := given[key]
		if !ok {
			continue
		}
		var was, is any
		_ = json.Unmarshal(has.Properties[key], &was) // Left out, it is nil.
		if json.Unmarshal(value, &is) == nil && !reflect.DeepEqual(was, is) {
			all[key], changes = value, true
		}
	}
	definition, ok := given["taskDefinition"]
	if !ok {
		definition = quote(has.TaskDefinition)
	} else if !changes && given.text("taskDefinition") == has.TaskDefinition {
		return nil, nil
	}
	if !ok && !changes {
		return nil, nil
	}
	revision, err := p.revision(ctx, region, definition, all)
	if err != nil || !changes && revision.TaskDefinition == has.TaskDefinition {
		return nil, err
	}
	return revision, nil
}

// quote is a text as JSON.
func quote(text string) json.RawMessage {
	quoted, _ := json.Marshal(text) // Text always is.
	return quoted
}

// revision is what a deployment of a task definition deploys.
func (p *proxy) revision(ctx context.Context, region string, definition json.RawMessage, properties map[string]json.RawMessage) (*scheduler.Revision, error) {
	r := &scheduler.Revision{Properties: properties}
	var found struct{ TaskDefinition json.RawMessage }
	if err := p.api.ecs(ctx, region, "DescribeTaskDefinition", object{"taskDefinition": definition}, &found); err != nil {
		return nil, err
	}
	var read struct {
		TaskDefinitionArn    string
		ContainerDefinitions []struct {
			Name, Image string
			HealthCheck *struct{}
		}
	}
	if err := json.Unmarshal(found.TaskDefinition, &read); err != nil {
		return nil, err
	}
	r.TaskDefinition, r.Definition = read.TaskDefinitionArn, found.TaskDefinition
	for _, c := range read.ContainerDefinitions {
		r.Containers = append(r.Containers, scheduler.Container{Name: c.Name, Image: c.Image})
		r.Checked = r.Checked || c.HealthCheck != nil
	}
	var balancers []struct {
		TargetGroupArn string
		ContainerPort  int
	}
	if given := properties["loadBalancers"]; given != nil {
		if err := json.Unmarshal(given, &balancers); err != nil {
			return nil, err
		}
	}
	for _, b := range balancers {
		r.Targets = append(r.Targets, scheduler.Target{Group: b.TargetGroupArn, Port: b.ContainerPort})
	}
	return r, nil
}

// list notes whether a service is to be listed.
func (p *proxy) list(arn string, listed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deleted[arn] = !listed
}

// listed is an answer to ListServices without those that were deleted
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html).
func (p *proxy) listed(_ context.Context, _ request, text []byte) ([]byte, error) {
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	var arns []string
	if err := json.Unmarshal(answer["serviceArns"], &arns); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return encodeWith(answer, "serviceArns", slices.DeleteFunc(arns, func(arn string) bool { return p.deleted[arn] }))
}

func encodeWith(answer object, key string, value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	answer[key] = encoded
	return json.Marshal(answer)
}

// text is a string in an object, empty where it is none.
func (o object) text(key string) string {
	var value string
	_ = json.Unmarshal(o[key], &value) // What is no string is none.
	return value
}

// forget forgets what was asked of a service that was there before under the same ARN.
func (p *proxy) forget(arn string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asked, arn)
}

// remember keeps what a request asked of a service, and returns its settings; an update
// changes only what it names.
func (p *proxy) remember(service, given object) (scheduler.Settings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	arn := service.text("serviceArn")
	if p.asked[arn] == nil {
		p.asked[arn] = object{}
	}
	for _, key := range forgotten {
		if value, ok := given[key]; ok {
			p.asked[arn][key] = merged(p.asked[arn][key], value)
		}
	}
	return settings(service, p.asked[arn])
}

// What ECS takes for a service that does not say how many tasks may run and must serve
// during a deployment, in percent
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html).
const defaultMinimum, defaultMaximum = 100, 200

// settings are those of a service that take effect without a deployment.
func settings(service, asked object) (scheduler.Settings, error) {
	read := struct {
		DesiredCount                  int
		HealthCheckGracePeriodSeconds int
		DeploymentConfiguration       struct {
			MinimumHealthyPercent, MaximumPercent *int
			DeploymentCircuitBreaker              struct{ Enable, Rollback bool }
		}
	}{}
	for key, value := range map[string]json.RawMessage{
		"desiredCount":                  service["desiredCount"],
		"healthCheckGracePeriodSeconds": asked["healthCheckGracePeriodSeconds"],
		"deploymentConfiguration":       asked["deploymentConfiguration"],
	} {
		if value == nil {
			continue
		}
		text, err := json.Marshal(object{key: value})
		if err != nil {
			return scheduler.Settings{}, err
		}
		if err := json.Unmarshal(text, &read); err != nil {
			return scheduler.Settings{}, fmt.Errorf("read the service's %s: %w", key, err)
		}
	}
	s := scheduler.Settings{
		Desired: read.DesiredCount, Minimum: defaultMinimum, Maximum: defaultMaximum,
		Grace:   time.Duration(read.HealthCheckGracePeriodSeconds) * time.Second,
		Breaker: read.DeploymentConfiguration.DeploymentCircuitBreaker.Enable, Rollback: read.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback,
	}
	if n := read.DeploymentConfiguration.MinimumHealthyPercent; n != nil {
		s.Minimum = *n
	}
	if n := read.DeploymentConfiguration.MaximumPercent; n != nil {
		s.Maximum = *n
	}
	return s, nil
}

// merged is an object with the fields of a later one on top: an update of a part of a
// service's deployment configuration leaves the rest of it. What is no object is
// replaced.
func merged(before, after json.RawMessage) json.RawMessage {
	var all, changes object
	if json.Unmarshal(before, &all) != nil || json.Unmarshal(after, &changes) != nil {
		return after
	}
	maps.Copy(all, changes)
	text, err := json.Marshal(all)
	if err != nil {
		return after
	}
	return text
}

// fillService adds what was asked for and is missing, and what the scheduler knows.
func (p *proxy) fillService(service object) error {
	arn := service.text("serviceArn")
	p.mu.Lock()
	asked := maps.Clone(p.asked[arn])
	p.mu.Unlock()
	// After an update moto gives back some of it, as far as the update named it.
	maps.Copy(service, asked)
	view, known := p.scheduler.Service(arn)
	if !known {
		return nil
	}
	maps.Copy(service, view.Revision.Properties)
	var bases []object
	if err := json.Unmarshal(service["deployments"], &bases); err != nil {
		return err
	}
	deployments := make([]object, 0, len(view.Deployments))
	for _, d := range view.Deployments {
		shown := object{}
		if len(bases) > 0 {
			maps.Copy(shown, bases[0])
		}
		for _, key := range []string{"networkConfiguration", "platformVersion", "capacityProviderStrategy"} {
			if value, ok := d.Revision.Properties[key]; ok {
				shown[key] = value
			}
		}
		if err := shown.put(d); err != nil {
			return err
		}
		deployments = append(deployments, shown)
	}
	return service.put(map[string]any{
		"status": view.Status, "taskDefinition": view.Revision.TaskDefinition, "desiredCount": view.Desired,
		"runningCount": view.Running, "pendingCount": view.Pending, "deployments": deployments, "events": view.Events,
	})
}

// put sets an object's fields to those of a value.
func (o object) put(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &o)
}

// answerECS answers what only the scheduler knows, and tells whether it did.
func (p *proxy) answerECS(w http.ResponseWriter, asked request) bool {
	var given struct {
		Cluster, Service, Task, Reason string
		Tasks, ServiceDeploymentArns   []string
	}
	if json.Unmarshal(asked.body, &given) != nil {
		return false
	}
	switch asked.action {
	case "ecs:ListServiceDeployments":
		all, known := p.scheduler.Deployments(p.scheduler.Find(asked.region, given.Cluster, given.Service))
		if !known {
			(&refusal{"ServiceNotFoundException", "Service not found."}).write(w, asked)
			return true
		}
		briefs := make([]any, 0, len(all))
		for i := range all {
			briefs = append(briefs, all[i].Brief())
		}
		reply(w, map[string]any{"serviceDeployments": briefs})
	case "ecs:DescribeServiceDeployments":
		reply(w, map[string]any{"serviceDeployments": p.scheduler.Described(given.ServiceDeploymentArns), "failures": []any{}})
	case "ecs:DescribeTasks":
		tasks := p.scheduler.Tasks(func(t *scheduler.Task) bool {
			return slices.Contains(given.Tasks, t.ARN) || slices.Contains(given.Tasks, t.ID())
		})
		if len(tasks) == 0 {
			return false
		}
		reply(w, map[string]any{"tasks": tasks, "failures": []any{}})
	case "ecs:StopTask":
		task, known := p.scheduler.StopTask(given.Task, given.Reason)
		if !known {
			return false
		}
		reply(w, map[string]any{"task": task})
	default:
		return false
	}
	return true
}

// reply answers in ECS's protocol.
func reply(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer) // The client may have hung up.
}

// addTasks adds the tasks of services to an answer to ListTasks.
func (p *proxy) addTasks(_ context.Context, asked request, text []byte) ([]byte, error) {
	var given struct{ Cluster, ServiceName, Family, StartedBy, DesiredStatus string }
	if err := json.Unmarshal(asked.body, &given); err != nil {
		return nil, err
	}
	if given.DesiredStatus == "" {
		given.DesiredStatus = scheduler.Running
	}
	last := func(name string) string { return name[strings.LastIndex(name, "/")+1:] }
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	var arns []string
	if err := json.Unmarshal(answer["taskArns"], &arns); err != nil {
		return nil, err
	}
	for _, t := range p.scheduler.Tasks(func(t *scheduler.Task) bool {
		family, _, _ := strings.Cut(last(t.TaskDefinition), ":")
		return strings.Contains(t.ARN, ":"+asked.region+":") && last(t.Cluster) == last(given.Cluster) && t.DesiredStatus == given.DesiredStatus &&
			(given.ServiceName == "" || last(t.Service) == last(given.ServiceName)) &&
			(given.Family == "" || family == given.Family) && (given.StartedBy == "" || t.StartedBy == given.StartedBy)
	}) {
		arns = append(arns, t.ARN)
	}
	return encodeWith(answer, "taskArns", arns)
}

// metadata answers at a container's ECS_CONTAINER_METADATA_URI_V4, and of its task below
// it (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html).
func (p *proxy) metadata(w http.ResponseWriter, path string) {
	id, below, _ := strings.Cut(path, "/")
	tasks := p.scheduler.Tasks(func(t *scheduler.Task) bool { return t.ID() == id })
	if len(tasks) == 0 {
		http.Error(w, "no such task", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var answer any = tasks[0].Metadata()
	if below == "" {
		answer = tasks[0].Metadata().Containers[0]
	}
	_ = json.NewEncoder(w).Encode(answer) // The client may have hung up.
}
