// Package check has the rules that several components hold their arguments to. What is
// wrong is added to the problems that their Validate returns.
package check

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ecs-sample-app/problem"
)

// Input is a value that only another resource knows.
type Input struct {
	Path  string
	Given any
	Want  string
}

// Required notes which of these are not given.
func Required(ps *problem.Problems, inputs ...Input) {
	for _, input := range inputs {
		if input.Given == nil {
			ps.Missing(input.Path, input.Want)
		}
	}
}

// Range wants low <= value <= high; unit says what the number counts.
func Range[N cmp.Ordered](ps *problem.Problems, path string, value, low, high N, unit string) {
	if value < low || value > high {
		ps.Add(path, value, "%v to %v%s", low, high, suffix(unit))
	}
}

// OneOf wants the value to be one of those allowed.
func OneOf[T comparable](ps *problem.Problems, path string, value T, allowed []T) {
	if !slices.Contains(allowed, value) {
		ps.Add(path, value, "%s", List(allowed))
	}
}

// List writes values for a person: "a, b or c".
func List[T any](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Both writes values for a person who needs all of them: "a, b and c".
func Both[T any](values []T) string { return strings.Replace(List(values), " or ", " and ", 1) }

// Port wants a TCP port.
func Port(ps *problem.Problems, path string, port int) {
	Range(ps, path, port, 1, 65535, "")
}

// MaxName is the most characters a component's name may have. IAM allows 64 in
// a role's name (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html);
// the longest role suffix and the 8 characters of Pulumi's auto-naming take 24.
const MaxName = 40

var nameForm = regexp.MustCompile(`^[A-Za-z](-?[A-Za-z0-9])*$`)

// Name wants a component name from which AWS accepts every name derived of it:
// security groups may not be called sg-…, load balancers not internal-…
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html,
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html).
func Name(ps *problem.Problems, name string) {
	if !nameForm.MatchString(name) || len(name) > MaxName ||
		strings.HasPrefix(name, "sg-") || strings.HasPrefix(name, "internal-") {
		ps.Add("name", name, "1 to %d letters, digits and single hyphens, "+
			"beginning with a letter and not with sg- or internal-", MaxName)
	}
}

// Component adds to err, which the Validate method of a component's arguments
// returned, what is wrong with the component's name.
func Component(name string, err error) error {
	var ps, more problem.Problems
	Name(&ps, name)
	if err != nil && !errors.As(err, &more) {
		return errors.Join(ps.Err(), err)
	}
	return append(ps, more...).Err()
}

// IPv4CIDR wants an IPv4 block in CIDR notation without host bits, such as
// 10.0.0.0/16, and returns it.
func IPv4CIDR(ps *problem.Problems, path, block string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(block)
	switch {
	case err != nil || !prefix.Addr().Is4():
		ps.Add(path, block, "an IPv4 block in CIDR notation, such as 10.0.0.0/16")
		return netip.Prefix{}, false
	case prefix != prefix.Masked():
		ps.Add(path, block, "a block without host bits: %s", prefix.Masked())
		return netip.Prefix{}, false
	}
	return prefix, true
}

// Limits of a tag, and how many this program adds of its own
// (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
const (
	maxTagKey   = 128
	maxTagValue = 256
	// MaxTags leaves room for Name and for the tags that ECS adds to tasks
	// (aws:ecs:clusterName, aws:ecs:serviceName do not count) out of AWS's 50.
	MaxTags = 45
)

var tagForm = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// Tags wants tags that every AWS service takes.
func Tags(ps *problem.Problems, path string, tags map[string]string) {
	if len(tags) > MaxTags {
		ps.Add(path, fmt.Sprintf("%d tags", len(tags)), "at most %d", MaxTags)
	}
	folded := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		at := path + "." + key
		// IAM takes keys that differ only by case for one
		// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html).
		if other, twice := folded[strings.ToLower(key)]; twice {
			ps.Add(at, key, "a key that differs from %s by more than case", other)
		}
		folded[strings.ToLower(key)] = key
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !tagForm.MatchString(key):
			ps.Add(at, key, "a key of 1 to %d letters, digits, spaces and _.:/=+-@", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			ps.Add(at, key, "a key that does not begin with aws:, which AWS keeps for itself")
		case strings.EqualFold(key, "Name"):
			ps.Add(at, key, "another key: Name is set to each resource's own name")
		}
		if utf8.RuneCountInString(value) > maxTagValue || !tagForm.MatchString(value) {
			ps.Add(at, value, "a value of at most %d letters, digits, spaces and _.:/=+-@", maxTagValue)
		}
	}
}

func suffix(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}
