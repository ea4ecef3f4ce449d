// Package after makes outputs that are known only when something else is.
package after

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// String is a value that is known once the others are too, such as an ID that is of
// no use before a resource elsewhere exists. What takes it waits for them all.
func String(value pulumi.StringInput, others ...any) pulumi.StringOutput {
	return pulumi.All(append([]any{value}, others...)...).ApplyT(func(known []any) string {
		return known[0].(string)
	}).(pulumi.StringOutput)
}
