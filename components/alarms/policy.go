package alarms

import (
	"encoding/json"
	"fmt"
)

// policy is a resource policy
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal map[string]string
	Action    string
	Resource  string
	Condition map[string]map[string]string
}

// topicPolicy lets the alarms of this account and region publish to the topic,
// and nobody over a connection that is not encrypted. Without the conditions
// an alarm of another account could notify the people who trust this topic.
// People and roles of the account itself may do what their own policies say.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
func topicPolicy(topicARN, partition, region, account string) (string, error) {
	text, err := json.Marshal(policy{Version: "2012-10-17", Statement: []statement{
		{
			Sid:       "AlarmsOfThisAccount",
			Effect:    "Allow",
			Principal: map[string]string{"Service": "cloudwatch.amazonaws.com"},
			Action:    "sns:Publish",
			Resource:  topicARN,
			Condition: map[string]map[string]string{
				"StringEquals": {"aws:SourceAccount": account},
				"ArnLike":      {"aws:SourceArn": fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:*", partition, region, account)},
			},
		},
		{
			Sid:       "NothingWithoutTLS",
			Effect:    "Deny",
			Principal: map[string]string{"AWS": "*"},
			Action:    "sns:Publish",
			Resource:  topicARN,
			Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
		},
	}})
	return string(text), err
}
