// Package tags writes the tags of AWS resources.
package tags

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Named is the given tags and Name, which the AWS consoles show as a
// resource's name.
func Named(name string, tags map[string]string) pulumi.StringMap {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	all["Name"] = name
	return pulumi.ToStringMap(all)
}
