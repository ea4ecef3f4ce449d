package emulator

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// refusal is an error that AWS answers, and moto does not.
type refusal struct{ code, message string }

// write answers with the error, in the protocol of the request.
func (e *refusal) write(w http.ResponseWriter, asked request) {
	if asked.form == nil {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": e.code, "message": e.message}) // The client may have hung up.
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	var message strings.Builder
	_ = xml.EscapeText(&message, []byte(e.message)) // A builder takes everything.
	_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>0</RequestId></ErrorResponse>",
		e.code, message.String()) // The client may have hung up.
}

// maxTaskDefinition is how large a task definition may be, in bytes
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html).
const maxTaskDefinition = 64 << 10

// refusal returns what AWS has against a request, nil where it takes it.
func (p *proxy) refusal(ctx context.Context, asked request) *refusal {
	switch asked.action {
	case "ecs:CreateService", "ecs:UpdateService":
		return p.serviceRefusal(ctx, asked)
	case "ecs:RegisterTaskDefinition":
		if n := len(asked.body); n > maxTaskDefinition {
			return &refusal{"ClientException", fmt.Sprintf("Actual length: '%d'. Max allowed length is '%d' bytes.", n, maxTaskDefinition)}
		}
	case "elb:DeleteLoadBalancer":
		return p.protected(asked)
	}
	if strings.HasPrefix(asked.action, "iam:") {
		return tagRefusal(asked.form)
	}
	return nil
}

// serviceRefusal is what ECS has against a service.
func (p *proxy) serviceRefusal(ctx context.Context, asked request) *refusal {
	var given struct {
		TaskDefinition string
		LoadBalancers  []struct{ TargetGroupArn string }
	}
	if json.Unmarshal(asked.body, &given) != nil {
		return nil // moto says itself what is wrong.
	}
	if given.TaskDefinition != "" {
		var found struct{ TaskDefinition struct{ Status string } }
		err := p.api.ecs(ctx, asked.region, "DescribeTaskDefinition", map[string]string{"taskDefinition": given.TaskDefinition}, &found)
		if err == nil && found.TaskDefinition.Status == "INACTIVE" {
			return &refusal{"ClientException", "TaskDefinition is inactive"}
		}
	}
	for _, b := range given.LoadBalancers {
		var found struct {
			Balancers []string `xml:"DescribeTargetGroupsResult>TargetGroups>member>LoadBalancerArns>member"`
		}
		err := p.api.elb(asked.region, url.Values{"Action": {"DescribeTargetGroups"}, "TargetGroupArns.member.1": {b.TargetGroupArn}}, &found)
		switch {
		case err != nil:
			return &refusal{"InvalidParameterException", fmt.Sprintf("Unable to retrieve the target group %s: it does not exist.", b.TargetGroupArn)}
		case len(found.Balancers) == 0:
			return &refusal{"InvalidParameterException", fmt.Sprintf("The target group with targetGroupArn %s does not have an associated load balancer.", b.TargetGroupArn)}
		}
	}
	return nil
}

// protected is what Elastic Load Balancing has against the deletion of a load balancer
// that is protected
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html).
func (p *proxy) protected(asked request) *refusal {
	arn := asked.form.Get("LoadBalancerArn")
	var found struct {
		All []struct{ Key, Value string } `xml:"DescribeLoadBalancerAttributesResult>Attributes>member"`
	}
	if p.api.elb(asked.region, url.Values{"Action": {"DescribeLoadBalancerAttributes"}, "LoadBalancerArn": {arn}}, &found) != nil {
		return nil // moto says itself what is wrong.
	}
	if slices.Contains(found.All, struct{ Key, Value string }{"deletion_protection.enabled", "true"}) {
		return &refusal{"OperationNotPermitted", fmt.Sprintf("Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)}
	}
	return nil
}

// tagRefusal is what IAM has against tags whose keys differ by case only
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
func tagRefusal(form url.Values) *refusal {
	seen := map[string]bool{}
	for name, values := range form {
		if !strings.HasPrefix(name, "Tags.member.") || !strings.HasSuffix(name, ".Key") {
			continue
		}
		key := strings.ToLower(values[0])
		if seen[key] {
			return &refusal{"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		}
		seen[key] = true
	}
	return nil
}
