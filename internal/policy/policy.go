// Package policy writes policy documents of IAM, which roles and topics take
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
package policy

import "encoding/json"

// version is that of the policy language. Without it AWS takes a document for
// one of the language of 2008
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html).
const version = "2012-10-17"

// Value is what a condition compares a key of the request with: one text, or a
// list of which one has to fit. AWS takes a list of one for its only text, but a
// document keeps the form that it has: another one shows up as a change.
type Value interface {
	string | []string
}

// Policy is a document.
type Policy[V Value] struct {
	Version   string
	Statement []Statement[V]
}

// Statement allows something or denies it. What is left empty is left out.
type Statement[V Value] struct {
	// Sid names the statement, by letters and digits.
	Sid string
	// Effect is Allow or Deny.
	Effect string
	// Principal is who may, by kind: AWS, Service or Federated. A role's
	// permissions have none, as they are the role's.
	Principal map[string]string `json:",omitempty"`
	// Action is what may be done, such as sns:Publish.
	Action []string `json:",omitempty"`
	// Resource is what it may be done to, by ARN. A role's trust policy has
	// none, as it is about the role.
	Resource []string `json:",omitempty"`
	// Condition is what must hold besides, by operator and key.
	Condition map[string]map[string]V `json:",omitempty"`
}

// Document is the policy of these statements as JSON.
func Document[V Value](statements ...Statement[V]) (string, error) {
	text, err := json.Marshal(Policy[V]{Version: version, Statement: statements})
	return string(text), err
}
