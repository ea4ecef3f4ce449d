package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/config"
	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/problem"
)

// tooMany is one more than the 60 rules of a security group.
const tooMany = 61

const ownCertificate = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"

// inRegion is a config of a stack in a region.
func inRegion(region string, config map[string]string) map[string]string {
	config["aws:region"] = region
	return config
}

// inVPC is a config with an existing VPC.
func inVPC(pairs ...string) map[string]string {
	return withConfig(append([]string{
		"vpcId", "vpc-0a1b2c3d4e5f60718", "publicSubnetIds", `["subnet-0a1b2c3d4e5f60711","subnet-0a1b2c3d4e5f60712"]`,
	}, pairs...)...)
}

// badConfigs are configs with one thing wrong: the key that must be named, and
// a piece of the answer that says what is allowed.
var badConfigs = []struct {
	name   string
	config map[string]string
	key    string
	want   string
}{
	{"latest", withConfig("imageTag", "latest"), "imageTag", "names one version"},
	{"empty tag", withConfig("imageTag", ""), "imageTag", "names one version"},
	{"tag with a blank", withConfig("imageTag", "2.4 65"), "imageTag", "names one version"},
	{"tag with a slash", withConfig("imageTag", "a/b"), "imageTag", "names one version"},
	{"tag that begins with a dot", withConfig("imageTag", ".1"), "imageTag", "names one version"},
	{"tag that is too long", withConfig("imageTag", strings.Repeat("a", 129)), "imageTag", "names one version"},
	{"short digest", withConfig("imageTag", "sha256:abc"), "imageTag", "64 hexadecimal digits"},
	{"digest in capitals", withConfig("imageTag", "sha256:"+strings.Repeat("A", 64)), "imageTag", "64 hexadecimal digits"},
	{"digest of another kind", withConfig("imageTag", "sha512:"+strings.Repeat("a", 128)), "imageTag", "64 hexadecimal digits"},
	{"empty image", withConfig("image", ""), "image", "without tag or digest"},
	{"image with a tag", withConfig("image", "nginx:1.27"), "image", "without tag or digest"},
	{"image with a digest", withConfig("image", "nginx@sha256:"+strings.Repeat("a", 64)), "image", "without tag or digest"},
	{"image in capitals", withConfig("image", "Nginx"), "image", "without tag or digest"},
	{"image with a scheme", withConfig("image", "https://example.com/app"), "image", "without tag or digest"},
	{"folder that is not there", withConfig("buildContext", "nowhere"), "buildContext", "a folder with a Dockerfile"},
	{"folder without a Dockerfile", withConfig("buildContext", "components"), "buildContext", "a folder with a Dockerfile"},
	{"digest to push as", withConfig("buildContext", "app", "imageTag", "sha256:"+strings.Repeat("a", 64)), "imageTag", "names one version"},
	{"latest to push as", withConfig("buildContext", "app", "imageTag", "latest"), "imageTag", "names one version"},
	{"folder and image", withConfig("buildContext", "app", "image", "nginx"), "buildContext", "one of the two"},
	{"port 0", withConfig("containerPort", "0"), "containerPort", "1 to 65535"},
	{"port below", withConfig("containerPort", "-1"), "containerPort", "1 to 65535"},
	{"port above", withConfig("containerPort", "65536"), "containerPort", "1 to 65535"},
	{"port in words", withConfig("containerPort", "http"), "containerPort", "a whole number"},
	{"port with a fraction", withConfig("containerPort", "80.5"), "containerPort", "a whole number"},
	{"empty port", withConfig("containerPort", ""), "containerPort", "a whole number"},
	{"cpu that is not offered", withConfig("cpu", "300"), "cpu", "256, 512, 1024, 2048, 4096, 8192 or 16384"},
	{"cpu 0", withConfig("cpu", "0"), "cpu", "if the key is not set, it is 256"},
	{"cpu in octal", withConfig("cpu", "0x100"), "cpu", "a whole number"},
	{"cpu in vCPU", withConfig("cpu", "0.25"), "cpu", "a whole number"},
	{"memory that is not offered", withConfig("memory", "300"), "memory", "512, 1024 or 2048 MiB"},
	{"memory 0", withConfig("memory", "0"), "memory", "if the key is not set, it is 512"},
	{"memory too small for the cpu", withConfig("cpu", "4096"), "memory", "8192 to 30720 in steps of 1024 MiB"},
	{"memory between the steps", withConfig("cpu", "8192", "memory", "18000"), "memory", "in steps of 4096"},
	{"memory with a unit", withConfig("memory", "512MB"), "memory", "a whole number"},
	{"architecture", withConfig("architecture", "arm64"), "architecture", "X86_64 or ARM64"},
	{"empty architecture", withConfig("architecture", ""), "architecture", "if the key is not set, it is X86_64"},
	{"variable's name", withConfig("environment", `{"1st":"a"}`), "environment.1st", "does not begin with a digit"},
	{"variable that is a fraction", withConfig("environment", `{"A":1.10}`), "environment.A", "in quotes"},
	{"variable that is null", withConfig("environment", `{"A":null}`), "environment.A", "a text"},
	{"variable that is a list", withConfig("environment", `{"A":[1]}`), "environment.A", "a text"},
	{"variable that is an object", withConfig("environment", `{"A":{"B":"b"}}`), "environment.A", "a text"},
	{"tag that is an exponent", withConfig("tags", `{"cost":1e3}`), "tags.cost", "in quotes"},
	{"variables as a list", withConfig("environment", `["A=1"]`), "environment", "an object"},
	{"secret that is no ARN", withConfig("secrets", `{"A":"hunter2"}`), "secrets.A", "the ARN of a secret"},
	{"secret of another service", withConfig("secrets", `{"A":"arn:aws:s3:::bucket"}`), "secrets.A", "the ARN of a secret"},
	{"secrets by wildcard", withConfig("secrets", `{"A":"arn:aws:ssm:us-east-1:123456789012:parameter/*"}`), "secrets.A", "the ARN of a secret"},
	{"secret and variable", withConfig("environment", `{"A":"1"}`, "secrets",
		`{"A":"arn:aws:ssm:us-east-1:123456789012:parameter/a"}`), "secrets.A", "not in environment too"},
	{"login that is no ARN", withConfig("image", "ghcr.io/team/app", "imageCredentials", "user:hunter2"), "imageCredentials", "the ARN of a secret"},
	{"login in a parameter", withConfig("image", "ghcr.io/team/app", "imageCredentials", "arn:aws:ssm:us-east-1:123456789012:parameter/a"), "imageCredentials", "no parameter here"},
	{"key of a login", withConfig("image", "ghcr.io/team/app", "imageCredentials", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf:password::"), "imageCredentials", "no key of it"},
	{"key of a secret without all colons", withConfig("secrets", `{"A":"arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf:password"}`), "secrets.A", "with all three colons"},
	{
		"login for Amazon ECR", withConfig("image", "123456789012.dkr-ecr.us-east-1.on.aws/app", "imageCredentials", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"),
		"imageCredentials", "which the tasks' execution role may pull",
	},
	{
		"login for an image that is built here", withConfig("buildContext", "app", "imageCredentials", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"),
		"imageCredentials", "which the tasks' execution role may pull",
	},
	{"key by its alias", withConfig("kmsKeyArns", `["arn:aws:kms:us-east-1:123456789012:alias/app"]`), "kmsKeyArns[0]", "not of an alias"},
	{"registry on a port that is closed", withConfig("image", "registry.example.com:5000/app"), "egressPorts", "5000 among them"},
	{"parameter for what is built here", withConfig("buildContext", "app", "imageTagParameter", "shop-version"), "imageTagParameter", "nothing with buildContext"},
	{"user by a sentence", withConfig("user", "the web server"), "user", "such as 1000 or app:app"},
	{"user on a port of root", withConfig("user", "33"), "containerPort", "1024 or above with the user 33"},
	{"port without the capability", withConfig("image", "nginx", "dropCapabilities", `["ALL"]`), "containerPort", "1024 or above without the capability NET_BIND_SERVICE"},
	{"capability that is none", withConfig("dropCapabilities", `["CAP_CHOWN"]`), "dropCapabilities[0]", "CHOWN"},
	{"capability twice", withConfig("dropCapabilities", `["NET_RAW","NET_RAW"]`), "dropCapabilities[1]", "not named twice"},
	{"sample as root without its capabilities", withConfig("dropCapabilities", `["ALL"]`, "containerPort", "8080"), "dropCapabilities", "set user to 33"},
	{"writable where all is", withConfig("writablePaths", `["/tmp"]`), "writablePaths", "nothing as long as readonlyRootFilesystem is false"},
	{"writable path that is relative", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["tmp"]`), "writablePaths[0]", "an absolute path"},
	{"writable path with a step back", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/tmp/../etc"]`), "writablePaths[0]", "an absolute path"},
	{"writable root", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/"]`), "writablePaths[0]", "an absolute path"},
	{"writable path of the kernel", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/proc/sys"]`), "writablePaths[0]", "a path outside of /proc, /sys or /dev"},
	{"writable path in another", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/var/tmp","/var"]`), "writablePaths[1]", "neither /var/tmp nor inside of it"},
	{"writable path twice", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/tmp","/tmp"]`), "writablePaths[1]", "neither /tmp nor"},
	{"paths of the same volume", withConfig("readonlyRootFilesystem", "true", "writablePaths", `["/a.b","/a-b"]`), "writablePaths[1]", "more than its punctuation"},
	{"switch in words", withConfig("readonlyRootFilesystem", "sometimes"), "readonlyRootFilesystem", "true or false"},
	{
		"exec into a read-only task", withConfig("image", "nginx", "readonlyRootFilesystem", "true", "enableExecuteCommand", "true"),
		"enableExecuteCommand", "read-only root filesystem",
	},
	{"tasks below", withConfig("desiredCount", "-1"), "desiredCount", "0 to 5000"},
	{"tasks above", withConfig("desiredCount", "5001"), "desiredCount", "0 to 5000"},
	{"capacity provider", withConfig("capacityProvider", "EC2"), "capacityProvider", "FARGATE or FARGATE_SPOT"},
	{"empty wait", withConfig("waitForSteadyState", ""), "waitForSteadyState", "true or false"},
	{"autoscaling without an end", withConfig("autoscaling", `{"minCapacity":1}`), "autoscaling.maxCapacity", "1 to 5000 tasks"},
	{"autoscaling upside down", withConfig("autoscaling", `{"minCapacity":5,"maxCapacity":4}`), "autoscaling.minCapacity", "0 to 4 tasks"},
	{"autoscaling above", withConfig("autoscaling", `{"maxCapacity":5001}`), "autoscaling.maxCapacity", "1 to 5000 tasks"},
	{"autoscaling at full CPU", withConfig("autoscaling", `{"maxCapacity":4,"cpuTarget":95}`), "autoscaling.cpuTarget", "10 to 90 percent"},
	{"autoscaling at no memory", withConfig("autoscaling", `{"maxCapacity":4,"memoryTarget":-1}`), "autoscaling.memoryTarget", "10 to 90 percent"},
	{"autoscaling by no requests", withConfig("autoscaling", `{"maxCapacity":4,"requestsTarget":-5}`), "autoscaling.requestsTarget", "requests a minute"},
	{"autoscaling misspelt", withConfig("autoscaling", `{"maxCapacity":4,"cpuTraget":60}`), "autoscaling.cpuTraget", "cpuTarget"},
	{"autoscaling in words", withConfig("autoscaling", "on"), "autoscaling", "an object with any of minCapacity, maxCapacity"},
	{"schedule without a name", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"schedule":"rate(1 hour)","minCapacity":0,"maxCapacity":1}]}`), "autoscaling.schedules[0].name", "letters"},
	{"schedule without bounds", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"name":"n","schedule":"rate(1 hour)","minCapacity":0}]}`), "autoscaling.schedules[0].maxCapacity", "0 to 5000 tasks"},
	{"schedule upside down", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"name":"n","schedule":"rate(1 hour)","minCapacity":2,"maxCapacity":1}]}`), "autoscaling.schedules[0].minCapacity", "at most maxCapacity, 1"},
	{"schedule of Unix", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"name":"n","schedule":"0 20 * * *","minCapacity":0,"maxCapacity":1}]}`), "autoscaling.schedules[0].schedule", "cron("},
	{"schedule nowhere", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"name":"n","schedule":"rate(1 hour)","timezone":"Mars","minCapacity":0,"maxCapacity":1}]}`), "autoscaling.schedules[0].timezone", "IANA"},
	{"schedule twice", withConfig("autoscaling", `{"maxCapacity":4,"schedules":[{"name":"n","schedule":"rate(1 hour)","minCapacity":0,"maxCapacity":1},{"name":"n","schedule":"rate(2 hours)","minCapacity":0,"maxCapacity":1}]}`), "autoscaling.schedules[1].name", "not given twice"},
	{"nat in words", withConfig("nat", "two"), "nat", "none, single or perZone"},
	{"endpoints in words", withConfig("endpoints", "all"), "endpoints", "true or false"},
	{"image out of reach", withConfig("endpoints", "true"), "image", "an image in Amazon ECR"},
	{"image out of reach of Docker Hub", withConfig("endpoints", "true", "image", "nginx"), "image", "pull-through cache"},
	{
		"image in another region", inRegion("us-east-1", withConfig("endpoints", "true", "image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app")),
		"image", "in the stack's region",
	},
	{"flow logs for two days", withConfig("flowLogRetentionDays", "2"), "flowLogRetentionDays", "0, 1, 3, 5"},
	{"VPC by its name", withConfig("vpcId", "main", "publicSubnetIds", `["subnet-0a1b2c3d4e5f60711","subnet-0a1b2c3d4e5f60712"]`), "vpcId", "such as vpc-"},
	{"VPC without subnets", withConfig("vpcId", "vpc-0a1b2c3d4e5f60718"), "publicSubnetIds", "two zones or more"},
	{"subnets without their VPC", withConfig("publicSubnetIds", `["subnet-0a1b2c3d4e5f60711","subnet-0a1b2c3d4e5f60712"]`), "publicSubnetIds", "nothing without vpcId"},
	{"private subnets without their VPC", withConfig("privateSubnetIds", `["subnet-0a1b2c3d4e5f60711"]`), "privateSubnetIds", "nothing without vpcId"},
	{"subnet by its name", inVPC("privateSubnetIds", `["tasks"]`), "privateSubnetIds[0]", "such as subnet-"},
	{"public and private subnet", inVPC("privateSubnetIds", `["subnet-0a1b2c3d4e5f60711"]`), "privateSubnetIds[0]", "not named twice"},
	{"NAT in a VPC that exists", inVPC("nat", "single"), "nat", "nothing with vpcId"},
	{"endpoints in a VPC that exists", inVPC("endpoints", "true", "image", "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"), "endpoints", "nothing with vpcId"},
	{"flow logs of a VPC that exists", inVPC("flowLogRetentionDays", "30"), "flowLogRetentionDays", "nothing with vpcId"},
	{"block of a VPC that exists", inVPC("vpcCidr", "10.1.0.0/16"), "vpcCidr", "nothing with vpcId"},
	{"zones of a VPC that exists", inVPC("availabilityZones", "3"), "availabilityZones", "nothing with vpcId"},
	{"domain in capitals", withConfig("domain", "App.example.com"), "domain", "in lower case"},
	{"domain with a scheme", withConfig("domain", "https://app.example.com"), "domain", "a domain name"},
	{"domain without a zone", withConfig("domain", "app.example.net"), "domain", "a public hosted zone"},
	{"wildcard as the domain", withConfig("domain", "*.example.com"), "domain", "a domain name"},
	{"further names without a domain", withConfig("additionalDomains", `["www.example.com"]`), "additionalDomains", "nothing without domain"},
	{"name given twice", withConfig("domain", "app.example.com", "additionalDomains", `["app.example.com"]`), "additionalDomains[0]", "not given twice"},
	{"zone without a domain", withConfig("hostedZoneId", "Z1"), "hostedZoneId", "nothing without domain"},
	{"zone by its name", withConfig("domain", "app.example.com", "hostedZoneId", "example.com"), "hostedZoneId", "such as Z"},
	{"zone elsewhere", withConfig("domain", "app.example.com", "hostedZoneId", "Z1", "dns", "elsewhere"), "hostedZoneId", "nothing with dns elsewhere"},
	{"DNS elsewhere without a domain", withConfig("dns", "elsewhere"), "dns", "nothing without domain"},
	{"DNS somewhere", withConfig("domain", "app.example.com", "dns", "cloudflare"), "dns", "route53 or elsewhere"},
	{"certificate by its name", withConfig("domain", "app.example.com", "certificateArn", "app"), "certificateArn", "arn:aws:acm"},
	{"certificate without a domain", withConfig("certificateArn", ownCertificate), "certificateArn", "nothing without domain"},
	{
		"certificate of another region",
		inRegion("us-east-1", withConfig("domain", "app.example.com", "certificateArn", strings.Replace(ownCertificate, "us-east-1", "eu-west-1", 1))),
		"certificateArn", "a certificate of the stack's region, us-east-1",
	},
	{"retention without access logs", withConfig("accessLogRetentionDays", "30"), "accessLogRetentionDays", "nothing as long as accessLogs is false"},
	{"access logs for ever", withConfig("accessLogs", "true", "accessLogRetentionDays", "36500"), "accessLogRetentionDays", "1 to 3650"},
	{"firewall in words", withConfig("firewall", "true"), "firewall", "off, count or block"},
	{"limit without a firewall", withConfig("firewallRateLimit", "500"), "firewallRateLimit", "nothing as long as firewall is off"},
	{"log without a firewall", withConfig("firewallLogRetentionDays", "7"), "firewallLogRetentionDays", "nothing as long as firewall is off"},
	{"limit that lets nobody in", withConfig("firewall", "count", "firewallRateLimit", "9"), "firewallRateLimit", "10 to 2000000000"},
	{"log for two days", withConfig("firewall", "count", "firewallLogRetentionDays", "2"), "firewallLogRetentionDays", "1, 3, 5"},
	{"mail without alarms", withConfig("alarmEmails", `["a@example.com"]`), "alarmEmails", "nothing as long as alarms is false"},
	{"thresholds without alarms", withConfig("alarmThresholds", `{"cpu":50}`), "alarmThresholds", "nothing as long as alarms is false"},
	{"mail to nobody", withConfig("alarms", "true", "alarmEmails", `["nobody"]`), "alarmEmails[0]", "an address"},
	{"mail to one", withConfig("alarms", "true", "alarmEmails", "a@example.com"), "alarmEmails", "a list, each a text"},
	{"alarm in words", withConfig("alarms", "loud"), "alarms", "true or false"},
	{"alarm at more than all", withConfig("alarms", "true", "alarmThresholds", `{"cpu":101}`), "alarmThresholds.cpu", "1 to 100 percent"},
	{"alarm at nothing", withConfig("alarms", "true", "alarmThresholds", `{"memory":0}`), "alarmThresholds.memory", "if the key is not set, it is 90"},
	{"alarm misspelt", withConfig("alarms", "true", "alarmThresholds", `{"responsetime":5}`), "alarmThresholds.responsetime", "responseTime"},
	{"alarm of words", withConfig("alarms", "true", "alarmThresholds", `{"cpu":"high"}`), "alarmThresholds.cpu", "a whole number"},
	{"no time to deploy", withConfig("deploymentTimeoutMinutes", "0"), "deploymentTimeoutMinutes", "if the key is not set, it is 15"},
	{"days to deploy", withConfig("deploymentTimeoutMinutes", "181"), "deploymentTimeoutMinutes", "1 to 180 minutes"},
	{"path without a slash", withConfig("healthCheckPath", "health"), "healthCheckPath", "begins with /"},
	{"path with a blank", withConfig("healthCheckPath", "/a b"), "healthCheckPath", "a path of a URL"},
	{"path that is too long", withConfig("healthCheckPath", "/"+strings.Repeat("a", 1024)), "healthCheckPath", "1024"},
	{"no client", withConfig("allowedCidrs", "[]"), "allowedCidrs", "0.0.0.0/0 opens it to the world"},
	{"client without a mask", withConfig("allowedCidrs", `["10.0.0.1"]`), "allowedCidrs[0]", "CIDR notation"},
	{"client with host bits", withConfig("allowedCidrs", `["10.0.0.1/8"]`), "allowedCidrs[0]", "10.0.0.0/8"},
	{"client by IPv6", withConfig("allowedCidrs", `["0.0.0.0/0","::/0"]`), "allowedCidrs[1]", "IPv4"},
	{"client twice", withConfig("allowedCidrs", `["10.0.0.0/8","10.0.0.0/8"]`), "allowedCidrs[1]", "not given twice"},
	{"clients as text", withConfig("allowedCidrs", "0.0.0.0/0"), "allowedCidrs", "a list, each a text"},
	{"too many clients", withConfig("allowedCidrs", manyCIDRs(tooMany)), "allowedCidrs", "at most 60"},
	{"way out 0", withConfig("egressPorts", "[0]"), "egressPorts[0]", "1 to 65535"},
	{"way out twice", withConfig("egressPorts", "[443,443]"), "egressPorts[1]", "not given twice"},
	{"way out in words", withConfig("egressPorts", `["https"]`), "egressPorts[0]", "a whole number"},
	{"no way to the registry", withConfig("egressPorts", "[5432]"), "egressPorts", "443 among them"},
	{"no way out at all", withConfig("egressPorts", "[]"), "egressPorts", "443 among them"},
	{"tag and short digest", withConfig("imageTag", "1.0@sha256:abc"), "imageTag", "both as TAG@DIGEST"},
	{"environment beyond a task definition", withConfig("environment", `{"A":"`+strings.Repeat("x", 70_000)+`"}`), "environment", "no room for more"},
	{"checks too often", withConfig("healthCheckInterval", "4"), "healthCheckInterval", "5 to 300 seconds"},
	{"checks that overlap", withConfig("healthCheckTimeout", "5"), "healthCheckTimeout", "less than the interval"},
	{"healthy at once", withConfig("healthyThreshold", "1"), "healthyThreshold", "2 to 10 checks"},
	{"unhealthy at once", withConfig("unhealthyThreshold", "11"), "unhealthyThreshold", "2 to 10 checks"},
	{"errors that are healthy", withConfig("healthCheckCodes", "200,503"), "healthCheckCodes", "200 to 499"},
	{"draining for a day", withConfig("deregistrationDelay", "86400"), "deregistrationDelay", "0 to 3600 seconds"},
	{"killed while it starts", withConfig("healthCheckGracePeriod", "10"), "healthCheckGracePeriod", "60 to"},
	{"no time to stop", withConfig("stopTimeout", "121"), "stopTimeout", "1 to 120 seconds"},
	{"command as text", withConfig("command", "serve"), "command", "a list, each a text"},
	{"priority beyond the last", withConfig("priority", "40001"), "priority", "101 to 40000"},
	{"priority of a rule that attaches", withConfig("priority", "1"), "priority", "101 to 40000"},
	{"draining for as long as a deployment may take", withConfig("deregistrationDelay", "870"), "deploymentTimeoutMinutes", "at least 16"},
	{"VPC without a mask", withConfig("vpcCidr", "10.0.0.0"), "vpcCidr", "CIDR notation"},
	{"empty VPC", withConfig("vpcCidr", ""), "vpcCidr", "if the key is not set, it is 10.0.0.0/16"},
	{"VPC with host bits", withConfig("vpcCidr", "10.0.0.1/16"), "vpcCidr", "10.0.0.0/16"},
	{"VPC that is too large", withConfig("vpcCidr", "10.0.0.0/8"), "vpcCidr", "/16 to /21"},
	{"VPC that is too small", withConfig("vpcCidr", "10.0.0.0/24"), "vpcCidr", "/16 to /21"},
	{"VPC of somebody else", withConfig("vpcCidr", "8.8.0.0/16"), "vpcCidr", "a private block"},
	{"VPC by IPv6", withConfig("vpcCidr", "fd00::/64"), "vpcCidr", "IPv4"},
	{"one zone", withConfig("availabilityZones", "1"), "availabilityZones", "2 to 3"},
	{"four zones", withConfig("availabilityZones", "4"), "availabilityZones", "2 to 3"},
	{"no zone", withConfig("availabilityZones", "0"), "availabilityZones", "if the key is not set, it is 2"},
	{
		"fewer names than zones", withConfig("availabilityZones", "3", "availabilityZoneNames", `["us-east-1a","us-east-1b"]`),
		"availabilityZoneNames", "as many names",
	},
	{"zone by ID", withConfig("availabilityZoneNames", `["use1-az1","us-east-1b"]`), "availabilityZoneNames[0]", "us-east-1a"},
	{"zone twice", withConfig("availabilityZoneNames", `["us-east-1a","us-east-1a"]`), "availabilityZoneNames[1]", "not named twice"},
	{"days that are not offered", withConfig("logRetentionDays", "2"), "logRetentionDays", "1, 3, 5, 7, 14, 30"},
	{"logs for ever", withConfig("logRetentionDays", "0"), "logRetentionDays", "if the key is not set, it is 30"},
	{"insights as a switch", withConfig("containerInsights", "true"), "containerInsights", "disabled, enabled or enhanced"},
	{"tag of AWS", withConfig("tags", `{"aws:cloudformation":"x"}`), "tags.aws:cloudformation", "AWS keeps for itself"},
	{"tag without a key", withConfig("tags", `{"":"x"}`), "tags.", "1 to 128"},
	{"tag with a long value", withConfig("tags", `{"A":"`+strings.Repeat("x", 257)+`"}`), "tags.A", "at most 256"},
	{"tag that is called Name", withConfig("tags", `{"Name":"x"}`), "tags.Name", "another key"},
	{"tags as a list", withConfig("tags", `["a"]`), "tags", "an object"},
	{"secret without a value", withConfig("secretValues", `{"A":""}`), "secretValues.A", "1 to 4096 bytes"},
	{"secret that is too long", withConfig("secretValues", `{"A":"`+strings.Repeat("x", 4097)+`"}`), "secretValues.A", "1 to 4096 bytes"},
	{"secret's name", withConfig("secretValues", `{"a b":"x"}`), "secretValues.a b", "a name of letters"},
	{"secret value and variable", withConfig("secretValues", `{"A":"x"}`, "environment", `{"A":"y"}`), "secretValues.A", "not in environment too"},
	{"secret value and secret", withConfig("secretValues", `{"A":"x"}`, "secrets",
		`{"A":"arn:aws:ssm:us-east-1:123456789012:parameter/a"}`), "secretValues.A", "not in secrets too"},
	{"two services", withConfig("services", `{"web":{},"api":{}}`), "services", "one service"},
	{"service with a bad name", withConfig("services", `{"my_web":{}}`), "services.my_web", "single hyphens"},
	{"service that is no object", withConfig("services", `{"web":5}`), "services.web", "an object"},
	{"services as a list", withConfig("services", `["web"]`), "services", "an object"},
	{"service's key misspelt", withConfig("services", `{"web":{"imagetag":"1"}}`), "services.web.imagetag", "imageTag"},
	{"stack's key in a service", withConfig("services", `{"web":{"vpcCidr":"10.1.0.0/16"}}`), "services.web.vpcCidr", "set it at the top level"},
	{"service's value", withConfig("services", `{"web":{"cpu":300}}`), "services.web.cpu", "256, 512"},
	{"service's type", withConfig("services", `{"web":{"cpu":"256"}}`), "services.web.cpu", "a whole number"},
	{"service's fraction", withConfig("services", `{"web":{"imageTag":1.10}}`), "services.web.imageTag", "in quotes"},
	{"service's variable", withConfig("services", `{"web":{"environment":{"A":[1]}}}`), "services.web.environment.A", "a text"},
	{"service's key misspelt and null", withConfig("services", `{"web":{"foo":null}}`), "services.web.foo", "a setting of a service"},
	{"service's secret", withConfig("services", `{"web":{"secretValues":{"A":"x"}}}`), "services.web.secretValues", "at the top level"},
	{"tag of the program", withConfig("tags", `{"Project":"shop"}`), "tags.Project", "set by the program"},
	{"tag of the program in small letters", withConfig("tags", `{"project":"shop"}`), "tags.project", "set by the program"},
	{"name in small letters", withConfig("tags", `{"name":"shop"}`), "tags.name", "another key"},
	{"tags that differ by case", withConfig("tags", `{"Team":"a","team":"b"}`), "tags.team", "differs from Team by more than case"},
	{"service that inherits", withConfig("services", `{"web":{"desiredCount":2}}`, "cpu", "300"), "cpu", "256, 512"},
	{"too many tags", withConfig("tags", manyTags(46)), "tags", "at most 45"},
	{"provider's tag of the program", withDefaultTags(`{"Project":"shop"}`), "aws:defaultTags.tags.Project", "set by the program"},
	{"provider's tag of the program in small letters", withDefaultTags(`{"stack":"shop"}`), "aws:defaultTags.tags.stack", "set by the program"},
	{"provider's tag of the program in capitals", withDefaultTags(`{"MANAGEDBY":"me"}`), "aws:defaultTags.tags.MANAGEDBY", "set by the program"},
	{"provider's name in small letters", withDefaultTags(`{"name":"shop"}`), "aws:defaultTags.tags.name", "another key"},
	{"provider's tags that differ by case", withDefaultTags(`{"Team":"a","team":"b"}`), "aws:defaultTags.tags.team", "differs from Team by more than case"},
	{"provider's tag that differs from a stack's by case", withDefaultTags(`{"team":"a"}`, "tags", `{"Team":"a"}`), "aws:defaultTags.tags.team", "the key as tags has it, Team"},
	{"provider's tag of AWS", withDefaultTags(`{"aws:x":"y"}`), "aws:defaultTags.tags.aws:x", "AWS keeps for itself"},
	{"provider's tag with a long value", withDefaultTags(`{"A":"` + strings.Repeat("x", 257) + `"}`), "aws:defaultTags.tags.A", "at most 256"},
	{"provider's tag that is a list", withDefaultTags(`{"A":["x"]}`), "aws:defaultTags.tags.A", "a text"},
	{"provider's tags as a list", withDefaultTags(`["A"]`), "aws:defaultTags.tags", "an object of texts"},
	{"provider's tags as text", map[string]string{"aws:defaultTags": "A=x"}, "aws:defaultTags", "an object with tags"},
	{"provider's tag in the place of tags", map[string]string{"aws:defaultTags": `{"Team":"a"}`}, "aws:defaultTags.Team", "nothing but tags"},
	{"too many tags of the provider", withDefaultTags(manyTags(46)), "aws:defaultTags.tags", "at most 45"},
	{"provider's role as text", map[string]string{"aws:assumeRole": "arn:aws:iam::123456789012:role/a"}, "aws:assumeRole", "an object as the AWS provider"},
	{"provider's roles as a list", map[string]string{"aws:assumeRole": `[{"roleArn":"arn:aws:iam::123456789012:role/a"}]`}, "aws:assumeRole", "an object as the AWS provider"},
	{"provider's role for long", map[string]string{"aws:assumeRole": `{"roleArn":"arn:aws:iam::123456789012:role/a","duration":"3600"}`}, "aws:assumeRole.duration", "1h30m"},
	{"provider's endpoints as text", map[string]string{"aws:endpoints": "http://127.0.0.1:1"}, "aws:endpoints", "a list as the AWS provider"},
	{"provider's switch in words", map[string]string{"aws:insecure": "sometimes"}, "aws:insecure", "true or false"},
	{"too many tags together", withDefaultTags(manyTags(45), "tags", `{"Team":"a"}`), "aws:defaultTags.tags", "together with the 1 of tags"},
}

// withDefaultTags is a config whose provider adds these tags, with keys given as pairs.
func withDefaultTags(tags string, pairs ...string) map[string]string {
	config := withConfig(pairs...)
	config["aws:defaultTags"] = `{"tags":` + tags + `}`
	return config
}

func manyCIDRs(n int) string {
	blocks := make([]string, n)
	for i := range blocks {
		blocks[i] = fmt.Sprintf(`"10.0.%d.0/24"`, i)
	}
	return "[" + strings.Join(blocks, ",") + "]"
}

func manyTags(n int) string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("tag%d", i)] = "x"
	}
	text, _ := json.Marshal(tags)
	return string(text)
}

func TestABadConfigIsRefusedBeforeAnythingIsRegistered(t *testing.T) {
	t.Parallel()
	const atLeast = 100 // As docs/testing.md says.
	if len(badConfigs) < atLeast {
		t.Fatalf("there are only %d bad configs", len(badConfigs))
	}
	for _, bad := range badConfigs {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			infratest.WantKeyRefused(t, program, bad.config, bad.key, bad.want)
		})
	}
}

// TestATagMayAlsoBeOneOfTheProviders gives a key on both sides, as teams do that set
// defaults for all stacks and another value in one.
func TestATagMayAlsoBeOneOfTheProviders(t *testing.T) {
	t.Parallel()
	for _, byDefault := range []string{`{"Team":"a"}`, `{"Team":"b","Cost center":17,"Shared":true}`, `null`} {
		record := infratest.MustRun(t, program, infratest.Options{Config: withDefaultTags(byDefault, "tags", `{"Team":"a"}`)})
		vpc := record.Get("sample-app-vpc")
		if got := vpc.Inputs["tags"].ObjectValue()["Team"]; got.StringValue() != "a" {
			t.Errorf("with %s by default the VPC is tagged %v: the stack's own value is lost", byDefault, got)
		}
	}
}

func TestASecretTagOfTheProviderIsRefusedUnseen(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	problems := infratest.Refused(t, program, infratest.Options{
		Config: withDefaultTags(`{"project":"` + secret + `"}`), SecretKeys: []string{"aws:defaultTags"},
	})
	if len(problems) != 1 || strings.Contains(problems.Error(), secret) {
		t.Errorf("a message shows a secret: %v", problems)
	}
}

// The provider reads them too, and a developer's shell may set them for all that it does.
func TestTagsOfTheEnvironmentAreRefusedAsThoseOfTheConfig(t *testing.T) {
	t.Setenv("TF_AWS_DEFAULT_TAGS_project", "shop")
	problems := infratest.Refused(t, program, infratest.Options{})
	if len(problems) != 1 || problems[0].Path != "TF_AWS_DEFAULT_TAGS_project" || !strings.Contains(problems[0].Want, "set by the program") {
		t.Errorf("a tag of the environment that IAM refuses is reported as %v", problems)
	}
}

func TestAllProblemsAreReportedAtOnceAndEachOnce(t *testing.T) {
	t.Parallel()
	config := map[string]string{}
	var want []string
	for _, bad := range []string{
		"imageTag=latest", "image=a b", "containerPort=0", "cpu=abc", "memory=1", "architecture=z80", "desiredCount=-1",
		"capacityProvider=EC2", "healthCheckPath=x", "vpcCidr=x", "availabilityZones=9", "logRetentionDays=2",
		"containerInsights=x",
	} {
		key, value, _ := strings.Cut(bad, "=")
		config[infratest.Project+":"+key] = value
		want = append(want, infratest.Project+":"+key)
	}
	var got []string
	for _, p := range infratest.Refused(t, program, infratest.Options{Config: config}) {
		got = append(got, p.Path)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("problems are reported for\n%v, not for\n%v", got, want)
	}
}

func TestAMisspeltKeyIsNamed(t *testing.T) {
	infratest.WantUnknownKeyRefused(t, program, withConfig("desiredcount", "3"), "desiredcount", "desiredCount")
}

func TestARegionWithTooFewZonesIsAProblemOfTheConfig(t *testing.T) {
	t.Parallel()
	record, err := infratest.Run(t, program, infratest.Options{
		Config: withConfig("availabilityZones", "3"),
		Zones:  []string{"us-west-1a", "us-west-1c"},
	})
	var problems problem.Problems
	if !errors.As(err, &problems) || problems[0].Path != infratest.Project+":availabilityZones" {
		t.Fatalf("three zones are asked of a region that has two, and the error does not name the key: %v", err)
	}
	if len(record.Resources) > 0 {
		t.Errorf("resources were registered before that was found: %v", record.Names())
	}
}

func TestAVersionThatIsKeptElsewhereIsHeldToTheSameRules(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":       "`aws ssm put-parameter --type String --name shop-version --value TAG`",
		"latest": "names one version",
	} {
		world := infratest.Options{Config: withConfig("imageTagParameter", "shop-version"), Parameters: map[string]string{}}
		if value != "" {
			world.Parameters["shop-version"] = value
		}
		record, err := infratest.Run(t, program, world)
		if err == nil || !strings.Contains(err.Error(), infratest.Project+":imageTagParameter: got") || !strings.Contains(err.Error(), want) {
			t.Errorf("with the version %q in the parameter: %v", value, err)
		}
		if len(record.Resources) > 0 {
			t.Errorf("with the version %q in the parameter something is registered: %v", value, record.Names())
		}
	}
}

func TestTheStackFilesAreAccepted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Pulumi.dev.yaml", "Pulumi.prod.yaml"} {
		infratest.Both(t, func(t *testing.T, mode infratest.Mode) {
			t.Helper()
			if _, err := infratest.Run(t, program, infratest.Options{Config: stackFile(t, name), Mode: mode}); err != nil {
				t.Errorf("%s is refused: %v", name, err)
			}
		})
	}
}

// FuzzConfig wants validation and construction to agree: what is accepted can
// be built, and what is refused registers nothing.
func FuzzConfig(f *testing.F) {
	for _, bad := range badConfigs {
		for key, value := range bad.config {
			f.Add(strings.TrimPrefix(key, infratest.Project+":"), value, "desiredCount", "2")
		}
	}
	f.Add("cpu", "4096", "memory", "30720")
	f.Add("tags", `{"Owner":"me"}`, "environment", `{"A":"1"}`)
	f.Add("secrets", `{"A":"arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"}`, "imageTag", "1")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		given := withConfig(key1, value1, key2, value2)
		accepted := false
		record, err := infratest.Run(t, func(ctx *pulumi.Context) error {
			_, err := config.Load(ctx)
			accepted = err == nil
			return program(ctx)
		}, infratest.Options{Config: given})
		switch {
		case accepted && err != nil && errors.As(err, new(problem.Problems)) && len(record.Resources) == 0:
			// AWS was asked, and has no such thing.
		case accepted && err != nil:
			t.Errorf("validation accepts %q, and building it fails: %v", given, err)
		case accepted && len(record.Resources) == 0:
			t.Errorf("validation accepts %q, and nothing is registered", given)
		case !accepted && err == nil:
			t.Errorf("validation refuses %q, and it is built", given)
		case !accepted && len(record.Resources) > 0:
			t.Errorf("validation refuses %q, and %v were registered", given, record.Names())
		}
	})
}
