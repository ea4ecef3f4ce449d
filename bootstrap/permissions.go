package main

import (
	"fmt"
	"slices"
	"strings"
)

// appPrefix begins the names of all roles and repositories of the sample app.
const appPrefix = "sample-app-"

// appProject is the sample app's project: a tag of all that it makes, and the
// folder of its stacks in the state's bucket.
const appProject = "ecs-sample-app"

// ephemeralPrefix begins the names of the stacks of pull requests.
const ephemeralPrefix = "pr-"

// account is where the roles are: what ARNs are made from.
type account struct {
	partition, region, id string
}

func (a account) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", a.partition, service, a.id, resource)
}

// appParameters are the parameters that the sample app keeps secrets in, in any
// region.
func (a account) appParameters() []string {
	return []string{fmt.Sprintf("arn:%s:ssm:*:%s:parameter/%s*", a.partition, a.id, appPrefix)}
}

// appRoles are the roles that the sample app makes for its tasks.
func (a account) appRoles() []string { return []string{a.arn("iam", "role/"+appPrefix+"*")} }

// readActions are what a preview with a refresh asks of AWS. Each is named, so
// that none reads what the account's users keep in it: no object, no secret, no
// line of a log, no user data of an instance. Parameters are listed, without values. A
// login to ECR, which a preview with buildContext asks for, may do what the role may.
var readActions = []string{
	"acm:DescribeCertificate",
	"acm:ListTagsForCertificate",
	"application-autoscaling:DescribeScalableTargets",
	"application-autoscaling:DescribeScalingPolicies",
	"application-autoscaling:DescribeScheduledActions",
	"application-autoscaling:ListTagsForResource",
	"cloudwatch:DescribeAlarms",
	"cloudwatch:ListTagsForResource",
	"ec2:DescribeAccountAttributes",
	"ec2:DescribeAddresses",
	"ec2:DescribeAddressesAttribute",
	"ec2:DescribeAvailabilityZones",
	"ec2:DescribeFlowLogs",
	"ec2:DescribeInternetGateways",
	"ec2:DescribeNatGateways",
	"ec2:DescribeNetworkAcls",
	"ec2:DescribeNetworkInterfaces",
	"ec2:DescribePrefixLists",
	"ec2:DescribeRouteTables",
	"ec2:DescribeSecurityGroupRules",
	"ec2:DescribeSecurityGroups",
	"ec2:DescribeSubnets",
	"ec2:DescribeTags",
	"ec2:DescribeVpcAttribute",
	"ec2:DescribeVpcEndpoints",
	"ec2:DescribeVpcs",
	"ecr:DescribeImages",
	"ecr:DescribeRepositories",
	"ecr:GetAuthorizationToken",
	"ecr:GetLifecyclePolicy",
	"ecr:GetRepositoryPolicy",
	"ecr:ListTagsForResource",
	"ecs:DescribeClusters",
	"ecs:DescribeServiceDeployments",
	"ecs:DescribeServiceRevisions",
	"ecs:DescribeServices",
	"ecs:DescribeTaskDefinition",
	"ecs:DescribeTasks",
	"ecs:ListServiceDeployments",
	"ecs:ListServices",
	"ecs:ListTagsForResource",
	"ecs:ListTasks",
	"elasticloadbalancing:DescribeCapacityReservation",
	"elasticloadbalancing:DescribeListenerAttributes",
	"elasticloadbalancing:DescribeListenerCertificates",
	"elasticloadbalancing:DescribeListeners",
	"elasticloadbalancing:DescribeLoadBalancerAttributes",
	"elasticloadbalancing:DescribeLoadBalancers",
	"elasticloadbalancing:DescribeRules",
	"elasticloadbalancing:DescribeTags",
	"elasticloadbalancing:DescribeTargetGroupAttributes",
	"elasticloadbalancing:DescribeTargetGroups",
	"elasticloadbalancing:DescribeTargetHealth",
	"events:DescribeRule",
	"events:ListTagsForResource",
	"events:ListTargetsByRule",
	"logs:DescribeLogGroups",
	"logs:DescribeResourcePolicies",
	"logs:ListTagsForResource",
	"route53:GetChange",
	"route53:GetHostedZone",
	"route53:ListHostedZones",
	"route53:ListResourceRecordSets",
	"route53:ListTagsForResource",
	"sns:GetSubscriptionAttributes",
	"sns:GetTopicAttributes",
	"sns:ListSubscriptionsByTopic",
	"sns:ListTagsForResource",
	"ssm:DescribeParameters",
	"sts:GetCallerIdentity",
	"wafv2:GetLoggingConfiguration",
	"wafv2:GetWebACL",
	"wafv2:GetWebACLForResource",
	"wafv2:ListTagsForResource",
}

// readParameterActions are what a refresh asks about the sample app's parameters.
// Their values come along: the provider compares them with the state, where they are
// too. So who may see the state learns nothing new.
var readParameterActions = []string{
	"ssm:GetParameter",
	"ssm:GetParameters",
	"ssm:ListTagsForResource",
}

// writeParameterActions are for the sample app's parameters. The key that AWS keeps
// for the Parameter Store encrypts them, and needs no permission of its own
// (https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html).
var writeParameterActions = []string{
	"ssm:AddTagsToResource",
	"ssm:DeleteParameter",
	"ssm:PutParameter",
	"ssm:RemoveTagsFromResource",
}

// readRoleActions are what a preview asks about the tasks' roles. They take a
// role, so they are given for the sample app's only.
var readRoleActions = []string{
	"iam:GetRole",
	"iam:GetRolePolicy",
	"iam:ListAttachedRolePolicies",
	"iam:ListInstanceProfilesForRole",
	"iam:ListRolePolicies",
	"iam:ListRoleTags",
}

// writeActions are what an update makes and changes.
var writeActions = []string{
	"acm:AddTagsToCertificate",
	"acm:RemoveTagsFromCertificate",
	"acm:RequestCertificate",
	"application-autoscaling:DeleteScalingPolicy",
	"application-autoscaling:DeleteScheduledAction",
	"application-autoscaling:DeregisterScalableTarget",
	"application-autoscaling:PutScalingPolicy",
	"application-autoscaling:PutScheduledAction",
	"application-autoscaling:RegisterScalableTarget",
	"application-autoscaling:TagResource",
	"application-autoscaling:UntagResource",
	"cloudwatch:PutMetricAlarm",
	"cloudwatch:TagResource",
	"cloudwatch:UntagResource",
	"ec2:AllocateAddress",
	"ec2:AssociateRouteTable",
	"ec2:AttachInternetGateway",
	"ec2:AuthorizeSecurityGroupEgress",
	"ec2:AuthorizeSecurityGroupIngress",
	"ec2:CreateFlowLogs",
	"ec2:CreateInternetGateway",
	"ec2:CreateNatGateway",
	"ec2:CreateRoute",
	"ec2:CreateRouteTable",
	"ec2:CreateSecurityGroup",
	"ec2:CreateSubnet",
	"ec2:CreateTags",
	"ec2:CreateVpc",
	"ec2:CreateVpcEndpoint",
	"ec2:DeleteRoute",
	"ec2:DeleteTags",
	"ec2:DetachInternetGateway",
	"ec2:DisassociateAddress",
	"ec2:DisassociateRouteTable",
	"ec2:ModifySecurityGroupRules",
	"ec2:ModifySubnetAttribute",
	"ec2:ModifyVpcAttribute",
	"ec2:ModifyVpcEndpoint",
	"ec2:ReplaceRoute",
	"ec2:ReplaceRouteTableAssociation",
	"ec2:RevokeSecurityGroupEgress",
	"ec2:RevokeSecurityGroupIngress",
	"ec2:UpdateSecurityGroupRuleDescriptionsEgress",
	"ec2:UpdateSecurityGroupRuleDescriptionsIngress",
	"ecs:CreateCluster",
	"ecs:CreateService",
	"ecs:DeregisterTaskDefinition",
	"ecs:PutClusterCapacityProviders",
	"ecs:RegisterTaskDefinition",
	"ecs:TagResource",
	"ecs:UntagResource",
	"ecs:UpdateCluster",
	"ecs:UpdateClusterSettings",
	"ecs:UpdateService",
	"elasticloadbalancing:AddListenerCertificates",
	"elasticloadbalancing:AddTags",
	"elasticloadbalancing:CreateListener",
	"elasticloadbalancing:CreateLoadBalancer",
	"elasticloadbalancing:CreateRule",
	"elasticloadbalancing:CreateTargetGroup",
	"elasticloadbalancing:ModifyListener",
	"elasticloadbalancing:ModifyListenerAttributes",
	"elasticloadbalancing:ModifyLoadBalancerAttributes",
	"elasticloadbalancing:ModifyRule",
	"elasticloadbalancing:ModifyTargetGroup",
	"elasticloadbalancing:ModifyTargetGroupAttributes",
	"elasticloadbalancing:RemoveListenerCertificates",
	"elasticloadbalancing:RemoveTags",
	"elasticloadbalancing:SetIpAddressType",
	"elasticloadbalancing:SetRulePriorities",
	"elasticloadbalancing:SetSecurityGroups",
	"elasticloadbalancing:SetSubnets",
	"elasticloadbalancing:SetWebAcl",
	"events:PutRule",
	"events:PutTargets",
	"events:TagResource",
	"events:UntagResource",
	"logs:CreateLogDelivery",
	"logs:CreateLogGroup",
	"logs:DeleteLogDelivery",
	"logs:DeleteRetentionPolicy",
	"logs:PutResourcePolicy",
	"logs:PutRetentionPolicy",
	"logs:TagResource",
	"logs:UntagResource",
	"route53:ChangeResourceRecordSets",
	"sns:CreateTopic",
	"sns:SetSubscriptionAttributes",
	"sns:SetTopicAttributes",
	"sns:Subscribe",
	"sns:TagResource",
	"sns:Unsubscribe",
	"sns:UntagResource",
	"wafv2:AssociateWebACL",
	"wafv2:CreateWebACL",
	"wafv2:DeleteLoggingConfiguration",
	"wafv2:DisassociateWebACL",
	"wafv2:PutLoggingConfiguration",
	"wafv2:TagResource",
	"wafv2:UntagResource",
	"wafv2:UpdateWebACL",
}

// deleteActions are what takes something away for good. They are given only for
// what carries the sample app's tag: a state that is mixed up can't delete what is
// somebody else's. Who means harm can set the tag first.
var deleteActions = []string{
	"acm:DeleteCertificate",
	"cloudwatch:DeleteAlarms",
	"ec2:DeleteFlowLogs",
	"ec2:DeleteInternetGateway",
	"ec2:DeleteNatGateway",
	"ec2:DeleteRouteTable",
	"ec2:DeleteSecurityGroup",
	"ec2:DeleteSubnet",
	"ec2:DeleteVpc",
	"ec2:DeleteVpcEndpoints",
	"ec2:ReleaseAddress",
	"ecs:DeleteCluster",
	"ecs:DeleteService",
	"elasticloadbalancing:DeleteListener",
	"elasticloadbalancing:DeleteLoadBalancer",
	"elasticloadbalancing:DeleteRule",
	"elasticloadbalancing:DeleteTargetGroup",
	"events:DeleteRule",
	"events:RemoveTargets",
	"logs:DeleteLogGroup",
	"sns:DeleteTopic",
	"wafv2:DeleteWebACL",
}

// writeRoleActions are for the tasks' roles. Managed policies can't be attached:
// the program has no need to, and AdministratorAccess is one.
var writeRoleActions = []string{
	"iam:CreateRole",
	"iam:DeleteRole",
	"iam:DeleteRolePolicy",
	"iam:PutRolePolicy",
	"iam:TagRole",
	"iam:UntagRole",
	"iam:UpdateAssumeRolePolicy",
	"iam:UpdateRole",
	"iam:UpdateRoleDescription",
}

// imageActions make a repository for buildContext and push to it.
var imageActions = []string{
	"ecr:BatchCheckLayerAvailability",
	"ecr:BatchDeleteImage",
	"ecr:BatchGetImage",
	"ecr:CompleteLayerUpload",
	"ecr:CreateRepository",
	"ecr:DeleteLifecyclePolicy",
	"ecr:DeleteRepository",
	"ecr:GetDownloadUrlForLayer",
	"ecr:InitiateLayerUpload",
	"ecr:PutImage",
	"ecr:PutImageScanningConfiguration",
	"ecr:PutImageTagMutability",
	"ecr:PutLifecyclePolicy",
	"ecr:TagResource",
	"ecr:UntagResource",
	"ecr:UploadLayerPart",
}

// readBucketActions are what a preview asks about the bucket of the access logs: how it is
// set, and none of the logs.
var readBucketActions = []string{
	"s3:GetAccelerateConfiguration",
	"s3:GetBucketAcl",
	"s3:GetBucketCORS",
	"s3:GetBucketLocation",
	"s3:GetBucketLogging",
	"s3:GetBucketObjectLockConfiguration",
	"s3:GetBucketOwnershipControls",
	"s3:GetBucketPolicy",
	"s3:GetBucketPublicAccessBlock",
	"s3:GetBucketRequestPayment",
	"s3:GetBucketTagging",
	"s3:GetBucketVersioning",
	"s3:GetBucketWebsite",
	"s3:GetEncryptionConfiguration",
	"s3:GetLifecycleConfiguration",
	"s3:GetReplicationConfiguration",
	"s3:ListBucket",
}

// writeBucketActions make that bucket, and empty it where it is deleted.
var writeBucketActions = []string{
	"s3:CreateBucket",
	"s3:DeleteBucket",
	"s3:DeleteBucketPolicy",
	"s3:DeleteObject",
	"s3:DeleteObjectVersion",
	"s3:ListBucketVersions",
	"s3:PutBucketOwnershipControls",
	"s3:PutBucketPolicy",
	"s3:PutBucketPublicAccessBlock",
	"s3:PutBucketTagging",
	"s3:PutEncryptionConfiguration",
	"s3:PutLifecycleConfiguration",
}

// appBuckets are the buckets that the sample app makes, and what is in them.
func (a account) appBuckets() []string {
	bucket := "arn:" + a.partition + ":s3:::" + appPrefix + "access-logs-*"
	return []string{bucket, bucket + "/*"}
}

// linkedServices are those whose service-linked roles come with the first
// cluster, load balancer and scaling policy of an account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var linkedServices = []string{
	"ecs.amazonaws.com",
	"ecs.application-autoscaling.amazonaws.com",
	"elasticloadbalancing.amazonaws.com",
}

// roleServices are what the sample app's roles may be handed to: tasks, and flow logs.
var roleServices = []string{"ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"}

// previewPermissions are what a preview needs beside readPermissions, which all have.
func previewPermissions(c *Config, a account) []statement { return c.stateToRead(a) }

// deployPermissions are what up and destroy of the sample app need beside.
func deployPermissions(c *Config, a account) []statement {
	return slices.Concat(c.writePermissions(a), c.stateToRead(a), c.stateToWrite(a, ""))
}

// environmentPermissions are deployPermissions, but they change the states of pull
// requests only. They read all: the sweep lists stacks, for which Pulumi opens each.
func environmentPermissions(c *Config, a account) []statement {
	return slices.Concat(c.writePermissions(a), c.stateToRead(a), c.stateToWrite(a, ephemeralPrefix))
}

func readPermissions(a account) []statement {
	return []statement{
		// Most of these take no resource, and the rest is read by name or tag
		// before its ARN is known.
		{Sid: "ReadInfrastructure", Effect: "Allow", Action: readActions, Resource: []string{"*"}},
		{Sid: "ReadTaskRoles", Effect: "Allow", Action: readRoleActions, Resource: a.appRoles()},
		{Sid: "ReadBuckets", Effect: "Allow", Action: readBucketActions, Resource: a.appBuckets()},
		{Sid: "ReadParameters", Effect: "Allow", Action: readParameterActions, Resource: a.appParameters()},
	}
}

func (c *Config) writePermissions(a account) []statement {
	regions := c.Regions
	if len(regions) == 0 {
		regions = []string{a.region}
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
	here := map[string][]string{"aws:RequestedRegion": regions}
	var linked []string
	for _, service := range linkedServices {
		linked = append(linked, a.arn("iam", "role/aws-service-role/"+service+"/*"))
	}
	return []statement{
		{Sid: "Change", Effect: "Allow", Action: writeActions, Resource: []string{"*"}, Condition: equal(here)},
		{Sid: "DeleteOwn", Effect: "Allow", Action: deleteActions, Resource: []string{"*"}, Condition: equal(here,
			map[string][]string{"aws:ResourceTag/Project": {appProject}})},
		{Sid: "ChangeTaskRoles", Effect: "Allow", Action: writeRoleActions, Resource: a.appRoles()},
		{Sid: "ChangeBuckets", Effect: "Allow", Action: writeBucketActions, Resource: a.appBuckets()},
		{Sid: "ChangeParameters", Effect: "Allow", Action: writeParameterActions, Resource: a.appParameters(), Condition: equal(here)},
		{
			Sid: "HandRolesToTasks", Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: a.appRoles(),
			Condition: equal(map[string][]string{"iam:PassedToService": roleServices}),
		},
		{
			Sid: "LetServicesIn", Effect: "Allow", Action: []string{"iam:CreateServiceLinkedRole"}, Resource: linked,
			Condition: equal(map[string][]string{"iam:AWSServiceName": linkedServices}),
		},
		// Takes no resource; it tells only who asks.
		{Sid: "LogInToRegistry", Effect: "Allow", Action: []string{"ecr:GetAuthorizationToken"}, Resource: []string{"*"}},
		{
			Sid: "PushImages", Effect: "Allow", Action: imageActions,
			Resource:  []string{fmt.Sprintf("arn:%s:ecr:*:%s:repository/%s*", a.partition, a.id, appPrefix)},
			Condition: equal(here),
		},
	}
}

// equal is the condition that each key has one of its values.
func equal(keys ...map[string][]string) map[string]map[string][]string {
	all := map[string][]string{}
	for _, k := range keys {
		for key, values := range k {
			all[key] = values
		}
	}
	return map[string]map[string][]string{"StringEquals": all}
}

// Folders of Pulumi's own backend in a bucket, by what it keeps there of a stack:
// the stack itself, its history, its backups and its lock.
// https://www.pulumi.com/docs/iac/concepts/state-and-backends/#using-a-self-managed-backend
const (
	stackFolder   = ".pulumi/stacks/"
	historyFolder = ".pulumi/history/"
	backupFolder  = ".pulumi/backups/"
	lockFolder    = ".pulumi/locks/organization/"
	// layoutFile says how the rest is laid out, and is read by every command.
	layoutFile = ".pulumi/meta.yaml"
)

// stateToRead is what a preview needs of the state: a preview takes no lock, and
// writes nothing. The bootstrap's own state is in a folder of another project.
func (c *Config) stateToRead(a account) []statement {
	if c.StateBucket == "" {
		return nil
	}
	bucket := "arn:" + a.partition + ":s3:::" + c.StateBucket
	statements := []statement{
		{Sid: "ListState", Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: []string{bucket}},
		{Sid: "ReadState", Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{
			bucket + "/" + layoutFile,
			bucket + "/" + stackFolder + appProject + "/*",
		}},
	}
	if c.StateKMSKeyARN != "" {
		statements = append(statements, statement{
			Sid: "DecryptState", Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: []string{c.StateKMSKeyARN},
		})
	}
	return statements
}

// stateToWrite is what an update needs of the states of stacks whose names begin so.
func (c *Config) stateToWrite(a account, stacks string) []statement {
	if c.StateBucket == "" {
		return nil
	}
	var objects []string
	for _, folder := range []string{stackFolder, historyFolder, backupFolder, lockFolder} {
		objects = append(objects, strings.Join([]string{"arn:" + a.partition + ":s3:::" + c.StateBucket, folder + appProject, stacks + "*"}, "/"))
	}
	statements := []statement{{
		Sid: "WriteState", Effect: "Allow",
		Action: []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, Resource: objects,
	}}
	if c.StateKMSKeyARN != "" {
		statements = append(statements, statement{
			Sid: "EncryptState", Effect: "Allow",
			Action:   []string{"kms:Encrypt", "kms:GenerateDataKey"},
			Resource: []string{c.StateKMSKeyARN},
		})
	}
	return statements
}
