// Package tags writes the tags of AWS resources.
package tags

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
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

// ByDefault are tags that the AWS provider adds to every resource which it makes: to
// those that the program gives it, which hold where both have the same key.
type ByDefault struct {
	// Path is where they are set: a tag's own path is Path and its key.
	Path string
	// Tags are the tags.
	Tags map[string]string
	// Hidden says that they are secret: no message may show them.
	Hidden bool
}

// Check finds what is wrong with the tags that a stack is given, and with those that
// the provider adds. A key of its own may stand on both sides. Two that differ only by
// case may not: IAM takes them for one, and refuses the role when the network is there.
// Nor may the program's own, by which the deploy role tells what it may delete.
func Check(path string, given map[string]string, added ...ByDefault) problem.Problems {
	var ps problem.Problems
	one(&ps, path+".", given)
	for _, by := range added {
		var wrong problem.Problems
		one(&wrong, by.Path, by.Tags)
		both := map[string]string{}
		maps.Copy(both, by.Tags)
		maps.Copy(both, given)
		if len(both) > check.MaxTags && len(given) <= check.MaxTags && len(by.Tags) <= check.MaxTags {
			wrong.Add(strings.TrimRight(by.Path, "._"), fmt.Sprintf("%d tags", len(by.Tags)),
				"at most %d together with the %d of %s", check.MaxTags, len(given), path)
		}
		for _, key := range slices.Sorted(maps.Keys(by.Tags)) {
			for _, other := range slices.Sorted(maps.Keys(given)) {
				if strings.EqualFold(key, other) && key != other {
					wrong.Add(by.Path+key, by.Tags[key], "the key as %s has it, %s, or another one: IAM takes keys that differ only by case for one", path, other)
				}
			}
		}
		for _, p := range wrong {
			if by.Hidden {
				p.Given = "a secret"
			}
			ps = append(ps, p)
		}
	}
	return ps
}

// one checks tags that are set in one place. Their paths begin with at.
func one(ps *problem.Problems, at string, tags map[string]string) {
	const place = "tags"
	var wrong problem.Problems
	check.Tags(&wrong, place, tags)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		for _, own := range Own {
			if strings.EqualFold(key, own) {
				wrong.Add(place+"."+key, tags[key], "another key: %s is set by the program, and the deploy role may delete only what has it", own)
			}
		}
	}
	for _, p := range wrong {
		if key, ofTag := strings.CutPrefix(p.Path, place+"."); ofTag {
			p.Path = at + key
		} else {
			p.Path = strings.TrimRight(at, "._")
		}
		*ps = append(*ps, p)
	}
}
