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

// Own are the tags that tell in every AWS console where a resource comes from.
var Own = []string{"Project", "Stack", "ManagedBy"}

// OfStack is the given tags and Own. A tag that is given wins.
func OfStack(ctx *pulumi.Context, given map[string]string) map[string]string {
	all := map[string]string{"Project": ctx.Project(), "Stack": ctx.Stack(), "ManagedBy": "Pulumi"}
	maps.Copy(all, given)
	return all
}
