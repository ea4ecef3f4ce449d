// Package lookup tells why a lookup of the AWS provider failed.
package lookup

import (
	"slices"
	"strings"
)

// missing are the words in which the provider says that there is no such thing, and
// AWS's own codes for it, which some of its lookups pass on.
var missing = []string{
	"couldn't find resource", "query returned no results", "no matching EC2", "no matching Route",
	"ImageNotFoundException", "RepositoryNotFoundException", "ParameterNotFound",
}

// Several tells whether a lookup failed because there is more than one by that name.
func Several(err error) bool {
	return strings.Contains(err.Error(), "multiple ") && strings.Contains(err.Error(), "matched")
}

// Missing tells whether a lookup failed because there is nothing by that name. Pulumi
// hands the program a text, without a code.
func Missing(err error) bool {
	return slices.ContainsFunc(missing, func(words string) bool { return strings.Contains(err.Error(), words) })
}
