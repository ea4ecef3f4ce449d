package domain

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/lookup"
	"ecs-sample-app/problem"
)

// FindZones finds the hosted zone of each name, or says for which there is none as
// problem.Problems. It asks AWS before anything is registered.
func FindZones(ctx *pulumi.Context, a Args, opts ...pulumi.InvokeOption) (map[string]string, error) {
	a = a.withDefaults()
	zones := map[string]string{}
	if !a.Given() || a.DNS != DNSRoute53 {
		return zones, nil
	}
	var ps problem.Problems
	for i, name := range a.names() {
		at := "domain"
		if i > 0 {
			at = fmt.Sprintf("additionalDomains[%d]", i-1)
		}
		id, err := a.zoneOf(ctx, &ps, at, strings.TrimPrefix(name, "*."), opts)
		if err != nil {
			return nil, fmt.Errorf("look for the hosted zone of %s: %w", name, err)
		}
		zones[name] = id
	}
	return zones, ps.Err()
}

// zoneOf is the zone that was given, if the name is of it, or the one with the longest name.
func (a Args) zoneOf(ctx *pulumi.Context, ps *problem.Problems, at, name string, opts []pulumi.InvokeOption) (string, error) {
	public := false
	if a.HostedZoneID != "" {
		found, err := route53.LookupZone(ctx, &route53.LookupZoneArgs{ZoneId: &a.HostedZoneID}, opts...)
		switch {
		case err != nil && lookup.Missing(err):
			// Said once, whatever the number of names.
			if at == "domain" {
				ps.Add("hostedZoneId", a.HostedZoneID, "a hosted zone of this account")
			}
			return "", nil
		case err != nil:
			return "", err
		case !belongs(name, found.Name):
			ps.Add(at, name, "a name in the zone %s is, %s", a.HostedZoneID, strings.TrimSuffix(found.Name, "."))
		}
		return a.HostedZoneID, nil
	}
	for zone := name; strings.Contains(zone, "."); _, zone, _ = strings.Cut(zone, ".") {
		found, err := route53.LookupZone(ctx, &route53.LookupZoneArgs{Name: &zone, PrivateZone: &public}, opts...)
		switch {
		case err == nil:
			return found.ZoneId, nil
		case lookup.Several(err):
			ps.Add(at, name, "one public hosted zone called %s: there are several, so say which by hostedZoneId", zone)
			return "", nil
		case !lookup.Missing(err):
			return "", err
		}
	}
	ps.Add(at, name, "a name in a public hosted zone of this account: there is none in Route 53. If the domain's DNS is elsewhere, set dns to elsewhere")
	return "", nil
}

// belongs tells whether a name is in a zone.
func belongs(name, zone string) bool {
	zone = strings.TrimSuffix(zone, ".")
	return name == zone || strings.HasSuffix(name, "."+zone)
}
