package fake

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ecs-sample-app/e2e/account"
)

// Fault is what can happen to a request to AWS, or to the answer.
type Fault string

const (
	// Throttled refuses a request as one too many.
	Throttled Fault = "throttled"
	// Late holds a request back for a while.
	Late Fault = "late"
	// InternalError is HTTP 500 with the service's own code.
	InternalError Fault = "HTTP 500"
	// Unavailable is HTTP 503 with the service's own code.
	Unavailable Fault = "HTTP 503"
	// CutBefore ends the connection before AWS has heard of the request.
	CutBefore Fault = "cut before the action"
	// CutAfter ends the connection when AWS has done the action: nobody hears of it.
	CutAfter Fault = "cut after the action"
	// CutMidway ends the connection in the middle of the answer.
	CutMidway Fault = "cut in the answer"
)

// Any stands for every action.
const Any = "*"

// Faults stand before the emulator and let requests of the program and of the
// provider go wrong, as a test has planned it. What the test itself asks the account
// meets none.
type Faults struct {
	mu       sync.Mutex
	planned  []*planned
	injected []Injection
	asked    map[string]int
	order    []string
}

// planned is a fault that is to happen yet.
type planned struct {
	fault  Fault
	action string
	delay  time.Duration
	times  int
}

// Injection is a fault that has happened.
type Injection struct {
	Fault  Fault
	Action string
}

// Inject lets the next requests for each of these actions go wrong, so many times
// each. Of several faults planned for an action the first comes first.
func (f *Faults) Inject(fault Fault, times int, actions ...string) {
	f.plan(fault, 0, times, actions)
}

// Delay holds back the next requests for each of these actions, so many times each.
func (f *Faults) Delay(delay time.Duration, times int, actions ...string) {
	f.plan(Late, delay, times, actions)
}

func (f *Faults) plan(fault Fault, delay time.Duration, times int, actions []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, action := range actions {
		f.planned = append(f.planned, &planned{fault, action, delay, times})
	}
}

// Injected are the faults that happened, in their order.
func (f *Faults) Injected() []Injection {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.injected)
}

// Outstanding are the faults that were planned and have not happened, as text. A test
// that goes on without them has tested less than it says.
func (f *Faults) Outstanding() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, p := range f.planned {
		all = append(all, fmt.Sprintf("%s: %s, %d times", p.action, p.fault, p.times))
	}
	return all
}

// Clear forgets what is planned.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.planned = nil
}

// Asked is how often the program and the provider have asked for each action so far,
// by service and action, such as ecs:DescribeServices.
func (f *Faults) Asked() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.asked)
}

// Order is the actions that were asked for, in their order.
func (f *Faults) Order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.order)
}

// take counts a request and returns what is to happen to it, if anything.
func (f *Faults) take(service, action string) *planned {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]int{}
	}
	f.asked[service+":"+action]++
	f.order = append(f.order, action)
	for i, p := range f.planned {
		if p.action != action && p.action != Any {
			continue
		}
		f.injected = append(f.injected, Injection{p.fault, action})
		if p.times--; p.times == 0 {
			f.planned = slices.Delete(f.planned, i, i+1)
		}
		return p
	}
	return nil
}

// Wrap is the faults as the emulator takes them.
func (f *Faults) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.UserAgent(), "app/"+account.App) {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		service := serviceOf(r)
		p := f.take(service, actionOf(r, body))
		if p == nil {
			next.ServeHTTP(w, r)
			return
		}
		switch p.fault {
		case Late:
			select {
			case <-time.After(p.delay):
				next.ServeHTTP(w, r)
			case <-r.Context().Done(): // Who asked is gone.
			}
		case CutBefore:
			cut()
		case CutAfter:
			next.ServeHTTP(httptest.NewRecorder(), r)
			cut()
		case CutMidway:
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			sendHalf(w, answer)
		default:
			refuse(w, r, service, p.fault)
		}
	})
}

// cut ends the connection of the request that is being served.
func cut() { panic(http.ErrAbortHandler) }

// sendHalf sends the first half of an answer, and ends the connection.
func sendHalf(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2]) // Who asked may be gone by now,
	_ = http.NewResponseController(w).Flush()                 // and is cut off in any case.
	cut()
}

// scope finds the service in a signature: AKIA…/20261123/us-east-1/ecs/aws4_request.
var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]+/[^/]+/([^/]+)/`)

// serviceOf is the service that a request was signed for, such as ecs.
func serviceOf(r *http.Request) string {
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		return found[1]
	}
	return ""
}

// refusal is an error as a service answers it.
type refusal struct {
	status        int
	code, message string
}

// refusals are the errors that services answer when they are asked too much or are
// in trouble, by service, and under "" those of all others. ECS's are in its JSON
// protocol; EC2 has codes of its own
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html,
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
var refusals = map[Fault]map[string]refusal{
	Throttled: {
		"ec2":        {http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."},
		"iam":        {http.StatusBadRequest, "Throttling", "Rate exceeded"},
		"sts":        {http.StatusBadRequest, "Throttling", "Rate exceeded"},
		"monitoring": {http.StatusBadRequest, "Throttling", "Rate exceeded"},
		"":           {http.StatusBadRequest, "ThrottlingException", "Rate exceeded"},
	},
	InternalError: {
		"ec2": {http.StatusInternalServerError, "InternalError", "An internal error has occurred"},
		"ecs": {http.StatusInternalServerError, "ServerException", "Service Unavailable. Please try again later."},
		"iam": {http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error."},
		"":    {http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."},
	},
	Unavailable: {
		"ec2":  {http.StatusServiceUnavailable, "Unavailable", "The server is overloaded and can't handle the request."},
		"logs": {http.StatusServiceUnavailable, "ServiceUnavailableException", "The service cannot complete the request."},
		"":     {http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."},
	},
}

const (
	// queryError and ec2Error are errors in XML, of the Query protocol and of EC2's own.
	queryError = "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error><RequestId>0</RequestId></ErrorResponse>"
	ec2Error   = "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>0</RequestID></Response>"
	// jsonType is the content type of AWS's JSON protocol 1.1.
	jsonType = "application/x-amz-json-1.1"
)

// refuse answers with an error, in the protocol of the service.
func refuse(w http.ResponseWriter, r *http.Request, service string, fault Fault) {
	answer, ok := refusals[fault][service]
	if !ok {
		answer = refusals[fault][""]
	}
	contentType, format := "text/xml", queryError
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		contentType, format = jsonType, `{"__type": "%s", "message": "%s"}`
	case service == "ec2":
		format = ec2Error
	}
	write(w, contentType, answer.status, fmt.Appendf(nil, format, answer.code, answer.message))
}

// write answers.
func write(w http.ResponseWriter, contentType string, status int, text []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // Who asked may be gone by now.
}
