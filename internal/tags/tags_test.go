package tags

import (
	"maps"
	"slices"
	"strings"
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

func TestTagsOfTwoPlacesAreHeldAgainstEachOther(t *testing.T) {
	t.Parallel()
	added := ByDefault{Path: "default.", Tags: map[string]string{"Team": "b", "owner": "b", "Stack": "b"}}
	given := map[string]string{"Team": "a", "Owner": "a", "project": "a"}
	hidden := added
	hidden.Hidden = true
	for _, by := range []ByDefault{added, hidden} {
		var paths []string
		for _, p := range Check("tags", given, by) {
			paths = append(paths, p.Path)
			if shown := strings.Contains(p.Given, `"b"`); strings.HasPrefix(p.Path, by.Path) && shown == by.Hidden {
				t.Errorf("with the tags hidden %v, the message is %s", by.Hidden, p)
			}
		}
		// Team is on both sides, as the provider allows.
		if want := []string{"tags.project", "default.Stack", "default.owner"}; !slices.Equal(paths, want) {
			t.Errorf("problems are reported at %v, not at %v", paths, want)
		}
	}
	if problems := Check("tags", given, ByDefault{Path: "default."}); len(problems) != 1 {
		t.Errorf("without tags of the provider there is more than one problem, or none: %v", problems)
	}
}
