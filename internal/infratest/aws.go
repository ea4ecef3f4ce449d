package infratest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// Digest is that of every image that awsx builds.
	Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	// Revision is that of every task definition.
	Revision = 7

	// hex and uuid stand for what AWS makes up.
	hex  = "0123456789abcdef"
	uuid = "01234567-89ab-cdef-0123-456789abcdef"
)

// ARN is the ARN of something in this account, in the form that AWS gives it: IAM
// is the same in every region, so its ARNs name none, and the name of a bucket is
// taken once in the partition, so its ARN names no account either.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func (o Options) ARN(service, resource string) string {
	o = o.withDefaults()
	switch service {
	case "iam":
		o.Region = ""
	case "s3":
		o.Region, o.Account = "", ""
	}
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", o.Partition, service, o.Region, o.Account, resource)
}

// domain is what the names of AWS's endpoints end with.
// https://docs.aws.amazon.com/amazonaws/latest/APIReference/API_Endpoints.html
func (o Options) domain() string {
	if o.Partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// DNSName is that of the load balancer that a program calls name.
func (o Options) DNSName(name string) string {
	o = o.withDefaults()
	return physical(name, nil) + "-123456789." + o.Region + ".elb." + o.domain()
}

// RepositoryURL is that of the ECR repository that a program calls name.
func (o Options) RepositoryURL(name string) string {
	o = o.withDefaults()
	return o.Account + ".dkr.ecr." + o.Region + "." + o.domain() + "/" + physical(name, nil)
}

// physical is the name in AWS: the one that was given, or else the one that Pulumi
// makes up, which ends with a hyphen and seven digits.
func physical(name string, inputs resource.PropertyMap) string {
	if given, ok := inputs["name"]; ok && given.IsString() {
		return given.StringValue()
	}
	return name + "-1234567"
}

// outputs are what a provider adds to a resource's inputs.
type outputs func(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap

// none answers with nothing beyond inputs and ID.
func none(Options, string, resource.PropertyMap) resource.PropertyMap { return nil }

// known answers with an ARN, which is the ID too, and a physical name, which
// stands in the ARN in place of NAME.
func known(service, form string) outputs {
	return func(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
		called := physical(name, inputs)
		arn := o.ARN(service, strings.ReplaceAll(form, "NAME", called))
		return properties("arn", arn, "id", arn, "name", called)
	}
}

// byName is known for what the provider identifies by its name.
func byName(service, form string) outputs {
	return func(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
		state := known(service, form)(o, name, inputs)
		state["id"] = state["name"]
		return state
	}
}

func properties(pairs ...string) resource.PropertyMap {
	all := resource.PropertyMap{}
	for i := 0; i < len(pairs); i += 2 {
		all[resource.PropertyKey(pairs[i])] = resource.NewStringProperty(pairs[i+1])
	}
	return all
}

// computed are the outputs of each type of resource. A type that is missing
// fails the test: its outputs would be empty, and what depends on them would
// look right.
var computed = map[string]outputs{
	"aws:acm/certificate:Certificate":                           certificate,
	"aws:acm/certificateValidation:CertificateValidation":       none,
	"aws:appautoscaling/policy:Policy":                          scaling("scalingPolicy", "policyName"),
	"aws:appautoscaling/scheduledAction:ScheduledAction":        scaling("scheduledAction", "scheduledActionName"),
	"aws:appautoscaling/target:Target":                          scalableTarget,
	"aws:cloudwatch/eventRule:EventRule":                        known("events", "rule/NAME"),
	"aws:cloudwatch/eventTarget:EventTarget":                    none,
	"aws:cloudwatch/logGroup:LogGroup":                          byName("logs", "log-group:NAME"),
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    byName("cloudwatch", "alarm:NAME"),
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         none,
	"aws:ec2/eip:Eip":                                           none,
	"aws:ec2/flowLog:FlowLog":                                   none,
	"aws:ec2/internetGateway:InternetGateway":                   none,
	"aws:ec2/natGateway:NatGateway":                             none,
	"aws:ec2/route:Route":                                       none,
	"aws:ec2/routeTable:RouteTable":                             none,
	"aws:ec2/routeTableAssociation:RouteTableAssociation":       none,
	"aws:ec2/securityGroup:SecurityGroup":                       none,
	"aws:ec2/subnet:Subnet":                                     none,
	"aws:ec2/vpc:Vpc":                                           none,
	"aws:ec2/vpcEndpoint:VpcEndpoint":                           none,
	"aws:ecs/cluster:Cluster":                                   known("ecs", "cluster/NAME"),
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": none,
	serviceType:                             service,
	"aws:ecs/taskDefinition:TaskDefinition": taskDefinition,
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider":                                        identityProvider,
	"aws:iam/policy:Policy":                                                                      known("iam", "policy/NAME"),
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":                                          none,
	"aws:iam/role:Role":                                                                          byName("iam", "role/NAME"),
	"aws:iam/rolePolicy:RolePolicy":                                                              none,
	"aws:iam/serviceLinkedRole:ServiceLinkedRole":                                                none,
	"aws:lb/listener:Listener":                                                                   listener,
	"aws:lb/listenerRule:ListenerRule":                                                           listenerRule,
	"aws:lb/loadBalancer:LoadBalancer":                                                           loadBalancer,
	"aws:lb/targetGroup:TargetGroup":                                                             balancing("targetgroup/NAME/" + hex),
	"aws:route53/record:Record":                                                                  record,
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2":                       none,
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":                                     none,
	"aws:s3/bucketPolicy:BucketPolicy":                                                           none,
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":                                     none,
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": none,
	"aws:s3/bucketV2:BucketV2":                                                                   bucket,
	"aws:sns/topic:Topic":                                                                        known("sns", "NAME"),
	"aws:sns/topicPolicy:TopicPolicy":                                                            none,
	"aws:sns/topicSubscription:TopicSubscription":                                                subscription,
	"aws:ssm/parameter:Parameter":                                                                parameter,
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":                                    none,
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":                                  none,
	"awsx:ecr:Image":                                                                             image,
	"awsx:ecr:Repository":                                                                        repository,
	"pulumi:providers:aws":                                                                       none,
	"aws:wafv2/webAcl:WebAcl":                                                                    webACL,
	"aws:wafv2/webAclAssociation:WebAclAssociation":                                              none,
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration":                            none,
}

// scaling are policies and scheduled actions, whose ARNs name what they scale.
func scaling(kind, label string) outputs {
	return func(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
		called := physical(name, inputs)
		return properties("id", called, "name", called, "arn", o.ARN("autoscaling", fmt.Sprintf("%s:%s:resource/ecs/%s:%s/%s",
			kind, uuid, inputs["resourceId"].StringValue(), label, called)))
	}
}

func scalableTarget(o Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	return properties("id", inputs["resourceId"].StringValue(), "arn", o.ARN("application-autoscaling", "scalable-target/"+hex))
}

func taskDefinition(o Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	family := inputs["family"].StringValue()
	state := properties("id", family, "arn", o.ARN("ecs", fmt.Sprintf("task-definition/%s:%d", family, Revision)))
	state["revision"] = resource.NewNumberProperty(Revision)
	return state
}

// balancing are load balancers and target groups. The ends of their ARNs are
// dimensions of metrics.
func balancing(form string) outputs {
	return func(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
		state := known("elasticloadbalancing", form)(o, name, inputs)
		arn := state["arn"].StringValue()
		_, suffix, _ := strings.Cut(arn, o.Account+":")
		state["arnSuffix"] = resource.NewStringProperty(strings.TrimPrefix(suffix, "loadbalancer/"))
		return state
	}
}

func loadBalancer(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
	state := balancing("loadbalancer/app/NAME/"+hex)(o, name, inputs)
	state["dnsName"] = resource.NewStringProperty(o.DNSName(name))
	state["zoneId"] = resource.NewStringProperty("Z35SXDOTRQ7X7K")
	return state
}

// certificate wants a record for each of its names, a wildcard the same as the name beside it.
func certificate(o Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	arn := o.ARN("acm", "certificate/"+uuid)
	state := properties("arn", arn, "id", arn)
	names := []string{inputs["domainName"].StringValue()}
	if others := inputs["subjectAlternativeNames"]; others.IsArray() {
		for _, other := range others.ArrayValue() {
			names = append(names, other.StringValue())
		}
	}
	var options []resource.PropertyValue
	for _, name := range names {
		base := strings.TrimPrefix(name, "*.")
		options = append(options, resource.NewObjectProperty(properties("domainName", name,
			"resourceRecordName", "_"+hex+"."+base+".", "resourceRecordType", "CNAME", "resourceRecordValue", "_"+hex+".acm-validations.aws.")))
	}
	state["domainValidationOptions"] = resource.NewArrayProperty(options)
	return state
}

func record(_ Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	return properties("fqdn", strings.TrimSuffix(inputs["name"].StringValue(), "."))
}

func bucket(o Options, name string, _ resource.PropertyMap) resource.PropertyMap {
	called := physical(name, nil)
	return properties("id", called, "bucket", called, "arn", o.ARN("s3", called))
}

// listener has the ARN of its load balancer, with an end of its own.
func listener(_ Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	arn := strings.Replace(inputs["loadBalancerArn"].StringValue(), ":loadbalancer/", ":listener/", 1) + "/" + hex
	return properties("arn", arn, "id", arn)
}

// listenerRule has the ARN of its listener, with an end of its own.
func listenerRule(_ Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	arn := strings.Replace(inputs["listenerArn"].StringValue(), ":listener/", ":listener-rule/", 1) + "/" + hex
	return properties("arn", arn)
}

func identityProvider(o Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	arn := o.ARN("iam", "oidc-provider/"+strings.TrimPrefix(inputs["url"].StringValue(), "https://"))
	return properties("arn", arn, "id", arn)
}

func subscription(_ Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	arn := inputs["topic"].StringValue() + ":" + uuid
	return properties("arn", arn, "id", arn)
}

// parameter may have a path for a name, whose first slash the ARN leaves out.
func parameter(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
	called := physical(name, inputs)
	state := properties("id", called, "name", called, "arn", o.ARN("ssm", "parameter/"+strings.TrimPrefix(called, "/")))
	state["version"] = resource.NewNumberProperty(1)
	return state
}

func webACL(o Options, name string, inputs resource.PropertyMap) resource.PropertyMap {
	called := physical(name, inputs)
	return properties("id", uuid, "name", called, "arn", o.ARN("wafv2", "regional/webacl/"+called+"/"+uuid))
}

func repository(o Options, name string, _ resource.PropertyMap) resource.PropertyMap {
	return properties("url", o.RepositoryURL(name))
}

func image(_ Options, _ string, inputs resource.PropertyMap) resource.PropertyMap {
	return properties("imageUri", inputs["repositoryUrl"].StringValue()+"@"+Digest)
}

// read answers for a resource that is read: the stack itself, with its outputs.
func (m *mocks) read(token string) resource.PropertyMap {
	if token != "pulumi:pulumi:StackReference" {
		m.complaints = append(m.complaints, "the recorder does not know how to read a "+token+": add its answer")
	}
	return resource.PropertyMap{"outputs": resource.NewObjectProperty(resource.NewPropertyMapFromMap(m.options.Outputs))}
}

// zone is an availability zone as EC2 describes it.
type zone struct{ name, optIn, kind string }

// zones are the region's, in no order. For each filter that a program should set
// there is a zone that only this filter keeps out, and whose name comes first.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
func (o Options) zones() []zone {
	const everyone, ordinary = "opt-in-not-required", "availability-zone"
	all := []zone{
		{o.Region + "-bos-1a", everyone, "local-zone"},
		{o.Region + "-atl-1a", "not-opted-in", ordinary},
	}
	for _, name := range o.Zones {
		all = append(all, zone{name, everyone, ordinary})
	}
	return all
}

// filtered are the names of the zones that pass the filters of an invoke.
func (o Options) filtered(args resource.PropertyMap) []string {
	found := []string{}
	for _, z := range o.zones() {
		fields := map[string]string{"opt-in-status": z.optIn, "zone-type": z.kind}
		passes := true
		filters, _ := args.Mappable()["filters"].([]any)
		for _, filter := range filters {
			f, _ := filter.(map[string]any)
			values, _ := f["values"].([]any)
			passes = passes && slices.Contains(values, any(fields[fmt.Sprint(f["name"])]))
		}
		if passes {
			found = append(found, z.name)
		}
	}
	return found
}

// Call answers an invoke, as AWS would.
func (m *mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Calls = append(m.record.Calls, Call{Token: args.Token, Provider: args.Provider})
	switch args.Token {
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		return resource.PropertyMap{"names": resource.NewPropertyValue(m.options.filtered(args.Args))}, nil
	case "aws:index/getRegion:getRegion":
		return properties("name", m.options.Region), nil
	case "aws:index/getPartition:getPartition":
		return properties("partition", m.options.Partition), nil
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return properties("accountId", m.options.Account), nil
	case "aws:ec2/getVpc:getVpc", "aws:ec2/getSubnet:getSubnet", "aws:ec2/getRouteTable:getRouteTable":
		return m.options.network(args.Token, args.Args)
	case "aws:route53/getZone:getZone":
		return m.options.hostedZone(args.Args)
	case "aws:iam/getRoles:getRoles":
		return resource.PropertyMap{"names": resource.NewPropertyValue(slices.Sorted(maps.Keys(m.options.LinkedRoles)))}, nil
	case "aws:iam/getRole:getRole":
		return properties("description", m.options.LinkedRoles[args.Args["name"].StringValue()]), nil
	case "aws:ssm/getParameter:getParameter":
		return m.options.parameter(args.Args["name"].StringValue())
	case "aws:ecr/getImage:getImage":
		return m.options.image(args.Args)
	}
	complaint := "the recorder does not know the invoke " + args.Token + ": add its answer"
	m.complaints = append(m.complaints, complaint)
	return nil, errors.New(complaint)
}

// parameter answers a lookup in the Parameter Store.
func (o Options) parameter(name string) (resource.PropertyMap, error) {
	value, ok := o.Parameters[name]
	if o.Parameters == nil {
		value, ok = "2.4.67", true
	}
	if !ok {
		return nil, errors.New("reading SSM Parameter (" + name + "): couldn't find resource")
	}
	return properties("name", name, "type", "String", "value", value), nil
}

// image answers a lookup of an image in ECR.
func (o Options) image(args resource.PropertyMap) (resource.PropertyMap, error) {
	tag := ""
	if given := args["imageTag"]; given.IsString() {
		tag = given.StringValue()
	}
	digest, ok := o.Images[tag]
	if !ok {
		return nil, errors.New("reading ECR Images: couldn't find resource")
	}
	return properties("imageDigest", digest), nil
}

// hostedZone answers a lookup of a public hosted zone, by its ID or its name.
func (o Options) hostedZone(args resource.PropertyMap) (resource.PropertyMap, error) {
	for name, ids := range o.HostedZones {
		if id := args["zoneId"]; id.IsString() && slices.Contains(ids, id.StringValue()) {
			return properties("zoneId", id.StringValue(), "name", name), nil
		}
		if asked := args["name"]; asked.IsString() && asked.StringValue() == name {
			if len(ids) > 1 {
				return nil, errors.New("multiple Route 53 Hosted Zones matched; use additional constraints to reduce matches to a single Route 53 Hosted Zone")
			}
			return properties("zoneId", ids[0], "name", name), nil
		}
	}
	return nil, errors.New("no matching Route 53 Hosted Zone found")
}
