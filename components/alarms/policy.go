package alarms

import (
	"fmt"

	"ecs-sample-app/internal/policy"
)

// statement is one of a policy in which each condition has one value.
type statement = policy.Statement[string]

// topicPolicy lets the alarms and the rules of this account and region publish to the
// topic, and nobody over a connection that is not encrypted. Without the conditions
// an alarm of another account could notify the people who trust this topic.
// People and roles of the account itself may do what their own policies say.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
func topicPolicy(topicARN, partition, region, account string) (string, error) {
	return policy.Document(statement{
		Sid:       "AlarmsOfThisAccount",
		Effect:    "Allow",
		Principal: map[string]string{"Service": "cloudwatch.amazonaws.com"},
		Action:    []string{"sns:Publish"},
		Resource:  []string{topicARN},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:SourceAccount": account},
			"ArnLike":      {"aws:SourceArn": fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:*", partition, region, account)},
		},
	}, statement{
		Sid:       "RulesOfThisAccount",
		Effect:    "Allow",
		Principal: map[string]string{"Service": "events.amazonaws.com"},
		Action:    []string{"sns:Publish"},
		Resource:  []string{topicARN},
		Condition: map[string]map[string]string{
			"ArnLike": {"aws:SourceArn": fmt.Sprintf("arn:%s:events:%s:%s:rule/*", partition, region, account)},
		},
	}, statement{
		Sid:       "NothingWithoutTLS",
		Effect:    "Deny",
		Principal: map[string]string{"AWS": "*"},
		Action:    []string{"sns:Publish"},
		Resource:  []string{topicARN},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
	})
}
