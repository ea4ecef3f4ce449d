package infratest

import (
	"errors"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// VPC is a network that exists, for a program to look up.
type VPC struct {
	ID string
	// NoDNS is a VPC without DNS support.
	NoDNS   bool
	Subnets []Subnet
}

// Subnet is one of its subnets.
type Subnet struct {
	// ID and Zone are its own. VPC is where it belongs, by default its VPC.
	ID, Zone, VPC string
	// Free is how many addresses are left.
	Free int
	// Route is what its default route leads to, by its ID, none if it is empty. Main tells
	// that it is a route of the VPC's main table.
	Route string
	Main  bool
}

// errNone is what the provider says of what is not there.
var errNone = errors.New("no matching EC2 object found: couldn't find resource")

// network answers lookups of existing networks.
func (o Options) network(token string, args resource.PropertyMap) (resource.PropertyMap, error) {
	text := func(key resource.PropertyKey) string {
		if value := args[key]; value.IsString() {
			return value.StringValue()
		}
		return ""
	}
	for _, vpc := range o.VPCs {
		if token == "aws:ec2/getVpc:getVpc" && vpc.ID == text("id") {
			return resource.NewPropertyMapFromMap(map[string]any{"id": vpc.ID, "enableDnsSupport": !vpc.NoDNS}), nil
		}
		i := slices.IndexFunc(vpc.Subnets, func(s Subnet) bool {
			return s.ID == text("id") || s.ID == text("subnetId") && !s.Main || vpc.ID == text("vpcId") && s.Main
		})
		if i < 0 {
			continue
		}
		s := vpc.Subnets[i]
		switch token {
		case "aws:ec2/getSubnet:getSubnet":
			in := s.VPC
			if in == "" {
				in = vpc.ID
			}
			return resource.NewPropertyMapFromMap(map[string]any{
				"id": s.ID, "vpcId": in, "availabilityZone": s.Zone, "availableIpAddressCount": s.Free,
			}), nil
		case "aws:ec2/getRouteTable:getRouteTable":
			return resource.NewPropertyMapFromMap(map[string]any{"routes": routesTo(s.Route)}), nil
		}
	}
	return nil, errNone
}

// routesTo are the routes of a table: the VPC's own, and a default route.
func routesTo(target string) []any {
	routes := []any{map[string]any{"cidrBlock": "10.0.0.0/16", "gatewayId": "local"}}
	key := map[string]string{"igw": "gatewayId", "nat": "natGatewayId", "tgw": "transitGatewayId"}[target[:min(3, len(target))]]
	if key != "" {
		routes = append(routes, map[string]any{"cidrBlock": "0.0.0.0/0", key: target})
	}
	return routes
}
