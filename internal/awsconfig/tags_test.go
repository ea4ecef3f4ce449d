package awsconfig

import (
	"maps"
	"testing"
)

func TestTheTagsThatTheProviderAddsAreRead(t *testing.T) {
	t.Parallel()
	got, problems := readTags(from(map[string]string{defaultTags: `{"tags":{"Team":"a","Cost":17,"Shared":true}}`}), true,
		[]string{"HOME=/", variable + "Team=b", variable + "Owner=c=d", variable + "Empty="})
	if len(problems) > 0 || len(got) != 2 {
		t.Fatalf("read %v, with %v", got, problems)
	}
	config, variables := got[0], got[1]
	if want := map[string]string{"Team": "a", "Cost": "17", "Shared": "true"}; !maps.Equal(config.Tags, want) || !config.Hidden {
		t.Errorf("the config's tags are %v, not %v, and secret", config, want)
	}
	// The config's Team holds, as in the provider.
	if want := map[string]string{"Owner": "c=d", "Empty": ""}; !maps.Equal(variables.Tags, want) || variables.Hidden {
		t.Errorf("the environment's tags are %v, not %v, and no secret", variables, want)
	}
}
