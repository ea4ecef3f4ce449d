package accesslogs

import (
	"fmt"

	"ecs-sample-app/internal/policy"
)

// balancerAccounts are the accounts of Elastic Load Balancing that write access logs in the
// regions opened before August 2022. In the others its service does
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
var balancerAccounts = map[string]string{
	"af-south-1":     "098369216593",
	"ap-east-1":      "754344448648",
	"ap-northeast-1": "582318560864",
	"ap-northeast-2": "600734575887",
	"ap-northeast-3": "383597477331",
	"ap-south-1":     "718504428378",
	"ap-southeast-1": "114774131450",
	"ap-southeast-2": "783225319266",
	"ap-southeast-3": "589379963580",
	"ca-central-1":   "985666609251",
	"cn-north-1":     "638102146993",
	"cn-northwest-1": "037604701340",
	"eu-central-1":   "054676820928",
	"eu-north-1":     "897822967062",
	"eu-south-1":     "635631232127",
	"eu-west-1":      "156460612806",
	"eu-west-2":      "652711504416",
	"eu-west-3":      "009996457667",
	"me-south-1":     "076674570225",
	"sa-east-1":      "507241528517",
	"us-east-1":      "127311923021",
	"us-east-2":      "033677994240",
	"us-gov-east-1":  "190560391635",
	"us-gov-west-1":  "048591011584",
	"us-west-1":      "027434742980",
	"us-west-2":      "797873946194",
}

// document lets Elastic Load Balancing write the account's logs, by both of its names where
// it has two, and refuses everybody who comes without TLS (FSBP S3.5).
func document(bucket, partition, region, account string) (string, error) {
	logs := []string{fmt.Sprintf("%s/AWSLogs/%s/*", bucket, account)}
	write := func(sid string, principal map[string]string) policy.Statement[string] {
		return policy.Statement[string]{Sid: sid, Effect: "Allow", Principal: principal, Action: []string{"s3:PutObject"}, Resource: logs}
	}
	statements := []policy.Statement[string]{
		{
			Sid: "OverTLSOnly", Effect: "Deny", Principal: map[string]string{"AWS": "*"}, Action: []string{"s3:*"}, Resource: []string{bucket, bucket + "/*"},
			Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
		},
		write("LogDelivery", map[string]string{"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}),
	}
	if id := balancerAccounts[region]; id != "" {
		statements = append(statements, write("LoadBalancers", map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", partition, id)}))
	}
	return policy.Document(statements...)
}
