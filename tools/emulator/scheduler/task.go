package scheduler

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// What ECS calls the state of a task
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html).
const (
	Pending      = "PENDING"
	Running      = "RUNNING"
	Deactivating = "DEACTIVATING"
	Stopping     = "STOPPING"
	HasStopped   = "STOPPED"
)

// Task is a task as DescribeTasks shows it.
type Task struct {
	ARN            string       `json:"taskArn"`
	Cluster        string       `json:"clusterArn"`
	TaskDefinition string       `json:"taskDefinitionArn"`
	Group          string       `json:"group"`
	StartedBy      string       `json:"startedBy"`
	LaunchType     string       `json:"launchType"`
	LastStatus     string       `json:"lastStatus"`
	DesiredStatus  string       `json:"desiredStatus"`
	HealthStatus   string       `json:"healthStatus"`
	StopCode       string       `json:"stopCode,omitempty"`
	StoppedReason  string       `json:"stoppedReason,omitempty"`
	Created        float64      `json:"createdAt"`
	Started        float64      `json:"startedAt,omitempty"`
	Stopping       float64      `json:"stoppingAt,omitempty"`
	Stopped        float64      `json:"stoppedAt,omitempty"`
	Attachments    []attachment `json:"attachments"`
	Containers     []Container  `json:"containers"`

	// Service is the service's ARN, and Definition the task definition, for a runtime.
	Service    string          `json:"-"`
	Definition json.RawMessage `json:"-"`
	number     int
}

// Container is a task's container. One that never started has no exit code.
type Container struct {
	Name       string `json:"name"`
	Image      string `json:"image"`
	LastStatus string `json:"lastStatus"`
	ExitCode   *int   `json:"exitCode,omitempty"`
	Reason     string `json:"reason,omitempty"`
	RuntimeID  string `json:"runtimeId,omitempty"`
}

// Metadata is a task as it finds itself described at its metadata endpoint.
type Metadata struct {
	Cluster          string
	ServiceName      string
	TaskARN          string
	Family, Revision string
	DesiredStatus    string
	KnownStatus      string
	LaunchType       string
	Containers       []ContainerMetadata
}

// ContainerMetadata is one of its containers.
type ContainerMetadata struct {
	Name, DockerName, Image    string
	Labels                     map[string]string
	DesiredStatus, KnownStatus string
}

// Metadata returns the task as its metadata endpoint describes it.
func (t *Task) Metadata() Metadata {
	family, revision, _ := strings.Cut(t.TaskDefinition[strings.LastIndex(t.TaskDefinition, "/")+1:], ":")
	m := Metadata{
		Cluster: t.Cluster, ServiceName: strings.TrimPrefix(t.Group, "service:"), TaskARN: t.ARN, Family: family, Revision: revision,
		DesiredStatus: t.DesiredStatus, KnownStatus: t.LastStatus, LaunchType: t.LaunchType,
	}
	for _, c := range t.Containers {
		m.Containers = append(m.Containers, ContainerMetadata{
			Name: c.Name, DockerName: c.Name, Image: c.Image, DesiredStatus: t.DesiredStatus, KnownStatus: c.LastStatus,
			Labels: map[string]string{
				"com.amazonaws.ecs.cluster": t.Cluster, "com.amazonaws.ecs.container-name": c.Name, "com.amazonaws.ecs.task-arn": t.ARN,
				"com.amazonaws.ecs.task-definition-family": family, "com.amazonaws.ecs.task-definition-version": revision,
			},
		})
	}
	return m
}

// attachment is a task's network interface.
type attachment struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Status  string `json:"status"`
	Details []pair `json:"details"`
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// task is a task with what the scheduler knows of it.
type task struct {
	Task
	deployment *deployment
	ip         string
	targets    []Target // that it is registered with, or drains from
	proven     bool     // it was healthy once
	leaves     bool     // its targets drain
	told       bool     // the runtime was told to stop it
	replaced   bool     // it is unhealthy, and goes when another has its place
	complaint  string   // why
	since      time.Time
	gone       time.Time
}

// ID is what a task's ARN ends with.
func (t *Task) ID() string { return t.ARN[strings.LastIndex(t.ARN, "/")+1:] }

func (t *task) id() string { return t.ID() }

// stays tells whether nobody has asked the task to stop.
func (t *task) stays() bool { return t.DesiredStatus == Running }

// healthy tells whether the task runs and all who check it are content.
func (t *task) healthy(b Balancers) bool {
	if !t.stays() || t.LastStatus != Running || t.HealthStatus == ContainersSick || t.HealthStatus == ContainersUnknown && t.checked() {
		return false
	}
	for _, target := range t.targets {
		if b.Health(target).State != Healthy {
			return false
		}
	}
	return true
}

// checked tells whether a container has a health check of its own.
func (t *task) checked() bool { return t.deployment.Revision.Checked }

// hexadecimal is a random ID of so many digits.
func hexadecimal(digits int) string {
	id := make([]byte, digits/2)
	_, _ = rand.Read(id) // It never fails.
	return hex.EncodeToString(id)
}

// seconds is a time as AWS's JSON has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// newTask is a task of a deployment, before it starts.
func (s *service) newTask(d *deployment) *task {
	s.scheduler.started++
	n := s.scheduler.started
	now := s.scheduler.now()
	t := &task{
		deployment: d, since: now, ip: fmt.Sprintf("10.0.%d.%d", n/200%250, 10+n%200),
		Task: Task{
			ARN: strings.Replace(s.cluster, ":cluster/", ":task/", 1) + "/" + hexadecimal(32), Cluster: s.cluster,
			TaskDefinition: d.Revision.TaskDefinition, Group: "service:" + s.name(), StartedBy: d.ID, LaunchType: "FARGATE",
			LastStatus: Pending, DesiredStatus: Running, HealthStatus: ContainersUnknown, Created: seconds(now),
			Service: s.arn, Definition: d.Revision.Definition, number: n,
		},
	}
	t.Attachments = []attachment{{hexadecimal(32), "ElasticNetworkInterface", "ATTACHED", []pair{{"privateIPv4Address", t.ip}}}}
	for _, c := range d.Revision.Containers {
		c.LastStatus = Pending
		t.Containers = append(t.Containers, c)
	}
	return t
}

// hear takes in a report of a task.
func (s *service) hear(t *task, r Report) {
	now := s.scheduler.now()
	switch {
	case t.LastStatus == HasStopped:
	case r.Stopped != nil:
		s.stopped(t, *r.Stopped)
	case r.Unplaced != "":
		s.tell("was unable to place a task. Reason: %s.", strings.TrimSuffix(r.Unplaced, "."))
	case r.Addresses != nil && t.LastStatus == Pending:
		t.LastStatus, t.Started, t.since = Running, seconds(now), now
		for i := range t.Containers {
			t.Containers[i].LastStatus = Running
		}
		if t.stays() {
			s.register(t, r.Addresses)
		}
	case r.Health != "":
		t.HealthStatus = r.Health
	}
}

// register makes a task the target of its groups.
func (s *service) register(t *task, addresses map[int]string) {
	for _, target := range t.deployment.Revision.Targets {
		target.IP, target.Address = t.ip, addresses[target.Port]
		t.targets = append(t.targets, target)
		s.scheduler.balancers.Register(target)
		s.tell("registered 1 targets in (target-group %s)", target.Group)
	}
}

// stop asks a task to stop: its targets drain first.
func (s *service) stop(t *task, code, reason string) {
	if !t.stays() {
		return
	}
	t.DesiredStatus, t.StopCode, t.StoppedReason, t.Stopping = HasStopped, code, reason, seconds(s.scheduler.now())
	s.steady = false
	s.deregister(t)
	if t.LastStatus == Running {
		t.LastStatus = Deactivating
	}
}

func (s *service) deregister(t *task) {
	if t.leaves {
		return
	}
	t.leaves = true
	for _, target := range t.targets {
		s.scheduler.balancers.Deregister(target)
		s.tell("deregistered 1 targets in (target-group %s)", target.Group)
	}
	if len(t.targets) > 0 && t.LastStatus == Running && !t.stays() {
		s.tell("has begun draining connections on 1 tasks.")
	}
}

// stopped notes that a task has stopped. One that was not asked to, and has not proved
// itself, is a failure of its deployment.
func (s *service) stopped(t *task, how Stopped) {
	now := s.scheduler.now()
	if t.stays() {
		t.StopCode, t.StoppedReason, t.Stopping = how.Code, how.Reason, seconds(now)
		t.deployment.fail(now)
	}
	s.deregister(t)
	t.LastStatus, t.DesiredStatus, t.Stopped, t.gone = HasStopped, HasStopped, seconds(now), now
	if len(how.Containers) > 0 {
		t.Containers = how.Containers
	}
	for i := range t.Containers {
		t.Containers[i].LastStatus = HasStopped
	}
	s.steady = false
}

// look asks how a task is, and stops one that is unhealthy after its grace period.
func (s *service) look(t *task) bool {
	balancers, now := s.scheduler.balancers, s.scheduler.now()
	if !t.stays() {
		return s.retire(t)
	}
	if t.LastStatus != Running || t.replaced {
		return false
	}
	if t.healthy(balancers) {
		moved := !t.proven
		if moved {
			t.proven, t.deployment.Failed = true, 0
		}
		return moved
	}
	if now.Sub(t.since) < s.settings.Grace {
		return false
	}
	reason := s.complaint(t)
	if reason == "" {
		return false
	}
	t.deployment.fail(now)
	t.replaced, t.complaint = true, reason
	return true
}

// complaint is why a task is unhealthy, empty where it is not yet known.
func (s *service) complaint(t *task) string {
	if t.HealthStatus == ContainersSick {
		return "Task failed container health checks"
	}
	for _, target := range t.targets {
		health := s.scheduler.balancers.Health(target)
		if health.State == Unhealthy {
			s.tell("(task %s) (port %d) is unhealthy in (target-group %s) due to (reason %s).", t.id(), target.Port, target.Group, health.Description)
			return fmt.Sprintf("Task failed ELB health checks in (target-group %s)", target.Group)
		}
	}
	return ""
}

// retire tells the runtime to stop a task whose targets have drained.
func (s *service) retire(t *task) bool {
	if t.told || t.LastStatus == HasStopped {
		return false
	}
	for _, target := range t.targets {
		if s.scheduler.balancers.Health(target).State != "" {
			return false
		}
	}
	t.told, t.LastStatus = true, Stopping
	s.scheduler.runtime.Stop(t.id())
	return true
}
