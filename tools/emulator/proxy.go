package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"ecs-sample-app/tools/emulator/balancer"
	"ecs-sample-app/tools/emulator/containers"
	"ecs-sample-app/tools/emulator/scheduler"
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
//   - ECS services: what was asked for is filled in. Their deployments and tasks are
//     the scheduler's, and their targets' health; moto has neither.
//   - Load balancers: they answer on this machine, so their DNS name is localhost:PORT.
//     One that is protected is not deleted. moto deletes it.
//   - Scalable targets: their tags are kept. moto fails when asked for them.
//   - What AWS refuses and moto takes is refused, in refusals.go.
//   - VPC endpoints: one that was deleted does not exist. moto goes on describing
//     it, and the provider would wait ten minutes for it to go, and fail.
//   - A gateway endpoint may be deleted also if route tables were added to it later. moto
//     fails, because it has added no route to those.
//   - NAT gateways take their network interface with them when they are deleted. moto
//     leaves it in the subnet.
//   - Services that were deleted are listed no more. moto goes on listing them.
//   - What was made up for a config has the names that the config gives it, in assumed.go.
//
// Everything else passes through as it is.
type proxy struct {
	moto      *httputil.ReverseProxy
	api       *api
	scheduler *scheduler.Scheduler
	balancer  *balancer.Balancer
	assumed   *assumed

	mu      sync.Mutex
	asked   map[string]object            // what was asked of a service, by its ARN
	deleted map[string]bool              // IDs of VPC endpoints, ARNs of services
	joined  map[string][]string          // route tables that were added to a VPC endpoint, by its ID
	tags    map[string]map[string]string // of scalable targets, by ARN
	names   map[string]dnsName           // of load balancers, by ARN
}

// object is a JSON object whose values are kept to the letter.
type object map[string]json.RawMessage

// newProxy returns a proxy before moto, whose tasks run nowhere until runOn. missing is
// the page that load balancers show there.
func newProxy(moto *url.URL, missing string) *proxy {
	p := &proxy{api: newAPI(moto), asked: map[string]object{}, deleted: map[string]bool{}, joined: map[string][]string{}, tags: map[string]map[string]string{}, names: map[string]dnsName{}}
	p.balancer = balancer.New(p.api.elb, missing)
	p.assumed = &assumed{api: p.api, names: map[string]string{}, parts: map[string]string{}}
	none := scheduler.NewNone()
	p.scheduler = scheduler.New(none, none, time.Now)
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

// runOn has tasks run on a runtime, and be the load balancers' targets.
func (p *proxy) runOn(runtime scheduler.Runtime) {
	p.scheduler = scheduler.New(runtime, p.balancer, time.Now)
}

// request is one that the proxy has to know when moto has answered it.
type request struct {
	action, region string
	body           []byte
	form           url.Values
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
	if r.URL.Path == assumePath {
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.assumed.ServeHTTP(w, r)
		return
	}
	if p.assumed.any() {
		body = p.assumed.motos(body)
		r.URL.Path = string(p.assumed.motos([]byte(r.URL.Path)))
		r.ContentLength = int64(len(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	if id, ok := strings.CutPrefix(r.URL.Path, containers.MetadataPath); ok {
		p.metadata(w, id)
		return
	}
	asked := requestOf(r, body)
	if p.answer(r.Context(), w, asked) {
		return
	}
	if asked.action != "" {
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, asked))
	}
	p.moto.ServeHTTP(w, r)
}

// answer answers a request in moto's place, and tells whether it did.
func (p *proxy) answer(ctx context.Context, w http.ResponseWriter, asked request) bool {
	if refused := p.refusal(ctx, asked); refused != nil {
		refused.write(w, asked)
		return true
	}
	switch {
	case strings.HasPrefix(asked.action, "scaling:"):
		return p.serveTags(w, asked.action, asked.body)
	case strings.HasPrefix(asked.action, "ecs:"):
		return p.answerECS(w, asked)
	case asked.action == "elb:DescribeTargetHealth":
		return p.targetHealth(w, asked.form.Get("TargetGroupArn"))
	case strings.HasPrefix(asked.action, "ec2:"):
		gone := p.gone(asked.form)
		if gone == "" && asked.form.Get("Action") == "DeleteVpcEndpoints" {
			p.part(ctx, asked)
		}
		if gone != "" {
			notFound(w, asked.form.Get("Action"), gone)
		}
		return gone != ""
	default:
		return false
	}
}

// services are those whose answers are mended, by how requests name them.
var services = map[string]string{
	"AmazonEC2ContainerServiceV20141113": "ecs:",
	"AnyScaleFrontendService":            "scaling:",
}

// forms are the services with forms whose requests matter, by the version of their API.
var forms = map[string]string{
	elbVersion:   "elb:",
	ec2Version:   "ec2:",
	"2010-05-08": "iam:",
}

// ec2Version is that of EC2's API.
const ec2Version = "2016-11-15"

// elbVersion is that of Elastic Load Balancing's API for Application Load Balancers.
const elbVersion = "2015-12-01"

// scope finds the region in a signature: AKIA…/20261123/us-east-1/ecs/aws4_request.
var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]+/([^/]+)/`)

// requestOf reads a request. Its action, such as ecs:CreateService, is empty where the
// answer is moto's alone.
func requestOf(r *http.Request, body []byte) request {
	asked := request{body: body, region: defaultRegion}
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		asked.region = found[1]
	}
	if service, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		if prefix, ours := services[service]; ours {
			asked.action = prefix + name
		}
		return asked
	}
	form, err := url.ParseQuery(string(body))
	prefix := forms[form.Get("Version")]
	if err != nil || prefix == "" || prefix == "ec2:" && !mended(form.Get("Action")) {
		return asked
	}
	asked.action, asked.form = prefix+form.Get("Action"), form
	return asked
}

// mended tells whether an action of EC2 is one whose answer, or whose effect, is mended.
func mended(action string) bool {
	return strings.HasSuffix(action, "VpcEndpoints") || action == deleteNAT || action == modifyEndpoint
}

const deleteNAT, modifyEndpoint = "DeleteNatGateway", "ModifyVpcEndpoint"

// deleteInterface deletes the network interface of a NAT gateway that was deleted.
func (p *proxy) deleteInterface(ctx context.Context, asked request) error {
	found, err := p.api.ec2(ctx, asked.region, "DescribeNatGateways", "NatGatewayId.1", asked.form.Get("NatGatewayId"))
	if err != nil {
		return err
	}
	if id := textAt(found, "natGatewayAddressSet>item>networkInterfaceId"); id != "" {
		_, err = p.api.ec2(ctx, asked.region, "DeleteNetworkInterface", "NetworkInterfaceId", id)
	}
	return err
}

// join notes the route tables that are added to a VPC endpoint.
func (p *proxy) join(form url.Values) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := form.Get("VpcEndpointId")
	for key, values := range form {
		if strings.HasPrefix(key, "AddRouteTableId.") {
			p.joined[id] = append(p.joined[id], values...)
		}
	}
}

// part takes them out again before the endpoint is deleted.
func (p *proxy) part(ctx context.Context, asked request) {
	for _, id := range endpointIDs(asked.form) {
		p.mu.Lock()
		tables := p.joined[id]
		delete(p.joined, id)
		p.mu.Unlock()
		for _, table := range tables {
			_, _ = p.api.ec2(ctx, asked.region, modifyEndpoint, "VpcEndpointId", id, "RemoveRouteTableId.1", table) // It may have left before.
		}
	}
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
	if err := p.mendAnswer(response); err != nil || !p.assumed.any() {
		return err
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	setBody(response, p.assumed.ours(answer))
	return nil
}

// mendAnswer is mend, in moto's own names.
func (p *proxy) mendAnswer(response *http.Response) error {
	asked, ok := response.Request.Context().Value(requestKey{}).(request)
	if !ok || response.StatusCode != http.StatusOK {
		return nil
	}
	switch asked.action {
	case "ec2:DeleteVpcEndpoints":
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, id := range endpointIDs(asked.form) {
			p.deleted[id] = true
		}
		return nil
	case "ec2:" + modifyEndpoint:
		p.join(asked.form)
		return nil
	case "ec2:" + deleteNAT:
		return p.deleteInterface(response.Request.Context(), asked)
	case "scaling:RegisterScalableTarget":
		answer, err := readAll(response)
		if err != nil {
			return err
		}
		return p.rememberTags(asked, answer)
	}
	change := p.change(asked)
	if change == nil {
		return nil
	}
	answer, err := readAll(response)
	if err != nil {
		return err
	}
	changed, err := change(response.Request.Context(), asked, answer)
	if err != nil {
		return fmt.Errorf("fill in moto's answer to %s: %w", asked.action, err)
	}
	setBody(response, changed)
	return nil
}

// change is what becomes of moto's answer to a request, nil where it stays as it is.
func (p *proxy) change(asked request) func(context.Context, request, []byte) ([]byte, error) {
	switch asked.action {
	case "ecs:ListServices":
		return p.listed
	case "ecs:ListTasks":
		return p.addTasks
	case "ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService", "ecs:DescribeServices":
		return p.fill
	}
	if strings.HasPrefix(asked.action, "elb:") {
		return p.balance
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
