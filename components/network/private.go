package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// everyTask are the services of AWS that every task on Fargate uses: it pulls its image and
// writes its logs
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-vpc-endpoint-considerations).
var everyTask = []string{"ecr.api", "ecr.dkr", "logs"}

// ecsItself are the services of ECS itself, which tasks on Fargate use in youngRegions, those
// that AWS has opened since 2023-12-23
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html).
var (
	ecsItself    = []string{"ecs", "ecs-agent", "ecs-telemetry"}
	youngRegions = []string{"ap-east-2", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "mx-central-1"}
)

// endpointServices are the services that have an interface endpoint, sorted. In which region
// that is, is asked of the provider.
func endpointServices(ctx *pulumi.Context, a Args, opts []pulumi.ResourceOption) ([]string, error) {
	if !a.Endpoints {
		return nil, nil
	}
	invokeOpts, err := invokeOptions(opts)
	if err != nil {
		return nil, err
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}, invokeOpts...)
	if err != nil {
		return nil, fmt.Errorf("find the region: %w", err)
	}
	services := append(slices.Clone(everyTask), a.EndpointServices...)
	if slices.Contains(youngRegions, region.Name) {
		services = append(services, ecsItself...)
	}
	slices.Sort(services)
	return slices.Compact(services), nil
}

// privateTables makes a route table for each zone, so that one NAT gateway or several is a
// matter of routes.
func (b *builder) privateTables(in *ec2.Vpc, zones []string) ([]*ec2.RouteTable, error) {
	if !b.args.private() {
		return nil, nil
	}
	tables := make([]*ec2.RouteTable, len(zones))
	for i, zone := range zones {
		name := b.name + "-private-" + letter(zone) + "-table"
		var err error
		tables[i], err = ec2.NewRouteTable(b.ctx, name, &ec2.RouteTableArgs{VpcId: in.ID(), Tags: b.tags(name)}, b.parent)
		if err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// privateSubnets makes a subnet for each zone, and the ways out of them. Their IDs are
// known once the ways are there, which outlive what is in the subnets: a task without
// them can't pull its image, nor write its last logs.
func (b *builder) privateSubnets(n *Network, tables []*ec2.RouteTable, s3 pulumi.Resource, blocks []zoneBlocks) (pulumi.StringArrayOutput, error) {
	none := pulumi.StringArrayOutput{}
	subnets := make([]*ec2.Subnet, len(blocks))
	for i, block := range blocks {
		name := b.name + "-private-" + letter(n.Zones[i])
		var err error
		subnets[i], err = ec2.NewSubnet(b.ctx, name, &ec2.SubnetArgs{
			VpcId:               n.VpcID,
			AvailabilityZone:    pulumi.String(n.Zones[i]),
			CidrBlock:           pulumi.String(block.private),
			MapPublicIpOnLaunch: pulumi.Bool(false),
			Tags:                b.tags(name),
		}, b.parent)
		if err != nil {
			return none, fmt.Errorf("create private subnet in %s: %w", n.Zones[i], err)
		}
	}
	routes, err := b.natRoutes(n, tables)
	if err != nil {
		return none, fmt.Errorf("create NAT: %w", err)
	}
	endpoints, err := b.interfaceEndpoints(n, subnets)
	if err != nil {
		return none, fmt.Errorf("create interface endpoints: %w", err)
	}
	ids := make(pulumi.StringArray, len(subnets))
	for i, subnet := range subnets {
		ways := append([]pulumi.Resource{s3}, endpoints...)
		if routes != nil {
			ways = append(ways, routes[i])
		}
		link, err := ec2.NewRouteTableAssociation(b.ctx, b.name+"-private-"+letter(n.Zones[i])+"-routes", &ec2.RouteTableAssociationArgs{
			SubnetId:     subnet.ID(),
			RouteTableId: tables[i].ID(),
		}, b.parent, pulumi.DependsOn(ways))
		if err != nil {
			return none, fmt.Errorf("link %s to its route table: %w", n.Zones[i], err)
		}
		ids[i] = link.SubnetId.Elem()
	}
	return ids.ToStringArrayOutput(), nil
}

// natRoutes makes the NAT gateways, and a route to one of them for each zone.
func (b *builder) natRoutes(n *Network, tables []*ec2.RouteTable) ([]pulumi.Resource, error) {
	if b.args.NAT == NATNone {
		return nil, nil
	}
	zones := n.Zones[:1]
	if b.args.NAT == NATPerZone {
		zones = n.Zones
	}
	gateways := make([]*ec2.NatGateway, len(zones))
	for i, zone := range zones {
		var err error
		if gateways[i], err = b.natGateway(n, i, zone); err != nil {
			return nil, fmt.Errorf("create gateway in %s: %w", zone, err)
		}
	}
	routes := make([]pulumi.Resource, len(tables))
	for i, table := range tables {
		route, err := ec2.NewRoute(b.ctx, b.name+"-private-"+letter(n.Zones[i])+"-internet-route", &ec2.RouteArgs{
			RouteTableId:         table.ID(),
			DestinationCidrBlock: pulumi.String("0.0.0.0/0"),
			NatGatewayId:         gateways[min(i, len(gateways)-1)].ID(),
		}, b.parent)
		if err != nil {
			return nil, fmt.Errorf("create route in %s: %w", n.Zones[i], err)
		}
		routes[i] = route
	}
	return routes, nil
}

// natGateway is in a public subnet, whose ID is known once it has the route to the
// internet gateway that the NAT gateway needs.
func (b *builder) natGateway(n *Network, i int, zone string) (*ec2.NatGateway, error) {
	name := b.name + "-nat-" + letter(zone)
	address, err := ec2.NewEip(b.ctx, name+"-address", &ec2.EipArgs{
		Domain: pulumi.String("vpc"),
		Tags:   b.tags(name + "-address"),
	}, b.parent)
	if err != nil {
		return nil, err
	}
	return ec2.NewNatGateway(b.ctx, name, &ec2.NatGatewayArgs{
		AllocationId: address.ID(),
		SubnetId:     n.PublicSubnetIDs.Index(pulumi.Int(i)),
		Tags:         b.tags(name),
	}, b.parent)
}

// interfaceEndpoints makes an endpoint for each service, in all private subnets, under the
// service's own name (private DNS), so that nothing in a task has to know of them.
func (b *builder) interfaceEndpoints(n *Network, subnets []*ec2.Subnet) ([]pulumi.Resource, error) {
	if len(b.services) == 0 {
		return nil, nil
	}
	group, opening, err := b.endpointsGroup(n)
	if err != nil {
		return nil, err
	}
	region := aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent)
	ids := make(pulumi.StringArray, len(subnets))
	for i, subnet := range subnets {
		ids[i] = subnet.ID()
	}
	all := []pulumi.Resource{opening}
	for _, service := range b.services {
		name := b.name + "-endpoint-" + strings.ReplaceAll(service, ".", "-")
		endpoint, err := ec2.NewVpcEndpoint(b.ctx, name, &ec2.VpcEndpointArgs{
			VpcId:             n.VpcID,
			VpcEndpointType:   pulumi.String("Interface"),
			ServiceName:       pulumi.Sprintf("com.amazonaws.%s.%s", region.Name(), service),
			PrivateDnsEnabled: pulumi.Bool(true),
			SubnetIds:         ids,
			SecurityGroupIds:  pulumi.StringArray{group.ID()},
			Tags:              b.tags(name),
		}, b.parent)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", service, err)
		}
		all = append(all, endpoint)
	}
	return all, nil
}

func (b *builder) endpointsGroup(n *Network) (*ec2.SecurityGroup, pulumi.Resource, error) {
	name := b.name + "-endpoints-sg"
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId:               n.VpcID,
		Description:         pulumi.String("Interface endpoints: HTTPS from the VPC in"),
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                b.tags(name),
	}, b.parent)
	if err != nil {
		return nil, nil, fmt.Errorf("create security group: %w", err)
	}
	name = b.name + "-endpoints-ingress"
	const https = 443
	opening, err := vpc.NewSecurityGroupIngressRule(b.ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(),
		Description:     pulumi.String("What is in the VPC"),
		CidrIpv4:        pulumi.String(b.args.VpcCIDR),
		IpProtocol:      pulumi.String("tcp"),
		FromPort:        pulumi.Int(https),
		ToPort:          pulumi.Int(https),
		Tags:            b.tags(name),
	}, b.parent)
	if err != nil {
		return nil, nil, fmt.Errorf("let the VPC in: %w", err)
	}
	return group, opening, nil
}
