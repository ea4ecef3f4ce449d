package awsconfig

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/config"
)

// elsewhere are the provider's keys that say nothing of how AWS is reached, or that
// the provider has acted on before the program watches a deployment.
var elsewhere = []string{
	"allowedAccountIds", "defaultTags", "forbiddenAccountIds", "ignoreTags", "maxRetries", "region", "s3UsEast1RegionalEndpoint",
	"s3UsePathStyle", "skipCredentialsValidation", "skipRegionValidation", "skipRequestingAccountId", "tokenBucketRateLimiterCapacity",
}

// TestTheKeysAreThoseOfTheProvider holds the keys that are read against the provider's:
// one that it has and nobody reads here would lead the two to different accounts.
func TestTheKeysAreThoseOfTheProvider(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	if _, problems := read(func(key string) (string, bool) {
		asked[strings.TrimPrefix(key, "aws:")] = true
		return "", false
	}); len(problems) > 0 {
		t.Fatal(problems)
	}
	args := reflect.TypeFor[aws.ProviderArgs]()
	known := map[string]bool{}
	for i := range args.NumField() {
		name := args.Field(i).Name
		known[strings.ToLower(name[:1])+name[1:]] = true
	}
	for _, key := range elsewhere {
		if !known[key] || asked[key] {
			t.Errorf("aws:%s is said to be none of this package's keys: it is read here, or the provider has none such", key)
		}
		asked[key] = true
	}
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(known)); !slices.Equal(got, want) {
		t.Errorf("the keys are %v\nand the provider's\n%v", got, want)
	}
}

// TestARoleHasTheFieldsOfTheProviders reads what the provider's own types write.
func TestARoleHasTheFieldsOfTheProviders(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for i := range reflect.TypeFor[role]().NumField() {
		read[reflect.TypeFor[role]().Field(i).Tag.Get("json")] = true
	}
	wanted := map[string]bool{}
	for _, of := range []reflect.Type{reflect.TypeFor[config.AssumeRole](), reflect.TypeFor[config.AssumeRoleWithWebIdentity]()} {
		for i := range of.NumField() {
			wanted[of.Field(i).Tag.Get("pulumi")] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(wanted)); !slices.Equal(got, want) {
		t.Errorf("of a role %v are read, and the provider has %v", got, want)
	}
}
