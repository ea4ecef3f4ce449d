package tags

import (
	"maps"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

func TestAStacksTagsSayWhereAResourceComesFromUnlessTheyAreGiven(t *testing.T) {
	t.Parallel()
	given := map[string]string{"Owner": "me", "ManagedBy": "us"}
	var got map[string]string
	if _, err := infratest.Run(t, func(ctx *pulumi.Context) error {
		got = OfStack(ctx, given)
		return nil
	}, infratest.Options{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Project": infratest.Project, "Stack": infratest.Stack, "ManagedBy": "us", "Owner": "me"}
	if !maps.Equal(got, want) {
		t.Errorf("the tags are %v, not %v: nobody would find the stack of a resource, or a tag that was asked for is lost", got, want)
	}
	if len(given) != 2 {
		t.Errorf("the tags that were given have become %v", given)
	}
}
