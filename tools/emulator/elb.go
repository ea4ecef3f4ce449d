package emulator

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"ecs-sample-app/tools/emulator/balancer"
)

// dnsName is a load balancer's as moto has it, and the localhost:PORT in its place.
type dnsName struct{ given, local string }

// balance looks at what Elastic Load Balancing was told, and gives load balancers the
// names under which they answer on this machine.
func (p *proxy) balance(_ context.Context, asked request, text []byte) ([]byte, error) {
	action := strings.TrimPrefix(asked.action, "elb:")
	if !strings.HasPrefix(action, "Describe") {
		p.balancer.Changed()
	}
	switch action {
	case "CreateLoadBalancer":
		if err := p.open(text); err != nil {
			return nil, err
		}
	case "DeleteLoadBalancer":
		arn := asked.form.Get("LoadBalancerArn")
		p.mu.Lock()
		delete(p.names, arn)
		p.mu.Unlock()
		return text, p.balancer.Close(arn)
	case "DescribeLoadBalancers":
	default:
		return text, nil
	}
	answer := string(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.names {
		answer = strings.ReplaceAll(answer, "<DNSName>"+name.given+"</DNSName>", "<DNSName>"+name.local+"</DNSName>")
	}
	return []byte(answer), nil
}

// open lets a new load balancer answer.
func (p *proxy) open(answer []byte) error {
	var made struct {
		Balancers []struct {
			ARN  string `xml:"LoadBalancerArn"`
			Name string `xml:"DNSName"`
		} `xml:"CreateLoadBalancerResult>LoadBalancers>member"`
	}
	if err := balancer.Decode(answer, &made); err != nil {
		return err
	}
	for _, b := range made.Balancers {
		port, err := p.balancer.Open(b.ARN)
		if err != nil {
			return fmt.Errorf("open a port for the load balancer: %w", err)
		}
		p.mu.Lock()
		p.names[b.ARN] = dnsName{b.Name, "localhost:" + port}
		p.mu.Unlock()
	}
	return nil
}

// health is DescribeTargetHealth's answer.
type health struct {
	XMLName xml.Name       `xml:"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/ DescribeTargetHealthResponse"`
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

// targetHealth answers DescribeTargetHealth for a group that has tasks, and tells
// whether it did.
func (p *proxy) targetHealth(w http.ResponseWriter, group string) bool {
	targets := p.scheduler.Targets(group)
	if len(targets) == 0 {
		return false
	}
	var answer health
	for _, t := range targets {
		answer.Targets = append(answer.Targets, healthTarget{t.IP, t.Port, t.Port, t.State, t.Reason, t.Description})
	}
	text, err := xml.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return true
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(text) // The client may have hung up.
	return true
}
