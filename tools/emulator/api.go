package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ecs-sample-app/tools/emulator/balancer"
)

// api asks moto, past the proxy.
type api struct {
	url    *url.URL
	client http.Client
}

func newAPI(moto *url.URL) *api {
	return &api{moto, http.Client{Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 4}, Timeout: time.Minute}}
}

// apiError is an error that AWS answers.
type apiError struct{ text string }

func (e apiError) Error() string { return e.text }

// send sends a request for a service in a region. moto takes any signature, and reads
// both from it.
func (a *api) send(ctx context.Context, service, region string, header http.Header, body []byte) ([]byte, error) {
	return a.sendTo(ctx, "/", service, region, header, body)
}

// sendTo is send, to a path.
func (a *api) sendTo(ctx context.Context, path, service, region string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header
	header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=emulator/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, apiError{errorIn(answer)}
	}
	return answer, nil
}

// errorIn is the code and the message in an error of the JSON protocol.
func errorIn(answer []byte) string {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &said) != nil || said.Type == "" {
		return string(answer)
	}
	return said.Type + ": " + said.Message
}

// json calls an action of a service in the JSON protocol, by its target, such as
// Logs_20140328.PutLogEvents.
func (a *api) json(ctx context.Context, service, region, target string, input, output any) error {
	body, err := json.Marshal(input)
	if err != nil {
		return err
	}
	answer, err := a.send(ctx, service, region, http.Header{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.1"}}, body)
	if err != nil || output == nil {
		return err
	}
	return json.Unmarshal(answer, output)
}

// ecs calls an action of ECS.
func (a *api) ecs(ctx context.Context, region, action string, input, output any) error {
	return a.json(ctx, "ecs", region, "AmazonEC2ContainerServiceV20141113."+action, input, output)
}

// elb calls an action of Elastic Load Balancing.
func (a *api) elb(region string, question url.Values, output any) error {
	question.Set("Version", elbVersion)
	body := []byte(question.Encode())
	answer, err := a.send(context.Background(), "elasticloadbalancing", region, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body)
	if err != nil {
		return err
	}
	return balancer.Decode(answer, output)
}

// ec2 calls an action of EC2, with parameters in pairs, and returns the answer.
func (a *api) ec2(ctx context.Context, region, action string, parameters ...string) ([]byte, error) {
	form := url.Values{"Action": {action}, "Version": {ec2Version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	answer, err := a.send(ctx, "ec2", region, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	return answer, nil
}

// Secret returns what the valueFrom of a container in a region names: a secret of Secrets Manager, whole
// or one key of its JSON, or a parameter of SSM's Parameter Store
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html).
func (a *api) Secret(ctx context.Context, region, valueFrom string) (string, error) {
	parts := strings.Split(valueFrom, ":")
	if len(parts) < 7 || parts[2] != "secretsmanager" {
		return a.parameter(ctx, region, valueFrom, parts)
	}
	input := map[string]string{"SecretId": strings.Join(parts[:7], ":")}
	option := func(i int) string { // After the ARN: the key, the stage and the version.
		if len(parts) > i {
			return parts[i]
		}
		return ""
	}
	if stage := option(8); stage != "" {
		input["VersionStage"] = stage
	}
	if version := option(9); version != "" {
		input["VersionId"] = version
	}
	var found struct{ SecretString string }
	if err := a.json(ctx, "secretsmanager", parts[3], "secretsmanager.GetSecretValue", input, &found); err != nil {
		return "", fmt.Errorf("get the secret %s: %w", valueFrom, err)
	}
	key := option(7)
	if key == "" {
		return found.SecretString, nil
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(found.SecretString), &document); err != nil {
		return "", fmt.Errorf("get the secret %s: it is no JSON: %w", valueFrom, err)
	}
	value, ok := document[key]
	if !ok {
		return "", fmt.Errorf("get the secret %s: it has no key %s", valueFrom, key)
	}
	return fmt.Sprint(value), nil
}

// parameter returns a parameter, by its ARN or, in the task's own region, its name.
func (a *api) parameter(ctx context.Context, region, valueFrom string, parts []string) (string, error) {
	name := valueFrom
	if len(parts) > 5 {
		region = parts[3]
		name = strings.TrimPrefix(parts[5], "parameter")
		if strings.Count(name, "/") == 1 { // The slash before a name without a path is the ARN's.
			name = name[1:]
		}
	}
	var found struct{ Parameter struct{ Value string } }
	err := a.json(ctx, "ssm", region, "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &found)
	if err != nil {
		return "", fmt.Errorf("get the parameter %s: %w", valueFrom, err)
	}
	return found.Parameter.Value, nil
}

// defaultRegion is that of a request without a signature.
const defaultRegion = "us-east-1"
