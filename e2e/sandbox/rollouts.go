package sandbox

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rollouts stand before the emulator, whose deployments are over at once and always
// go well, and let them go as a test has planned it: what ECS and the load balancer
// answer during and after a deployment is laid over what the emulator answers. Until
// a test plans the first one, everything passes through as it is.
//
// What the emulator itself holds follows: where ECS goes back to the old task
// definition, the emulator's service does too.
type Rollouts struct {
	mu       sync.Mutex
	watching bool
	plans    []Plan
	services map[string]*history // by ARN
}

// history is a service's deployments.
type history struct {
	rollouts []*rollout // oldest first
	earlier  object     // the service before the last one, for stale answers
	undo     object     // what the last one changed, as it was before
	tasks    int        // how many are desired
}

// object is a JSON object whose values are kept to the letter.
type object map[string]json.RawMessage

// Next plans the next deployment: that of a CreateService, or of an UpdateService
// that changes what a task is. Plans queue up. A deployment without a plan completes
// at once.
func (o *Rollouts) Next(p Plan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watching = true
	o.plans = append(o.plans, p)
}

// Unused are the plans whose deployment has not begun.
func (o *Rollouts) Unused() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.plans)
}

// exchange is a request that is being answered.
type exchange struct {
	request *http.Request
	body    []byte
	next    http.Handler
}

// wrap is the rollouts as the emulator takes them.
func (o *Rollouts) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := o.answer(exchange{r, body, next}, serviceOf(r)+":"+actionOf(r, body))
		switch {
		case err != nil: // A status that nobody tries again after.
			http.Error(w, "the sandbox is broken: "+err.Error(), http.StatusNotImplemented)
		case answer == nil:
			next.ServeHTTP(w, r)
		default:
			maps.Copy(w.Header(), answer.Header())
			write(w, answer.Header().Get("Content-Type"), answer.Code, answer.Body.Bytes())
		}
	})
}

// answer returns what is answered in place of the emulator, and nil where the
// emulator is to answer itself.
func (o *Rollouts) answer(e exchange, action string) (*httptest.ResponseRecorder, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.watching {
		return nil, nil
	}
	switch action {
	case "ecs:CreateService", "ecs:UpdateService":
		return o.deploy(e, action == "ecs:CreateService")
	case "ecs:DescribeServices":
		return o.describe(e)
	case "ecs:ListServiceDeployments":
		return o.listDeployments(e)
	case "ecs:ListTasks":
		return o.listTasks(e)
	case "ecs:DescribeTasks":
		return o.describeTasks(e)
	case "elasticloadbalancing:DescribeTargetHealth":
		return o.targetHealth(e)
	default:
		return nil, nil
	}
}

// record has the emulator answer.
func (e exchange) record() *httptest.ResponseRecorder { return e.send("", e.body) }

// send has the emulator answer a request like this one with another body and, where
// given, for another of ECS's actions.
func (e exchange) send(action string, body []byte) *httptest.ResponseRecorder {
	r := e.request.Clone(e.request.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if action != "" {
		prefix, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		r.Header.Set("X-Amz-Target", prefix+"."+action)
	}
	answer := httptest.NewRecorder()
	e.next.ServeHTTP(answer, r)
	return answer
}

// ask asks the emulator's ECS.
func (e exchange) ask(action string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	answer := e.send(action, body)
	if answer.Code != http.StatusOK {
		return fmt.Errorf("%s: HTTP %d: %s", action, answer.Code, answer.Body)
	}
	return json.Unmarshal(answer.Body.Bytes(), output)
}

// text is a string in an object.
func (o object) text(key string) string {
	var value string
	_ = json.Unmarshal(o[key], &value) // What is no string is none.
	return value
}

// number is a number in an object.
func (o object) number(key string) int {
	var value int
	_ = json.Unmarshal(o[key], &value) // What is no number is none.
	return value
}

// with returns an object with the fields of a value in place of its own.
func (o object) with(value any) (object, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	result := maps.Clone(o)
	if result == nil {
		result = object{}
	}
	return result, json.Unmarshal(text, &result)
}

// reply is an answer in ECS's protocol.
func reply(value any) (*httptest.ResponseRecorder, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	write(answer, jsonType, http.StatusOK, text)
	return answer, nil
}

// revisioned are the properties, beside the task definition, whose change begins a
// deployment (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html).
var revisioned = []string{"networkConfiguration", "platformVersion", "capacityProviderStrategy", "loadBalancers", "serviceRegistries", "enableExecuteCommand"}

// deploy answers CreateService and UpdateService.
func (o *Rollouts) deploy(e exchange, create bool) (*httptest.ResponseRecorder, error) {
	var asked object
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	var before object
	if !create {
		var found struct{ Services []object }
		err := e.ask("DescribeServices", map[string]any{"cluster": asked["cluster"], "services": []any{asked["service"]}}, &found)
		if err != nil || len(found.Services) == 0 {
			return nil, err // The emulator says what is wrong.
		}
		before = found.Services[0]
	}
	answer := e.record()
	if answer.Code != http.StatusOK {
		return answer, nil
	}
	var given object
	if err := json.Unmarshal(answer.Body.Bytes(), &given); err != nil {
		return nil, err
	}
	var service object
	if err := json.Unmarshal(given["service"], &service); err != nil {
		return nil, err
	}
	if undo := changed(asked, before, service); create || len(undo) > 0 {
		if err := o.begin(e, before, service, undo); err != nil {
			return nil, err
		}
	}
	shown, err := o.show(service)
	if err != nil {
		return nil, err
	}
	return reply(map[string]any{"service": shown})
}

// changed returns those properties that begin a deployment and were changed, as they
// were before. Where a deployment is forced it is at least the task definition.
func changed(asked, before, service object) object {
	undo := object{}
	var force bool
	_ = json.Unmarshal(asked["forceNewDeployment"], &force) // Left out, it is not.
	if force || before.text("taskDefinition") != service.text("taskDefinition") {
		undo["taskDefinition"] = before["taskDefinition"]
	}
	for _, key := range revisioned {
		var was, is any
		_ = json.Unmarshal(before[key], &was) // Left out, it is nil.
		if json.Unmarshal(asked[key], &is) == nil && !reflect.DeepEqual(was, is) {
			undo[key] = before[key]
		}
	}
	return undo
}

// begin begins a deployment.
func (o *Rollouts) begin(e exchange, before, service, undo object) error {
	var p Plan
	if len(o.plans) > 0 {
		p, o.plans = o.plans[0], o.plans[1:]
	}
	arn, tasks := service.text("serviceArn"), service.number("desiredCount")
	if o.services == nil {
		o.services = map[string]*history{}
	}
	h := o.services[arn]
	if h == nil || before == nil {
		h = &history{}
		o.services[arn] = h
	}
	h.earlier = nil
	if before != nil {
		var err error
		if h.earlier, err = o.show(before); err != nil {
			return err
		}
	}
	var served *deployment
	switch {
	case len(h.rollouts) > 0:
		served = h.last().serving(tasks)
	case before != nil: // A deployment from before the first plan.
		var deployments []deployment
		if err := json.Unmarshal(before["deployments"], &deployments); err != nil {
			return fmt.Errorf("read the deployments: %w", err)
		}
		served = &deployments[0]
	}
	where, err := e.site(service)
	if err != nil {
		return err
	}
	h.undo = undo
	h.rollouts = append(h.rollouts, newRollout(p, where, service.text("taskDefinition"), served, tasks, time.Now()))
	return nil
}

// site asks where a service's tasks run, and what.
func (e exchange) site(service object) (site, error) {
	var found struct {
		TaskDefinition struct {
			ContainerDefinitions []struct {
				Name, Image  string
				PortMappings []struct{ ContainerPort int }
			}
		}
	}
	s := site{Cluster: service.text("clusterArn"), Service: service.text("serviceArn")}
	if err := e.ask("DescribeTaskDefinition", map[string]any{"taskDefinition": service["taskDefinition"]}, &found); err != nil {
		return s, err
	}
	var balancers []struct{ TargetGroupArn string }
	if err := json.Unmarshal(service["loadBalancers"], &balancers); err != nil {
		return s, fmt.Errorf("read the load balancers: %w", err)
	}
	if len(balancers) > 0 {
		s.TargetGroup = balancers[0].TargetGroupArn
	}
	container := found.TaskDefinition.ContainerDefinitions[0]
	s.Container, s.Image = container.Name, container.Image
	if len(container.PortMappings) > 0 {
		s.Port = container.PortMappings[0].ContainerPort
	}
	return s, nil
}

func (h *history) last() *rollout { return h.rollouts[len(h.rollouts)-1] }

// describe answers DescribeServices, and lets time pass.
func (o *Rollouts) describe(e exchange) (*httptest.ResponseRecorder, error) {
	services, answer, err := e.services()
	if err != nil || services == nil {
		return answer, err
	}
	back := false
	for _, service := range services {
		h := o.services[service.text("serviceArn")]
		if h == nil || service.text("status") != active || !h.last().step(time.Now()) {
			continue
		}
		// The emulator's service goes back too, with all that was changed.
		restore := object{"cluster": service["clusterArn"], "service": service["serviceName"]}
		maps.Copy(restore, h.undo)
		var ignored object
		if err := e.ask("UpdateService", restore, &ignored); err != nil {
			return nil, err
		}
		back = true
	}
	if back {
		if services, answer, err = e.services(); err != nil || services == nil {
			return answer, err
		}
	}
	for i := range services {
		if services[i], err = o.show(services[i]); err != nil {
			return nil, err
		}
	}
	var whole object
	if err := json.Unmarshal(answer.Body.Bytes(), &whole); err != nil {
		return nil, err
	}
	whole, err = whole.with(map[string]any{"services": services})
	if err != nil {
		return nil, err
	}
	return reply(whole)
}

// services are those in the emulator's answer, if it has any.
func (e exchange) services() ([]object, *httptest.ResponseRecorder, error) {
	answer := e.record()
	if answer.Code != http.StatusOK {
		return nil, answer, nil
	}
	var found struct{ Services []object }
	err := json.Unmarshal(answer.Body.Bytes(), &found)
	return found.Services, answer, err
}

// show lays a service's deployments over it.
func (o *Rollouts) show(service object) (object, error) {
	h := o.services[service.text("serviceArn")]
	if h == nil || len(h.rollouts) == 0 || service.text("status") != active {
		return service, nil
	}
	if last := h.last(); h.earlier != nil && last.polls > 0 && last.polls <= last.plan.Stale {
		return h.earlier, nil
	}
	var base []object
	if err := json.Unmarshal(service["deployments"], &base); err != nil || len(base) == 0 {
		return nil, fmt.Errorf("the emulator's service has no deployments: %w", err)
	}
	r := h.last()
	h.tasks = service.number("desiredCount")
	running, pending := 0, 0
	var deployments []object
	for _, d := range r.deployments(h.tasks) {
		running, pending = running+d.Running, pending+d.Pending
		shown, err := base[0].with(d)
		if err != nil {
			return nil, err
		}
		// The emulator leaves it as it was when the service was made.
		shown["networkConfiguration"] = service["networkConfiguration"]
		deployments = append(deployments, shown)
	}
	return service.with(map[string]any{
		"taskDefinition": r.runs(), "runningCount": running, "pendingCount": pending,
		"deployments": deployments, "events": h.events(),
	})
}

// events are a service's events, newest first, as ECS has them.
func (h *history) events() []event {
	var all []event
	for _, r := range h.rollouts {
		all = append(all, r.events...)
	}
	slices.Reverse(all)
	return all
}

// named finds a service by its name or ARN.
func (o *Rollouts) named(service string) *history {
	for arn, h := range o.services {
		if arn == service || strings.HasSuffix(arn, "/"+service) {
			return h
		}
	}
	return nil
}

// listDeployments answers ListServiceDeployments, which the emulator does not know.
func (o *Rollouts) listDeployments(e exchange) (*httptest.ResponseRecorder, error) {
	var asked struct{ Service string }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	h := o.named(asked.Service)
	if h == nil {
		return nil, nil
	}
	var all []brief
	for _, r := range slices.Backward(h.rollouts) {
		all = append(all, r.brief())
	}
	return reply(map[string]any{"serviceDeployments": all})
}

// listTasks answers ListTasks where it asks for a service's stopped tasks.
func (o *Rollouts) listTasks(e exchange) (*httptest.ResponseRecorder, error) {
	var asked struct{ ServiceName, DesiredStatus string }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	h := o.named(asked.ServiceName)
	if h == nil || asked.DesiredStatus != "STOPPED" {
		return nil, nil
	}
	arns := []string{}
	for _, t := range h.stopped() {
		arns = append(arns, t.ARN)
	}
	return reply(map[string]any{"taskArns": arns})
}

// stopped are a service's stopped tasks, those of earlier deployments too: ECS keeps
// them for an hour.
func (h *history) stopped() []task {
	var all []task
	for _, r := range h.rollouts {
		all = append(all, r.stopped...)
	}
	return all
}

// describeTasks answers DescribeTasks where it asks for stopped tasks.
func (o *Rollouts) describeTasks(e exchange) (*httptest.ResponseRecorder, error) {
	var asked struct{ Tasks []string }
	if err := json.Unmarshal(e.body, &asked); err != nil {
		return nil, err
	}
	var found []task
	for _, h := range o.services {
		for _, t := range h.stopped() {
			if slices.Contains(asked.Tasks, t.ARN) {
				found = append(found, t)
			}
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return reply(map[string]any{"tasks": found, "failures": []any{}})
}

// health is DescribeTargetHealth's answer.
type health struct {
	XMLName xml.Name       `xml:"DescribeTargetHealthResponse"`
	Targets []healthTarget `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member"`
}

// healthTarget is a target in it.
type healthTarget struct {
	ID              string `xml:"Target>Id"`
	Port            int    `xml:"Target>Port"`
	HealthCheckPort int
	State           string `xml:"TargetHealth>State"`
	Reason          string `xml:"TargetHealth>Reason,omitempty"`
	Description     string `xml:"TargetHealth>Description,omitempty"`
}

// targetHealth answers DescribeTargetHealth.
func (o *Rollouts) targetHealth(e exchange) (*httptest.ResponseRecorder, error) {
	form, err := url.ParseQuery(string(e.body))
	if err != nil {
		return nil, err
	}
	for _, h := range o.services {
		r := h.last()
		if r.site.TargetGroup != form.Get("TargetGroupArn") {
			continue
		}
		var content health
		for _, t := range r.targets(h.tasks) {
			content.Targets = append(content.Targets, healthTarget{t.IP, r.site.Port, r.site.Port, t.State, t.Reason, t.Description})
		}
		text, err := xml.Marshal(content)
		if err != nil {
			return nil, err
		}
		answer := httptest.NewRecorder()
		write(answer, "text/xml", http.StatusOK, text)
		return answer, nil
	}
	return nil, nil
}
