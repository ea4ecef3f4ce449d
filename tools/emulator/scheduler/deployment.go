package scheduler

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What ECS calls the state of a service, of a deployment, and of a service's deployment
// in its history
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html).
const (
	Active   = "ACTIVE"
	Draining = "DRAINING"
	Inactive = "INACTIVE"

	Primary    = "PRIMARY"
	InProgress = "IN_PROGRESS"
	Completed  = "COMPLETED"
	Failed     = "FAILED"

	Successful         = "SUCCESSFUL"
	Ended              = "STOPPED"
	RollingBack        = "ROLLBACK_IN_PROGRESS"
	RollbackSuccessful = "ROLLBACK_SUCCESSFUL"
	RollbackFailed     = "ROLLBACK_FAILED"
)

const (
	// minThreshold and maxThreshold bound the failures after which the circuit breaker
	// ends a deployment: half of the desired tasks
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html).
	minThreshold, maxThreshold = 3, 200
	// maxWait bounds the time until a task is started in the place of one that failed,
	// which doubles with each. At AWS it grows longer
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html).
	maxWait = time.Minute
	// Settling is how long a rollback goes on at the least: ECS looks whether a service is
	// steady every now and then. Until then the failed deployment is shown beside it.
	Settling = 5 * time.Second
)

// Deployment is a deployment as DescribeServices shows it.
type Deployment struct {
	ID             string  `json:"id"`
	Status         string  `json:"status"`
	TaskDefinition string  `json:"taskDefinition"`
	Desired        int     `json:"desiredCount"`
	Running        int     `json:"runningCount"`
	Pending        int     `json:"pendingCount"`
	Failed         int     `json:"failedTasks"`
	State          string  `json:"rolloutState"`
	Reason         string  `json:"rolloutStateReason"`
	Created        float64 `json:"createdAt"`
	Updated        float64 `json:"updatedAt"`
	// Revision is what it deploys.
	Revision Revision `json:"-"`
}

// ServiceDeployment is a deployment in a service's history, as
// DescribeServiceDeployments shows it.
type ServiceDeployment struct {
	ARN          string            `json:"serviceDeploymentArn"`
	Service      string            `json:"serviceArn"`
	Cluster      string            `json:"clusterArn"`
	Status       string            `json:"status"`
	StatusReason string            `json:"statusReason,omitempty"`
	Created      float64           `json:"createdAt"`
	Started      float64           `json:"startedAt"`
	Finished     float64           `json:"finishedAt,omitempty"`
	Updated      float64           `json:"updatedAt"`
	Target       ServiceRevision   `json:"targetServiceRevision"`
	Sources      []ServiceRevision `json:"sourceServiceRevisions"`
	Rollback     *Rollback         `json:"rollback,omitempty"`
	Breaker      Breaker           `json:"deploymentCircuitBreaker"`
}

// Brief is the deployment as ListServiceDeployments shows it.
func (d *ServiceDeployment) Brief() any {
	return struct {
		ARN          string  `json:"serviceDeploymentArn"`
		Service      string  `json:"serviceArn"`
		Cluster      string  `json:"clusterArn"`
		Revision     string  `json:"targetServiceRevisionArn"`
		Status       string  `json:"status"`
		StatusReason string  `json:"statusReason,omitempty"`
		Created      float64 `json:"createdAt"`
		Started      float64 `json:"startedAt"`
		Finished     float64 `json:"finishedAt,omitempty"`
	}{d.ARN, d.Service, d.Cluster, d.Target.ARN, d.Status, d.StatusReason, d.Created, d.Started, d.Finished}
}

// ServiceRevision is a revision in a deployment, by its ARN.
type ServiceRevision struct {
	ARN       string `json:"arn"`
	Requested int    `json:"requestedTaskCount"`
	Running   int    `json:"runningTaskCount"`
	Pending   int    `json:"pendingTaskCount"`
}

// Rollback is how a deployment was taken back.
type Rollback struct {
	Reason   string  `json:"reason"`
	Started  float64 `json:"startedAt"`
	Revision string  `json:"serviceRevisionArn"`
}

// Breaker is what a deployment's circuit breaker has counted.
type Breaker struct {
	Status    string `json:"status"`
	Failures  int    `json:"failureCount"`
	Threshold int    `json:"threshold"`
}

// Event is one of a service's events.
type Event struct {
	ID      string  `json:"id"`
	Created float64 `json:"createdAt"`
	Message string  `json:"message"`
}

// deployment is a deployment with what the scheduler knows of it.
type deployment struct {
	Deployment
	history *ServiceDeployment
	back    bool // it takes another one back
	began   time.Time
	next    time.Time // no task starts before
}

// fail counts a failure, and puts the next start off where they come in a row.
func (d *deployment) fail(now time.Time) {
	d.Failed++
	if d.Failed > minThreshold {
		d.next = now.Add(min(maxWait, time.Second<<min(d.Failed-minThreshold-1, 10)))
	}
}

// deploy begins a deployment of a revision. One that is going on ends.
func (s *service) deploy(r Revision) {
	now := s.scheduler.now()
	var sources []ServiceRevision
	if before := s.primary(); before != nil {
		if before.State == InProgress {
			s.end(before.history, Ended, "A new service deployment was started.")
		}
		sources = []ServiceRevision{before.history.Target}
	}
	d := s.begin(r)
	number := strings.TrimPrefix(d.ID, "ecs-svc/")
	_, path, _ := strings.Cut(s.arn, ":service/")
	prefix := strings.TrimSuffix(s.arn, ":service/"+path)
	d.history = &ServiceDeployment{
		ARN: prefix + ":service-deployment/" + path + "/" + number, Service: s.arn, Cluster: s.cluster, Status: InProgress,
		Created: seconds(now), Started: seconds(now), Updated: seconds(now),
		Target: ServiceRevision{ARN: prefix + ":service-revision/" + path + "/" + number}, Sources: sources,
		Breaker: Breaker{Status: "MONITORING", Threshold: s.threshold()},
	}
	if !s.settings.Breaker {
		d.history.Breaker.Status = "DISABLED"
	}
	s.history = append(s.history, d.history)
}

// begin makes a deployment the primary one.
func (s *service) begin(r Revision) *deployment {
	for _, d := range s.deployments {
		d.Status = Active
	}
	now := s.scheduler.now()
	id := fmt.Sprintf("ecs-svc/%019d", number())
	d := &deployment{began: now, Deployment: Deployment{
		ID: id, Status: Primary, TaskDefinition: r.TaskDefinition, State: InProgress, Reason: "ECS deployment " + id + " in progress.",
		Created: seconds(now), Updated: seconds(now), Revision: r,
	}}
	s.deployments = append([]*deployment{d}, s.deployments...)
	s.steady = false
	return d
}

// number is a random one of nineteen digits, at the most.
func number() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // It never fails.
	return binary.BigEndian.Uint64(b[:]) >> 1
}

// end ends a deployment in the history.
func (s *service) end(h *ServiceDeployment, status, reason string) {
	now := seconds(s.scheduler.now())
	h.Status, h.StatusReason, h.Finished, h.Updated = status, reason, now, now
	if h.Breaker.Status == "MONITORING" {
		h.Breaker.Status = "MONITORING_COMPLETE"
	}
}

// threshold is how many failures end a deployment.
func (s *service) threshold() int {
	return min(maxThreshold, max(minThreshold, (s.settings.Desired+1)/2))
}

// trip ends a deployment of which too many tasks have failed, and goes back to the last
// one that completed.
func (s *service) trip() bool {
	d := s.primary()
	if d.State != InProgress || !s.settings.Breaker || d.Failed < s.threshold() {
		return false
	}
	now, h := seconds(s.scheduler.now()), d.history
	d.State, d.Reason, d.Updated = Failed, "ECS deployment circuit breaker: tasks failed to start.", now
	s.tell("(deployment %s) deployment failed: tasks failed to start.", d.ID)
	h.Breaker = Breaker{Status: "TRIGGERED", Failures: d.Failed, Threshold: s.threshold()}
	const tripped = "Service deployment rolled back because the circuit breaker threshold was exceeded."
	switch {
	case !s.settings.Rollback:
		s.end(h, Ended, "Service deployment stopped because the circuit breaker threshold was exceeded.")
	case s.completed == nil || d.back:
		s.end(h, RollbackFailed, "No rollback candidate was found to run the rollback.")
	default:
		h.Status, h.StatusReason, h.Updated = RollingBack, tripped, now
		h.Rollback = &Rollback{Reason: tripped, Started: now, Revision: s.completed.history.Target.ARN}
		s.goBack(d)
	}
	return true
}

// goBack makes the last completed deployment's revision the one to run. Tasks of that
// revision that still run, also those that an earlier way back has started, are the new
// deployment's.
func (s *service) goBack(failed *deployment) {
	d := s.begin(s.completed.Revision)
	d.Reason = "ECS deployment circuit breaker: rolling back to deploymentId " + s.completed.ID + "."
	d.history, d.back = failed.history, true
	s.tell("rolling back to deployment %s.", d.ID)
	for _, t := range s.tasks {
		if t.deployment.Revision.TaskDefinition == d.Revision.TaskDefinition && (t.deployment == s.completed || t.deployment.back) {
			t.deployment = d
		}
	}
	s.deployments = slices.DeleteFunc(s.deployments, func(old *deployment) bool { return old == s.completed })
}

// complete ends a deployment that has come to its end.
func (s *service) complete(d *deployment) {
	d.State, d.Reason, d.Updated = Completed, "ECS deployment "+d.ID+" completed.", seconds(s.scheduler.now())
	d.Failed = 0
	s.tell("(deployment %s) deployment completed.", d.ID)
	if d.back {
		s.end(d.history, RollbackSuccessful, d.history.StatusReason)
		// The revision that serves is the earlier deployment's, to whom what follows goes
		// back.
		history := *s.completed.history
		d.history = &history
	} else {
		s.end(d.history, Successful, "")
	}
	s.completed = d
}
