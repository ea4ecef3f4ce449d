package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// forgotten are the properties of an ECS service that moto takes and does not
// give back. To Pulumi each of them would be a change somebody made behind its
// back: a preview straight after an update would not be empty. A test asks plain
// moto for them and says so when it has learned one.
var forgotten = []string{
	"availabilityZoneRebalancing",
	"capacityProviderStrategy",
	"deploymentConfiguration",
	"enableECSManagedTags",
	"enableExecuteCommand",
	"healthCheckGracePeriodSeconds",
}

// services is a reverse proxy in front of moto that fills in what moto leaves out
// of ECS services: what was asked for, and that the tasks which were asked for
// run. Everything else passes through as it is.
type services struct {
	proxy *httputil.ReverseProxy

	mu    sync.Mutex
	asked map[string]object // by the service's ARN
}

// object is a JSON object whose values are kept to the letter.
type object map[string]json.RawMessage

func newServices(moto *url.URL) *services {
	s := &services{asked: map[string]object{}}
	s.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(moto)
			r.Out.Host = r.In.Host // moto tells some services by it.
		},
		ModifyResponse: s.supplement,
		// A proxy cannot reach this machine's own ports.
		Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16},
	}
	return s
}

// action is the key under which a request's context has the ECS action.
type action struct{ name, body string }

type actionKey struct{}

// ServeHTTP passes a request to moto. The body of one that makes or changes a
// service is kept until moto has accepted it.
func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if strings.HasPrefix(service, "AmazonEC2ContainerService") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r = r.WithContext(context.WithValue(r.Context(), actionKey{}, action{name, string(body)}))
	}
	s.proxy.ServeHTTP(w, r)
}

// supplement changes moto's answer to an action that returns services.
func (s *services) supplement(response *http.Response) error {
	asked, ok := response.Request.Context().Value(actionKey{}).(action)
	if !ok || response.StatusCode != http.StatusOK || !slices.Contains(
		[]string{"CreateService", "UpdateService", "DeleteService", "DescribeServices"}, asked.name) {
		return nil
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	changed, err := s.fill(asked, text)
	if err != nil {
		return fmt.Errorf("fill in moto's answer to %s: %w", asked.name, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(changed))
	response.ContentLength = int64(len(changed))
	response.Header.Set("Content-Length", strconv.Itoa(len(changed)))
	return nil
}

func (s *services) fill(asked action, text []byte) ([]byte, error) {
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if one, ok := answer["service"]; ok {
		var service object
		if err := json.Unmarshal(one, &service); err != nil {
			return nil, err
		}
		if asked.name != "DeleteService" {
			if err := s.remember(service, asked.body); err != nil {
				return nil, err
			}
		}
		if err := s.fillService(service); err != nil {
			return nil, err
		}
		return encodeWith(answer, "service", service)
	}
	var all []object
	if err := json.Unmarshal(answer["services"], &all); err != nil {
		return nil, err
	}
	for _, service := range all {
		if err := s.fillService(service); err != nil {
			return nil, err
		}
	}
	return encodeWith(answer, "services", all)
}

func encodeWith(answer object, key string, value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	answer[key] = encoded
	return json.Marshal(answer)
}

// remember keeps what a request asked of a service; an update changes only what
// it names.
func (s *services) remember(service object, body string) error {
	var request object
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := string(service["serviceArn"])
	if s.asked[arn] == nil {
		s.asked[arn] = object{}
	}
	for _, key := range forgotten {
		if value, ok := request[key]; ok {
			s.asked[arn][key] = value
		}
	}
	return nil
}

// fillService adds what was asked for, and shows the desired tasks as running:
// moto runs none and has one fixed number for all services.
func (s *services) fillService(service object) error {
	s.mu.Lock()
	asked := maps.Clone(s.asked[string(service["serviceArn"])])
	s.mu.Unlock()
	for key, value := range asked {
		if _, ok := service[key]; !ok {
			service[key] = value
		}
	}
	steady := object{
		"runningCount": service["desiredCount"],
		"pendingCount": json.RawMessage("0"),
	}
	maps.Copy(service, steady)

	var deployments []object
	if service["deployments"] == nil {
		return nil
	}
	if err := json.Unmarshal(service["deployments"], &deployments); err != nil {
		return err
	}
	for _, deployment := range deployments {
		maps.Copy(deployment, steady)
		deployment["desiredCount"] = service["desiredCount"]
		deployment["taskDefinition"] = service["taskDefinition"]
		deployment["rolloutState"] = json.RawMessage(`"COMPLETED"`)
	}
	encoded, err := json.Marshal(deployments)
	service["deployments"] = encoded
	return err
}
