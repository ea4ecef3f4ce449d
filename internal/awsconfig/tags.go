package awsconfig

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/tags"
	"ecs-sample-app/problem"
)

const (
	defaultTags = "aws:defaultTags"
	// variable begins the names of variables that hold default tags too. Where a key is
	// also in aws:defaultTags, the value there holds.
	// https://registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags-configuration-block
	variable = "TF_AWS_DEFAULT_TAGS_"
)

// DefaultTags are the tags that the stack's AWS provider adds to every resource: those
// of aws:defaultTags, and those of the environment. What can't be read is a problem.
func DefaultTags(ctx *pulumi.Context) ([]tags.ByDefault, problem.Problems) {
	return readTags(ctx.GetConfig, ctx.IsConfigSecret(defaultTags), os.Environ())
}

func readTags(get Getter, secret bool, environment []string) ([]tags.ByDefault, problem.Problems) {
	set := tags.ByDefault{Path: defaultTags + ".tags.", Hidden: secret}
	var problems problem.Problems
	if text, ok := get(defaultTags); ok {
		set.Tags, problems = parseTags(text)
	}
	variables := tags.ByDefault{Path: variable, Tags: map[string]string{}}
	for _, assigned := range environment {
		name, value, _ := strings.Cut(assigned, "=")
		key, ours := strings.CutPrefix(name, variable)
		if _, hidden := set.Tags[key]; ours && !hidden {
			variables.Tags[key] = value
		}
	}
	return []tags.ByDefault{set, variables}, problems
}

// parseTags reads aws:defaultTags. A value that is not shown may be a secret.
func parseTags(text string) (map[string]string, problem.Problems) {
	var given map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&given) != nil || decoder.Decode(&struct{}{}) != io.EOF {
		return nil, problem.Problems{{Path: defaultTags, Given: unread, Want: "an object with tags, an object of texts"}}
	}
	var problems problem.Problems
	wrong := func(path, want string) {
		problems = append(problems, problem.Problem{Path: path, Given: unread, Want: want})
	}
	all := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		of, object := given[key].(map[string]any)
		switch {
		case key != "tags":
			wrong(defaultTags+"."+key, "nothing but tags, an object of texts")
		case !object && given[key] != nil:
			wrong(defaultTags+".tags", "an object of texts")
		}
		for name, value := range of {
			if text, ok := scalar(value); ok {
				all[name] = text
			} else {
				wrong(defaultTags+".tags."+name, "a text")
			}
		}
	}
	return all, problems
}
