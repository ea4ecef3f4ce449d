package emulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
)

// protection is the attribute as moto lists it.
var protection = regexp.MustCompile(`<Key>deletion_protection\.enabled</Key>\s*<Value>true</Value>|<Value>true</Value>\s*<Key>deletion_protection\.enabled</Key>`)

// protected tells whether a load balancer must not be deleted, by its attributes.
// moto keeps them and deletes it all the same.
func (p *proxy) protected(r *http.Request, arn string) bool {
	question := url.Values{"Action": {"DescribeLoadBalancerAttributes"}, "Version": {"2015-12-01"}, "LoadBalancerArn": {arn}}.Encode()
	asked := r.Clone(r.Context())
	asked.URL.Scheme, asked.URL.Host, asked.RequestURI = p.url.Scheme, p.url.Host, ""
	asked.Body, asked.ContentLength = io.NopCloser(bytes.NewReader([]byte(question))), int64(len(question))
	response, err := p.moto.Transport.RoundTrip(asked)
	if err != nil {
		return false // moto says itself what is wrong.
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	answer, err := io.ReadAll(response.Body)
	return err == nil && protection.Match(answer)
}

// refuse answers as Elastic Load Balancing does to the deletion of a protected load
// balancer
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html).
func refuse(w http.ResponseWriter, arn string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>`+
		"<Code>OperationNotPermitted</Code><Message>Load balancer '%s' cannot be deleted because deletion protection is enabled</Message>"+
		"</Error><RequestId>0</RequestId></ErrorResponse>", arn) // The client may have hung up.
}
