package diff

import (
	"cmp"
	"slices"
	"strings"
)

// Warning is a replacement or deletion that hurts.
type Warning struct {
	Change
	// Noun is what people call such a resource.
	Noun string
	// Harm is what happens, in words.
	Harm string
}

// Warnings are the changes that hurt. Those that were asked for come before those
// that only follow from them.
func (p *Preview) Warnings() []Warning {
	var found []Warning
	for _, c := range p.Changes {
		if c.Op != Replace && c.Op != Delete {
			continue
		}
		if noun, harm := judge(c); harm != "" && !p.follows(c) {
			found = append(found, Warning{Change: c, Noun: noun, Harm: harm})
		}
	}
	slices.SortStableFunc(found, func(a, b Warning) int { return cmp.Compare(a.cause(), b.cause()) })
	return found
}

// Notes are replacements that hurt nobody, because the new one is put beside the old.
func (p *Preview) Notes() []Warning {
	var found []Warning
	for _, c := range p.Changes {
		if k := kinds[c.Type]; c.Op == Replace && k.beside != "" {
			found = append(found, Warning{Change: c, Noun: k.noun, Harm: k.beside})
		}
	}
	return found
}

// follows tells a rule of a security group that goes with a service whose replacement
// has rules of its own: it is deleted after that service.
func (p *Preview) follows(c Change) bool {
	parent, _, rule := strings.Cut(c.URN, "$aws:vpc/securityGroup")
	return rule && c.Op == Delete && slices.ContainsFunc(p.Changes, func(other Change) bool {
		return other.Op == Replace && kinds[other.Type].beside != "" && strings.HasPrefix(other.URN, parent+"$")
	})
}

// cause ranks a change: 0 where a value in the program differs, 1 where all that
// forces the replacement is what another resource will get.
func (c Change) cause() int {
	for _, p := range c.Properties {
		if p.Replaces && p.To != Later {
			return 0
		}
	}
	if c.Op == Delete {
		return 0
	}
	return 1
}

// judge says what a replacement or deletion does, nothing where it is harmless.
func judge(c Change) (noun, harm string) {
	if k, ok := kinds[c.Type]; ok {
		if c.Op == Replace {
			return k.noun, k.replaced
		}
		return k.noun, k.deleted
	}
	if c.component() {
		return "", ""
	}
	return "resource", "what is lost with it is not known here, so judge it yourself"
}

// component tells what exists in Pulumi only from what exists in AWS. The types of
// components have no package of a provider in front.
func (r Resource) component() bool {
	return !r.custom && !strings.HasPrefix(r.Type, "pulumi:")
}
