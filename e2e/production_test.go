package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/load"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/diff"
	"ecs-sample-app/tools/toolchain"
)

// anyCertificate takes the emulator's, which it signs itself.
var anyCertificate = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}

func TestALiveStackBecomesProductionAndGoesBackAndLosesNoRequest(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	up(t, s)
	page := pageOf(t, s)
	requests := load.Start(t.Context(), page, anyCertificate)

	production := stackFile(t, "Pulumi.prod.yaml")
	set(t, s, production)
	timed(t, "to production", func() { up(t, s) })
	if url := pageOf(t, s); url != "https://app.example.com" {
		t.Errorf("the output url is %s", url)
	}
	assertRedirects(t, page)
	assertTLS(t, s)
	assertBucket(t, s)
	assertTasksReach(t, s, "nat-", ecstypes.AssignPublicIpDisabled)
	assertNoChanges(t, s)
	assertBill(t, s)
	run, err := s.PreviewRefresh(t.Context())
	must(t, err, "refresh fails")
	for _, change := range run.Changes {
		if !slices.Equal(change.Diffs, []string{"description"}) { // What the emulator is known to forget.
			t.Errorf("refresh takes the program's own doing for somebody else's: %v", change)
		}
	}
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	up(t, s)
	wantVersionBy(t, anyCertificate, page, "2.4.66")

	// Another name is another certificate, which takes the place of the first.
	set(t, s, map[string]string{"additionalDomains": `["*.app.example.com"]`})
	up(t, s)
	assertTLS(t, s)

	// What is protected goes only when the protection has gone.
	set(t, s, map[string]string{"deletionProtection": "false"})
	up(t, s)
	unset(t, s, append(slices.Collect(maps.Keys(production)), "additionalDomains")...)
	timed(t, "back", func() { up(t, s) })
	noneLost(t, requests)
	wantVersion(t, page, "2.4.65")
	assertWhole(t, s)
	assertNoChanges(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

// stackFile are the settings of the project in a stack's file, lists and objects as JSON.
func stackFile(t *testing.T, name string) map[string]string {
	t.Helper()
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	text, err := os.ReadFile(filepath.Join(root, name))
	must(t, err, "the stack's file can't be read")
	var file struct{ Config map[string]any }
	must(t, yaml.Unmarshal(text, &file), "the stack's file is no YAML")
	settings := map[string]string{}
	for key, value := range file.Config {
		key, ours := strings.CutPrefix(key, sandbox.Project+":")
		if !ours {
			continue
		}
		if text, ok := value.(string); ok {
			settings[key] = text
			continue
		}
		document, err := json.Marshal(value)
		must(t, err, "a setting can't be written")
		settings[key] = string(document)
	}
	return settings
}

// assertBill asserts that docs/production.md has what the stack costs, by what is in its
// state.
func assertBill(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	exported, err := s.Stack.Export(t.Context())
	must(t, err, "the state can't be exported")
	var state struct {
		Resources []struct {
			URN, Type, Parent string
			Inputs            map[string]any
		}
	}
	must(t, json.Unmarshal(exported.Deployment, &state), "the state can't be read")
	preview := &diff.Preview{}
	for _, r := range state.Resources {
		preview.After = append(preview.After, diff.Resource{URN: r.URN, Type: r.Type, Parent: r.Parent, Inputs: r.Inputs})
	}
	costs := preview.Costs()
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	doc, err := os.ReadFile(filepath.Join(root, "docs", "production.md"))
	must(t, err, "docs/production.md can't be read")
	if want := fmt.Sprintf("costs about %.0f USD a month", costs.After.Low); !strings.Contains(string(doc), want) {
		t.Errorf("docs/production.md does not say that Pulumi.prod.yaml %s", want)
	}
	for _, c := range costs.Changes {
		t.Logf("%s of %s: %s", c.What, c.Name, c.After)
	}
}

// assertRedirects asserts that HTTP leads to the same address with TLS, and that the page
// is there.
func assertRedirects(t *testing.T, page string) {
	t.Helper()
	client := &http.Client{Transport: anyCertificate, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(page + "/a?b=c")
	must(t, err, "the page can't be reached without TLS")
	must(t, response.Body.Close(), "the answer can't be closed")
	secure := strings.Replace(page, "http://", "https://", 1)
	if to := response.Header.Get("Location"); response.StatusCode != http.StatusMovedPermanently || to != secure+"/a?b=c" {
		t.Errorf("without TLS the page answers with %d to %q, not to %s", response.StatusCode, to, secure)
	}
	response, err = client.Get(secure)
	must(t, err, "the page can't be reached with TLS")
	must(t, response.Body.Close(), "the answer can't be closed")
	if response.StatusCode != http.StatusOK {
		t.Errorf("with TLS the page answers with %d", response.StatusCode)
	}
}

// assertTLS asserts that the listener shows an issued certificate, with a policy of today.
func assertTLS(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	out, err := s.Account.ELB.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: aws.String(one(t, s, account.LoadBalancers))})
	must(t, err, "the listeners can't be described")
	for _, l := range out.Listeners {
		if l.Protocol != elbtypes.ProtocolEnumHttps {
			continue
		}
		if got := aws.ToString(l.SslPolicy); got != "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" {
			t.Errorf("clients may come with old ciphers: %s", got)
		}
		certificate := one(t, s, account.Certificates)
		if got := aws.ToString(l.Certificates[0].CertificateArn); got != certificate {
			t.Errorf("the listener shows %s, and the certificate is %s", got, certificate)
		}
		found, err := s.Account.Certificates.DescribeCertificate(t.Context(), &acm.DescribeCertificateInput{CertificateArn: aws.String(certificate)})
		must(t, err, "the certificate can't be described")
		if found.Certificate.Status != "ISSUED" {
			t.Errorf("the certificate is %s", found.Certificate.Status)
		}
		return
	}
	t.Error("no listener takes TLS")
}

// assertBucket asserts that the load balancer logs to a bucket that is closed.
func assertBucket(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	bucket := aws.String(one(t, s, account.Buckets))
	attributes, err := s.Account.ELB.DescribeLoadBalancerAttributes(t.Context(), &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: aws.String(one(t, s, account.LoadBalancers))})
	must(t, err, "the load balancer's attributes can't be described")
	got := map[string]string{}
	for _, a := range attributes.Attributes {
		got[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	if got["access_logs.s3.enabled"] != "true" || got["access_logs.s3.bucket"] != *bucket {
		t.Errorf("access logs are on: %s, and go to %q", got["access_logs.s3.enabled"], got["access_logs.s3.bucket"])
	}
	public, err := s.Account.S3.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: bucket})
	must(t, err, "the bucket's public access can't be described")
	if b := public.PublicAccessBlockConfiguration; !aws.ToBool(b.BlockPublicAcls) || !aws.ToBool(b.BlockPublicPolicy) || !aws.ToBool(b.IgnorePublicAcls) || !aws.ToBool(b.RestrictPublicBuckets) {
		t.Errorf("the access logs may be opened to the world: %+v", b)
	}
	lifecycle, err := s.Account.S3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket})
	must(t, err, "the bucket's lifecycle can't be described")
	if days := aws.ToInt32(lifecycle.Rules[0].Expiration.Days); days != 365 {
		t.Errorf("access logs are kept for %d days, not for 365", days)
	}
}
