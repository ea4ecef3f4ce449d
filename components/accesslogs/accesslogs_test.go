package accesslogs

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/policy"
)

func makes(args Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web", args, opts...)
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(Args{}), "web-access-logs", "web-access-logs-encryption", "web-access-logs-lifecycle",
		"web-access-logs-ownership", "web-access-logs-policy", "web-access-logs-public-access")
}

func TestTheBucketIsClosedEncryptedAndEmptiedAfterATime(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{RetentionDays: 400}), world)
		for _, key := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
			if !record.Get("web-access-logs-public-access").Inputs[resource.PropertyKey(key)].BoolValue() {
				t.Errorf("%s is off: somebody may open the logs to the world", key)
			}
		}
		rule := record.Get("web-access-logs-encryption").Inputs["rules"].ArrayValue()[0].ObjectValue()["applyServerSideEncryptionByDefault"].ObjectValue()
		if got := rule["sseAlgorithm"].StringValue(); got != "AES256" {
			t.Errorf("logs are encrypted with %s, and the load balancer writes with AES256 only", got)
		}
		expiry := record.Get("web-access-logs-lifecycle").Inputs["rules"].ArrayValue()[0].ObjectValue()["expiration"].ObjectValue()
		if got := expiry["days"].NumberValue(); got != 400 {
			t.Errorf("logs are kept for %v days, not for 400", got)
		}
		for child, input := range map[string]string{"-encryption": "bucket", "-lifecycle": "bucket", "-ownership": "bucket", "-policy": "bucket", "-public-access": "bucket"} {
			if from := record.Get("web-access-logs" + child).InputsFrom[input]; len(from) != 1 || from[0] != record.Get("web-access-logs").URN {
				t.Errorf("web-access-logs%s is for %v, not for the bucket", child, from)
			}
		}
		if !record.WaitsFor(record.Get("web-access-logs-policy"), "web-access-logs-public-access") {
			t.Error("S3 is asked to change policy and public access at once, which it refuses")
		}
	})
}

func TestABucketThatIsProtectedIsNotEmptied(t *testing.T) {
	t.Parallel()
	for _, protect := range []bool{false, true} {
		bucket := infratest.MustRun(t, makes(Args{Protect: protect}), infratest.Options{}).Get("web-access-logs")
		if bucket.Protect != protect || bucket.Inputs["forceDestroy"].BoolValue() == protect {
			t.Errorf("with protection %v the bucket is protected: %v, and emptied by a destroy: %v", protect, bucket.Protect, bucket.Inputs["forceDestroy"].BoolValue())
		}
	}
}

func TestElasticLoadBalancingMayWriteByAllItsNamesAndNobodyComesWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ partition, region, account string }{
		{"aws", "us-east-1", "arn:aws:iam::127311923021:root"},
		{"aws", "ap-southeast-4", ""}, // Opened in 2023.
		{"aws-cn", "cn-north-1", "arn:aws-cn:iam::638102146993:root"},
	} {
		record := infratest.MustRun(t, makes(Args{}), infratest.Options{Partition: c.partition, Region: c.region})
		var document policy.Policy[string]
		if err := json.Unmarshal([]byte(record.String(record.Get("web-access-logs-policy"), "policy")), &document); err != nil {
			t.Fatal(err)
		}
		service, account, tls := false, "", false
		for _, s := range document.Statement {
			switch {
			case s.Effect == "Deny" && s.Condition["Bool"]["aws:SecureTransport"] == "false" && s.Principal["AWS"] == "*" && len(s.Resource) == 2:
				tls = true
			case s.Effect == "Deny":
				t.Errorf("%s denies something else", s.Sid)
			case len(s.Action) != 1 || s.Action[0] != "s3:PutObject" || !strings.HasSuffix(s.Resource[0], "/AWSLogs/123456789012/*"):
				t.Errorf("%s allows %v on %v", s.Sid, s.Action, s.Resource)
			case s.Principal["Service"] == "logdelivery.elasticloadbalancing.amazonaws.com":
				service = true
			default:
				account = s.Principal["AWS"]
			}
		}
		if !service || account != c.account || !tls {
			t.Errorf("in %s the service may write: %v; its account: %q, not %q; without TLS nobody: %v", c.region, service, account, c.account, tls)
		}
	}
}

func TestAccessLogsAreMadeByTheProviderThatTheyAreGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc { return makes(Args{}, given) })
}

func TestBadArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{RetentionDays: 3651, Tags: map[string]string{"aws:x": "y"}}), "accessLogRetentionDays", "tags.aws:x")
}
