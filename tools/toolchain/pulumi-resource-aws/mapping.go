package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// fields are the properties of a resource that pulumi-aws treats in its own way,
// by their Terraform names.
type fields map[string]*tfbridge.SchemaInfo

// mapped is what pulumi-aws calls a Terraform resource.
type mapped struct {
	module, name string
	fields       fields

	// deleteFirst deletes a resource before its replacement is created: for those
	// that are one and the same to AWS, so that deleting the old deletes the new.
	deleteFirst bool
}

// mappedResources are the resources that the program uses. To add one, add its
// line here, from the token in the doc comment's import example or in the
// constructor of pulumi-aws's Go SDK, and its service to services.txt. That file
// cannot be made from this one: aws_vpc is of the service ec2, aws_lb of elbv2. The
// provider stops at its start if a service is missing, and a test fails if a type that
// the program makes is.
var mappedResources = map[string]mapped{
	"aws_acm_certificate":                                {module: "acm", name: "Certificate"},
	"aws_acm_certificate_validation":                     {module: "acm", name: "CertificateValidation"},
	"aws_appautoscaling_policy":                          {module: "appautoscaling", name: "Policy"},
	"aws_appautoscaling_scheduled_action":                {module: "appautoscaling", name: "ScheduledAction"},
	"aws_appautoscaling_target":                          {module: "appautoscaling", name: "Target"},
	"aws_cloudwatch_event_rule":                          {module: "cloudwatch", name: "EventRule"},
	"aws_cloudwatch_event_target":                        {module: "cloudwatch", name: "EventTarget"},
	"aws_cloudwatch_log_group":                           {module: "cloudwatch", name: "LogGroup"},
	"aws_cloudwatch_metric_alarm":                        {module: "cloudwatch", name: "MetricAlarm", fields: alarmFields},
	"aws_default_security_group":                         {module: "ec2", name: "DefaultSecurityGroup", fields: groupFields},
	"aws_ecs_cluster":                                    {module: "ecs", name: "Cluster"},
	"aws_ecs_cluster_capacity_providers":                 {module: "ecs", name: "ClusterCapacityProviders"},
	"aws_ecs_service":                                    {module: "ecs", name: "Service", fields: serviceFields},
	"aws_ecs_task_definition":                            {module: "ecs", name: "TaskDefinition"},
	"aws_eip":                                            {module: "ec2", name: "Eip"},
	"aws_flow_log":                                       {module: "ec2", name: "FlowLog"},
	"aws_iam_openid_connect_provider":                    {module: "iam", name: "OpenIdConnectProvider"},
	"aws_iam_policy":                                     {module: "iam", name: "Policy", fields: fields{"policy": jsonDocument}},
	"aws_iam_role":                                       {module: "iam", name: "Role", fields: roleFields},
	"aws_iam_role_policy":                                {module: "iam", name: "RolePolicy", fields: fields{"policy": jsonDocument}},
	"aws_iam_role_policy_attachment":                     {module: "iam", name: "RolePolicyAttachment", deleteFirst: true},
	"aws_iam_service_linked_role":                        {module: "iam", name: "ServiceLinkedRole"},
	"aws_internet_gateway":                               {module: "ec2", name: "InternetGateway"},
	"aws_lb":                                             {module: "lb", name: "LoadBalancer", fields: fields{"name": balancerName}},
	"aws_lb_listener":                                    {module: "lb", name: "Listener"},
	"aws_lb_listener_rule":                               {module: "lb", name: "ListenerRule"},
	"aws_lb_target_group":                                {module: "lb", name: "TargetGroup", fields: targetGroupFields},
	"aws_nat_gateway":                                    {module: "ec2", name: "NatGateway"},
	"aws_route":                                          {module: "ec2", name: "Route"},
	"aws_route53_record":                                 {module: "route53", name: "Record", fields: recordFields},
	"aws_route_table":                                    {module: "ec2", name: "RouteTable"},
	"aws_route_table_association":                        {module: "ec2", name: "RouteTableAssociation"},
	"aws_s3_bucket":                                      {module: "s3", name: "BucketV2", fields: bucketFields},
	"aws_s3_bucket_lifecycle_configuration":              {module: "s3", name: "BucketLifecycleConfigurationV2"},
	"aws_s3_bucket_ownership_controls":                   {module: "s3", name: "BucketOwnershipControls"},
	"aws_s3_bucket_policy":                               {module: "s3", name: "BucketPolicy", fields: fields{"policy": jsonDocument}},
	"aws_s3_bucket_public_access_block":                  {module: "s3", name: "BucketPublicAccessBlock"},
	"aws_s3_bucket_server_side_encryption_configuration": {module: "s3", name: "BucketServerSideEncryptionConfigurationV2"},
	"aws_security_group":                                 {module: "ec2", name: "SecurityGroup", fields: describedGroupFields},
	"aws_sns_topic":                                      {module: "sns", name: "Topic"},
	"aws_sns_topic_policy":                               {module: "sns", name: "TopicPolicy", fields: fields{"policy": jsonDocument}},
	"aws_sns_topic_subscription":                         {module: "sns", name: "TopicSubscription", fields: fields{"topic_arn": {Name: "topic"}}},
	"aws_ssm_parameter":                                  {module: "ssm", name: "Parameter"},
	"aws_subnet":                                         {module: "ec2", name: "Subnet"},
	"aws_vpc":                                            {module: "ec2", name: "Vpc"},
	"aws_vpc_endpoint":                                   {module: "ec2", name: "VpcEndpoint"},
	"aws_vpc_security_group_egress_rule":                 {module: "vpc", name: "SecurityGroupEgressRule"},
	"aws_wafv2_web_acl":                                  {module: "wafv2", name: "WebAcl"},
	"aws_wafv2_web_acl_association":                      {module: "wafv2", name: "WebAclAssociation"},
	"aws_wafv2_web_acl_logging_configuration":            {module: "wafv2", name: "WebAclLoggingConfiguration"},
	"aws_vpc_security_group_ingress_rule":                {module: "vpc", name: "SecurityGroupIngressRule"},
}

// mappedFunctions are the functions that the program calls.
var mappedFunctions = map[string]mapped{
	"aws_availability_zones": {module: "index", name: "getAvailabilityZones"},
	"aws_caller_identity":    {module: "index", name: "getCallerIdentity"},
	"aws_iam_role":           {module: "iam", name: "getRole"},
	"aws_iam_roles":          {module: "iam", name: "getRoles"},
	"aws_partition":          {module: "index", name: "getPartition"},
	"aws_region":             {module: "index", name: "getRegion"},
	"aws_route53_zone":       {module: "route53", name: "getZone"},
	"aws_route_table":        {module: "ec2", name: "getRouteTable"},
	"aws_ssm_parameter":      {module: "ssm", name: "getParameter"},
	"aws_subnet":             {module: "ec2", name: "getSubnet"},
	"aws_vpc":                {module: "ec2", name: "getVpc"},
}

// Lengths of the names that Pulumi makes up, in characters.
const (
	// maxName is what pulumi-aws allows where it knows of no stricter limit.
	maxName = 255

	// maxBalancerName is the limit for load balancers and target groups.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
	maxBalancerName = 32

	// maxBucketName is the limit for buckets, whose names have no upper case.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	maxBucketName = 63

	// maxRoleName is the limit for roles.
	// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
	maxRoleName = 64

	// maxRolePolicyName is the limit for the policies inside a role.
	// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
	maxRolePolicyName = 128
)

var (
	balancerName = autoName(maxBalancerName)
	bucketName   = tfbridge.AutoNameTransform("bucket", maxBucketName, strings.ToLower)

	// bucketFields are what BucketV2 has in the place of resources of their own.
	bucketFields = fields{
		"bucket":  bucketName,
		"logging": several("loggings"), "versioning": several("versionings"), "website": several("websites"),
		"lifecycle_rule":            inside(fields{"expiration": several("expirations"), "noncurrent_version_expiration": several("noncurrentVersionExpirations")}),
		"object_lock_configuration": inside(fields{"rule": severalOf("rules", fields{"default_retention": several("defaultRetentions")})}),
		"replication_configuration": severalOf("replicationConfigurations", fields{"rules": inside(fields{
			"destination": severalOf("destinations", fields{
				"access_control_translation": several("accessControlTranslations"), "metrics": several("metrics"), "replication_time": several("replicationTimes"),
			}),
			"filter":                    several("filters"),
			"source_selection_criteria": severalOf("sourceSelectionCriterias", fields{"sse_kms_encrypted_objects": several("sseKmsEncryptedObjects")}),
		})}),
		"server_side_encryption_configuration": severalOf("serverSideEncryptionConfigurations", fields{
			"rule": severalOf("rules", fields{"apply_server_side_encryption_by_default": several("applyServerSideEncryptionByDefaults")}),
		}),
	}

	recordFields = fields{
		"alias":                      several("aliases"),
		"failover_routing_policy":    several("failoverRoutingPolicies"),
		"geolocation_routing_policy": several("geolocationRoutingPolicies"),
		"latency_routing_policy":     several("latencyRoutingPolicies"),
		"weighted_routing_policy":    several("weightedRoutingPolicies"),
	}

	// jsonDocument writes a document always the same way, so that a change of its
	// white space is none.
	jsonDocument = &tfbridge.SchemaInfo{Type: "string", Transform: tfbridge.TransformJSONDocument}

	roleFields = fields{
		"name":               autoName(maxRoleName),
		"assume_role_policy": jsonDocument,
		"inline_policy": {Elem: &tfbridge.SchemaInfo{
			Fields: fields{"name": autoName(maxRolePolicyName)},
		}},
	}

	targetGroupFields = fields{
		"name": balancerName,
		// Terraform has a string here, the SDK a number.
		"deregistration_delay": {Type: "integer"},
	}
)

// several keeps a list where Terraform allows one element only.
func several(name string) *tfbridge.SchemaInfo {
	return &tfbridge.SchemaInfo{Name: name, MaxItemsOne: tfbridge.False()}
}

// severalOf is several, of elements with such fields.
func severalOf(name string, elements fields) *tfbridge.SchemaInfo {
	list := inside(elements)
	list.Name, list.MaxItemsOne = name, tfbridge.False()
	return list
}

// inside is a list of elements with such fields, or the one element.
func inside(elements fields) *tfbridge.SchemaInfo {
	return &tfbridge.SchemaInfo{Elem: &tfbridge.SchemaInfo{Fields: elements}}
}

// alarmFields names an alarm as other resources are named, in its name.
var alarmFields = fields{"alarm_name": {Name: "name", Default: autoName(maxName).Default}}

// serviceFields keeps lists where Terraform allows one element only.
var serviceFields = fields{
	"load_balancer": several("loadBalancers"),
	"service_connect_configuration": {Elem: &tfbridge.SchemaInfo{Fields: fields{
		"service": {Elem: &tfbridge.SchemaInfo{Fields: fields{
			"client_alias": several("clientAlias"),
		}}},
	}}},
}

// groupFields keeps AWS's own words, ingress and egress, which the bridge would
// turn into plurals.
var groupFields = fields{"ingress": {Name: "ingress"}, "egress": {Name: "egress"}}

// describedGroupFields has the description that AWS wants of a group. The default
// group has none to give.
var describedGroupFields = fields{
	"ingress":     {Name: "ingress"},
	"egress":      {Name: "egress"},
	"description": {Default: &tfbridge.DefaultInfo{Value: "Managed by Pulumi"}},
}

// config is what pulumi-aws changes about the provider's own configuration.
func config() map[string]*tfbridge.SchemaInfo {
	secret := &tfbridge.SchemaInfo{Secret: tfbridge.True()}
	return map[string]*tfbridge.SchemaInfo{
		"region": {
			Default:               &tfbridge.DefaultInfo{EnvVars: []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
			ForcesProviderReplace: tfbridge.True(),
		},
		"skip_region_validation":      {Default: &tfbridge.DefaultInfo{Value: true}},
		"skip_credentials_validation": {Default: &tfbridge.DefaultInfo{Value: false}},
		// Terraform has a string here, to tell false from missing; the SDK a boolean.
		"skip_metadata_api_check": {Type: "boolean"},
		// Terraform takes several roles, each to be assumed with the one before; the SDK one.
		"assume_role": {Name: "assumeRole", MaxItemsOne: tfbridge.True()},
		"access_key":  secret,
		"secret_key":  secret,
		"token":       secret,
	}
}

// resources is mappedResources as the bridge takes it.
func resources() map[string]*tfbridge.ResourceInfo {
	infos := make(map[string]*tfbridge.ResourceInfo, len(mappedResources))
	for terraform, m := range mappedResources {
		infos[terraform] = &tfbridge.ResourceInfo{Tok: tokens.Type(m.token()), Fields: m.fields, DeleteBeforeReplace: m.deleteFirst}
	}
	return infos
}

// functions is mappedFunctions as the bridge takes it.
func functions() map[string]*tfbridge.DataSourceInfo {
	infos := make(map[string]*tfbridge.DataSourceInfo, len(mappedFunctions))
	for terraform, m := range mappedFunctions {
		infos[terraform] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(m.token())}
	}
	return infos
}

// token returns aws:lb/loadBalancer:LoadBalancer for lb and LoadBalancer.
func (m mapped) token() string {
	file := string(unicode.ToLower(rune(m.name[0]))) + m.name[1:]
	return "aws:" + m.module + "/" + file + ":" + m.name
}

// served reports what is mapped and not served. The slim build leaves out whole
// services, and the bridge would ignore a resource that is missing until a
// program asks for it.
func served(info *tfbridge.ProviderInfo) error {
	var problems []error
	for terraform := range info.Resources {
		if _, ok := info.P.ResourcesMap().GetOk(terraform); !ok {
			problems = append(problems, fmt.Errorf("resource %s is mapped, but its service is not part of this build: add the service to services.txt", terraform))
		}
	}
	for terraform := range info.DataSources {
		if _, ok := info.P.DataSourcesMap().GetOk(terraform); !ok {
			problems = append(problems, fmt.Errorf("function %s is mapped, but its service is not part of this build: add the service to services.txt", terraform))
		}
	}
	return errors.Join(problems...)
}

// nameResources lets Pulumi make up the name of every resource that has one and
// does not say otherwise in the mapping.
func nameResources(info *tfbridge.ProviderInfo) {
	for terraform, resource := range info.Resources {
		name, ok := info.P.ResourcesMap().Get(terraform).Schema().GetOk("name")
		if !ok || !name.Optional() && !name.Required() {
			continue
		}
		if resource.Fields == nil {
			resource.Fields = fields{}
		}
		if _, ok := resource.Fields["name"]; !ok {
			resource.Fields["name"] = autoName(maxName)
		}
	}
}

// autoName makes up names such as web-1a2b3c4.
func autoName(length int) *tfbridge.SchemaInfo {
	return tfbridge.AutoName("name", length, "-")
}

// String lets failures of tests name what they are about.
func (m mapped) String() string { return strings.TrimPrefix(m.token(), "aws:") }
