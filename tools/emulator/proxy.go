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
// give back. To Pulumi each of them would be a change that somebody made behind
// its back: a preview straight after an update would not be empty. A test asks
// plain moto for them and says so when it has learned one.
var forgotten = []string{
	"availabilityZoneRebalancing",
	"capacityProviderStrategy",
	"deploymentConfiguration",
	"enableECSManagedTags",
	"enableExecuteCommand",
	"healthCheckGracePeriodSeconds",
}

// proxy stands in front of moto and mends where its answers are not AWS's, in
// what stacks of this program come by:
//
//   - ECS services: what was asked for is filled in, and the tasks that were asked
//     for run. moto itself runs none and has one fixed number for all services.
//   - Scalable targets: their tags are kept. moto fails when asked for them.
//   - Service deployments: that moto does not know of them is said as AWS says it.
//   - VPC endpoints: one that was deleted does not exist. moto goes on describing
//     it, and the provider would wait ten minutes for it to go, and fail.
//   - Services that were deleted are listed no more. moto goes on listing them.
//   - Load balancers: one that is protected is not deleted. moto deletes it.
//
// Everything else passes through as it is.
type proxy struct {
	moto *httputil.ReverseProxy
	url  *url.URL // moto's

	mu      sync.Mutex
	asked   map[string]object            // what was asked of a service, by its ARN
	deleted map[string]bool              // IDs of VPC endpoints, ARNs of services
	tags    map[string]map[string]string // of scalable targets, by ARN
}

// object is a JSON object whose values are kept to the letter.
type object map[string]json.RawMessage

func newProxy(moto *url.URL) *proxy {
	p := &proxy{url: moto, asked: map[string]object{}, deleted: map[string]bool{}, tags: map[string]map[string]string{}}
	p.moto = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(moto)
			r.Out.Host = r.In.Host // moto tells some services by it.
		},
		ModifyResponse: p.mend,
		// A proxy of the user's cannot reach this machine's own ports.
		Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16},
	}
	return p
}

// request is one that the proxy has to know when moto has answered it.
type request struct {
	action string
	body   []byte
}

// requestKey is the key under which a request's context has it.
type requestKey struct{}

// ServeHTTP passes a request to moto.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	action, form := actionOf(r, body)
	switch {
	case action == "ecs:ListServiceDeployments":
		unknownOperation(w)
		return
	case strings.HasPrefix(action, "scaling:") && p.serveTags(w, action, body):
		return
	case action == "elb:DeleteLoadBalancer":
		if arn := form.Get("LoadBalancerArn"); p.protected(r, arn) {
			refuse(w, arn)
			return
		}
	case strings.HasPrefix(action, "ec2:"):
		if gone := p.gone(form); gone != "" {
			notFound(w, form.Get("Action"), gone)
			return
		}
	}
	if action != "" {
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, request{action, body}))
	}
	p.moto.ServeHTTP(w, r)
}

// services are those whose answers are mended, by how requests name them.
var services = map[string]string{
	"AmazonEC2ContainerServiceV20141113": "ecs:",
	"AnyScaleFrontendService":            "scaling:",
}

// actionOf is the action of a request, such as ecs:CreateService, and its form, if it
// has one. It is empty where the answer is moto's alone.
func actionOf(r *http.Request, body []byte) (action string, form url.Values) {
	if service, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		if prefix, ours := services[service]; ours {
			return prefix + name, nil
		}
		return "", nil
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case err != nil:
		return "", nil
	case strings.HasSuffix(form.Get("Action"), "VpcEndpoints"):
		return "ec2:" + form.Get("Action"), form
	case form.Get("Action") == "DeleteLoadBalancer":
		return "elb:" + form.Get("Action"), form
	default:
		return "", nil
	}
}

// unknownOperation answers as AWS does to what it does not know. moto breaks down over
// it, and who asked tries again for seconds
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html).
func unknownOperation(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"__type": "UnknownOperationException"}`) // The client may have hung up.
}

// gone returns the ID of a deleted VPC endpoint that a request asks for.
func (p *proxy) gone(form url.Values) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range endpointIDs(form) {
		if p.deleted[id] {
			return id
		}
	}
	return ""
}

func endpointIDs(form url.Values) []string {
	var ids []string
	for key, values := range form {
		if strings.HasPrefix(key, "VpcEndpointId.") {
			ids = append(ids, values...)
		}
	}
	return ids
}

// notFound answers as EC2 does for an endpoint that does not exist: deleting it is an
// error in a list of those that could not be deleted, anything else an error by itself
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html,
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html).
func notFound(w http.ResponseWriter, action, id string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	message := fmt.Sprintf("The Vpc Endpoint Id '%s' does not exist", url.QueryEscape(id))
	if action == "DeleteVpcEndpoints" {
		_, _ = fmt.Fprintf(w, `<DeleteVpcEndpointsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>0</requestId>`+
			"<unsuccessful><item><resourceId>%s</resourceId><error><code>InvalidVpcEndpoint.NotFound</code><message>%s</message></error></item></unsuccessful>"+
			"</DeleteVpcEndpointsResponse>", url.QueryEscape(id), message) // The client may have hung up.
		return
	}
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, "<Response><Errors><Error><Code>InvalidVpcEndpointId.NotFound</Code>"+
		"<Message>%s</Message></Error></Errors><RequestID>0</RequestID></Response>", message)
}

// mend looks at what moto answered, where the request was one to know.
func (p *proxy) mend(response *http.Response) error {
	asked, ok := response.Request.Context().Value(requestKey{}).(request)
	if !ok || response.StatusCode != http.StatusOK {
		return nil
	}
	switch asked.action {
	case "ec2:DeleteVpcEndpoints":
		form, err := url.ParseQuery(string(asked.body))
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, id := range endpointIDs(form) {
			p.deleted[id] = true
		}
	case "scaling:RegisterScalableTarget":
		answer, err := readAll(response)
		if err != nil {
			return err
		}
		return p.rememberTags(asked, answer)
	case "ecs:ListServices":
		answer, err := readAll(response)
		if err != nil {
			return err
		}
		changed, err := p.listed(answer)
		if err != nil {
			return fmt.Errorf("list the services: %w", err)
		}
		setBody(response, changed)
	case "ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices":
		answer, err := readAll(response)
		if err != nil {
			return err
		}
		changed, err := p.fill(asked, answer)
		if err != nil {
			return fmt.Errorf("fill in moto's answer to %s: %w", asked.action, err)
		}
		setBody(response, changed)
	}
	return nil
}

// readAll reads an answer to its end, and leaves it to be read again.
func readAll(response *http.Response) ([]byte, error) {
	answer, err := io.ReadAll(response.Body)
	if err == nil {
		setBody(response, answer)
	}
	return answer, err
}

func setBody(response *http.Response, body []byte) {
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// fill completes the services in an answer: one under "service", or a list of them
// under "services".
func (p *proxy) fill(asked request, text []byte) ([]byte, error) {
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if one, ok := answer["service"]; ok {
		var service object
		if err := json.Unmarshal(one, &service); err != nil {
			return nil, err
		}
		p.list(string(service["serviceArn"]), asked.action != "ecs:DeleteService")
		if asked.action != "ecs:DeleteService" {
			if err := p.remember(service, asked.body); err != nil {
				return nil, err
			}
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

// list notes whether a service is to be listed. Its ARN is quoted, as JSON has it.
func (p *proxy) list(arn string, listed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deleted[arn] = !listed
}

// listed is an answer to ListServices without those that were deleted
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html).
func (p *proxy) listed(text []byte) ([]byte, error) {
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	var arns []json.RawMessage
	if err := json.Unmarshal(answer["serviceArns"], &arns); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return encodeWith(answer, "serviceArns", slices.DeleteFunc(arns, func(arn json.RawMessage) bool { return p.deleted[string(arn)] }))
}

func encodeWith(answer object, key string, value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	answer[key] = encoded
	return json.Marshal(answer)
}

// remember keeps what a request asked of a service; an update changes only what it
// names.
func (p *proxy) remember(service object, body []byte) error {
	var asked object
	if err := json.Unmarshal(body, &asked); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	arn := string(service["serviceArn"])
	if p.asked[arn] == nil {
		p.asked[arn] = object{}
	}
	for _, key := range forgotten {
		if value, ok := asked[key]; ok {
			p.asked[arn][key] = merged(p.asked[arn][key], value)
		}
	}
	return nil
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

// fillService adds what was asked for and is missing, and shows the desired tasks
// as running, and so every deployment as completed.
func (p *proxy) fillService(service object) error {
	p.mu.Lock()
	asked := maps.Clone(p.asked[string(service["serviceArn"])])
	p.mu.Unlock()
	// After an update moto gives back some of it, as far as the update named it.
	maps.Copy(service, asked)
	steady := object{"runningCount": service["desiredCount"], "pendingCount": json.RawMessage("0")}
	maps.Copy(service, steady)
	if service["deployments"] == nil {
		return nil
	}
	var deployments []object
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
