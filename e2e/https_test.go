package e2e

import (
	"crypto/tls"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/load"
	"ecs-sample-app/e2e/sandbox"
)

// anyCertificate takes the emulator's, which it signs itself.
var anyCertificate = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is on this machine

func TestALiveStackGetsADomainAndAccessLogsAndLosesNoRequestOnTheWayThereAndBack(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	up(t, s)
	page := pageOf(t, s)
	requests := load.Start(t.Context(), page, anyCertificate)

	set(t, s, map[string]string{"domain": "app.example.com", "additionalDomains": `["*.app.example.com"]`, "accessLogs": "true", "accessLogRetentionDays": "400"})
	up(t, s)
	if url := pageOf(t, s); url != "https://app.example.com" {
		t.Errorf("the output url is %s", url)
	}
	whole := maps.Clone(wholeStack)
	maps.Copy(whole, map[string]int{
		account.Listeners: 2, account.ListenerRules: 3, account.GroupRules: wholeStack[account.GroupRules] + 1,
		account.Certificates: 1, account.Records: 1 + 2, account.Buckets: 1,
	})
	assertCounts(t, s, whole)
	assertRedirects(t, page)
	assertTLS(t, s)
	assertBucket(t, s)
	assertNoChanges(t, s)

	// Another name is another certificate, which takes the place of the first.
	set(t, s, map[string]string{"additionalDomains": `["www.example.com"]`})
	up(t, s)
	assertTLS(t, s)
	assertNoChanges(t, s)

	unset(t, s, "domain", "additionalDomains", "accessLogs", "accessLogRetentionDays")
	up(t, s)
	noneLost(t, requests)
	wantVersion(t, page, "2.4.65")
	assertWhole(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
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
	if days := aws.ToInt32(lifecycle.Rules[0].Expiration.Days); days != 400 {
		t.Errorf("access logs are kept for %d days, not for 400", days)
	}
}
