// Package network makes the network that a load-balanced service runs in: a
// VPC with a public subnet in each of two or three availability zones, and on demand a
// private one beside it, for tasks without public addresses.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-vpc                     the VPC
//	NAME-default-sg              its default security group, without rules
//	NAME-igw                     the internet gateway
//	NAME-public-routes           the route table of the public subnets
//	NAME-public-internet-route   0.0.0.0/0 by way of the internet gateway
//	NAME-public-a …-b (…-c)      a public subnet in each zone, named for its letter
//	NAME-public-a-routes …       the subnet's link to the route table
//	NAME-s3-endpoint             the free gateway endpoint for Amazon S3
//
// With NAT or Endpoints there are private subnets, for each zone:
//
//	NAME-private-a               the subnet
//	NAME-private-a-table         its route table
//	NAME-private-a-routes        the link between the two
//
// With NAT, for the first zone or for each:
//
//	NAME-nat-a                   the NAT gateway, in the public subnet
//	NAME-nat-a-address           its Elastic IP address
//	NAME-private-a-internet-route   for each zone: 0.0.0.0/0 by way of a NAT gateway
//
// With Endpoints:
//
//	NAME-endpoints-sg            their security group
//	NAME-endpoints-ingress       lets the VPC in on port 443
//	NAME-endpoint-ecr-api …      an interface endpoint for each service
//
// With FlowLogRetentionDays:
//
//	NAME-flow-log                what the VPC logs
//	NAME-flow-logs               the log group
//	NAME-flow-logs-role          what the VPC acts as, and NAME-flow-logs-policy
//
// The block of the VPC is divided in sixteen: the first sixteenth holds the
// public subnets, and each of the others is for a private one.
package network

import (
	"fmt"
	"net"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
	"ecs-sample-app/problem"
)

const token = "ecs-sample-app:network:Network"

var zoneForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d[a-z]$`)

// Network is a VPC with public subnets.
type Network struct {
	pulumi.ResourceState

	// VpcID is the ID of the VPC.
	VpcID pulumi.StringOutput `pulumi:"vpcId"`
	// PublicSubnetIDs are the IDs of the public subnets, one a zone, in the
	// order of Zones. They are known once the subnets reach the internet, so
	// what takes them is made after that and destroyed before.
	PublicSubnetIDs pulumi.StringArrayOutput `pulumi:"publicSubnetIds"`
	// PrivateSubnetIDs are the IDs of the private subnets, likewise, and none without NAT
	// and Endpoints. They are known once what is in them reaches what it needs.
	PrivateSubnetIDs pulumi.StringArrayOutput `pulumi:"privateSubnetIds"`
	// Zones are the names of the availability zones.
	Zones []string

	private bool
}

// Place is where a load balancer and tasks go.
type Place struct {
	// VpcID is the ID of the VPC.
	VpcID pulumi.StringInput
	// PublicSubnetIDs are the subnets of load balancers.
	PublicSubnetIDs pulumi.StringArrayInput
	// TaskSubnetIDs are the subnets of tasks.
	TaskSubnetIDs pulumi.StringArrayInput
	// AssignPublicIP tells that tasks need public addresses there.
	AssignPublicIP bool
}

// Place is where in the network things go: tasks go into private subnets if there are any.
func (n *Network) Place() *Place {
	p := &Place{VpcID: n.VpcID, PublicSubnetIDs: n.PublicSubnetIDs, TaskSubnetIDs: n.PublicSubnetIDs, AssignPublicIP: true}
	if n.private {
		p.TaskSubnetIDs, p.AssignPublicIP = n.PrivateSubnetIDs, false
	}
	return p
}

// New registers a network called name. The zones are asked of AWS unless args
// names them; where AWS has fewer than wanted, nothing is registered.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Network, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	zones, err := chooseZones(ctx, a, opts)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	blocks, err := a.blocks(zones)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	services, err := endpointServices(ctx, a, opts)
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}

	n := &Network{Zones: zones, private: a.private()}
	if err := ctx.RegisterComponentResource(token, name, n, opts...); err != nil {
		return nil, fmt.Errorf("register network %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, services: services, parent: pulumi.Parent(n)}
	if err := b.build(n, blocks); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"vpcId":            n.VpcID,
		"publicSubnetIds":  n.PublicSubnetIDs,
		"privateSubnetIds": n.PrivateSubnetIDs,
	})
}

// chooseZones asks AWS for the region's zones. Zones that are impaired stay in
// the list: were they left out, an update in the middle of an outage would
// replace the subnets that still work.
func chooseZones(ctx *pulumi.Context, a Args, opts []pulumi.ResourceOption) ([]string, error) {
	if len(a.AvailabilityZoneNames) > 0 {
		return a.AvailabilityZoneNames, nil
	}
	invokeOpts, err := invokeOptions(opts)
	if err != nil {
		return nil, err
	}
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		Filters: []aws.GetAvailabilityZonesFilter{
			{Name: "opt-in-status", Values: []string{"opt-in-not-required"}},
			{Name: "zone-type", Values: []string{"availability-zone"}},
		},
	}, invokeOpts...)
	if err != nil {
		return nil, fmt.Errorf("list availability zones: %w", err)
	}
	names := slices.Sorted(slices.Values(found.Names))
	if len(names) < a.AvailabilityZones {
		var ps problem.Problems
		ps.Add("availabilityZones", a.AvailabilityZones, "at most the %d zones that this region has without opt-in (%s)",
			len(names), check.List(names))
		return nil, ps
	}
	return names[:a.AvailabilityZones], nil
}

// zoneBlocks are the blocks of a zone's subnets.
type zoneBlocks struct{ public, private string }

// blocks are the blocks of the subnets. A block too small for a zone's letter is a
// problem that shows only when the zones are known.
func (a Args) blocks(zones []string) ([]zoneBlocks, error) {
	_, vpc, err := net.ParseCIDR(a.VpcCIDR)
	if err != nil {
		return nil, err
	}
	var ps problem.Problems
	blocks := make([]zoneBlocks, len(zones))
	for i, zone := range zones {
		if last := lastLetter(vpc); letter(zone) > last {
			ps.Add("vpcCidr", a.VpcCIDR, "a larger block: in this one there is room for the zones a to %s, and not for %s", last, zone)
			continue
		}
		if a.private() && letter(zone) > lastPrivate {
			ps.Add("availabilityZoneNames", zone, "a zone from a to %s: private subnets have no room for others", lastPrivate)
			continue
		}
		if blocks[i].public, err = publicBlock(vpc, zone); err != nil {
			return nil, err
		}
		if !a.private() {
			continue
		}
		if blocks[i].private, err = privateBlock(vpc, zone); err != nil {
			return nil, err
		}
	}
	return blocks, ps.Err()
}

// invokeOptions lets a lookup that comes before the component exists use the
// provider that the component will use.
func invokeOptions(opts []pulumi.ResourceOption) ([]pulumi.InvokeOption, error) {
	resolved, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return nil, fmt.Errorf("read the resource options: %w", err)
	}
	var invokeOpts []pulumi.InvokeOption
	if resolved.Parent != nil {
		invokeOpts = append(invokeOpts, pulumi.Parent(resolved.Parent))
	}
	for _, provider := range append(resolved.Providers, resolved.Provider) {
		if _, ok := provider.(*aws.Provider); ok {
			invokeOpts = append(invokeOpts, pulumi.Provider(provider))
		}
	}
	return invokeOpts, nil
}

// builder registers the children of a network, one step a method.
type builder struct {
	ctx      *pulumi.Context
	name     string
	args     Args
	services []string // that have interface endpoints
	parent   pulumi.ResourceOrInvokeOption
}

func (b *builder) build(n *Network, blocks []zoneBlocks) error {
	vpc, err := b.vpc()
	if err != nil {
		return fmt.Errorf("create VPC: %w", err)
	}
	n.VpcID = vpc.ID().ToStringOutput()
	if err := b.stripDefaultSecurityGroup(vpc); err != nil {
		return fmt.Errorf("strip the default security group: %w", err)
	}
	routes, internet, err := b.publicRoutes(vpc)
	if err != nil {
		return fmt.Errorf("create public routes: %w", err)
	}
	tables, err := b.privateTables(vpc, n.Zones)
	if err != nil {
		return fmt.Errorf("create private route tables: %w", err)
	}
	endpoint, err := b.s3Endpoint(vpc, append([]*ec2.RouteTable{routes}, tables...))
	if err != nil {
		return fmt.Errorf("create S3 endpoint: %w", err)
	}
	ids := make(pulumi.StringArray, len(blocks))
	for i, block := range blocks {
		ids[i], err = b.publicSubnet(vpc, routes, []pulumi.Resource{internet, endpoint}, i, n.Zones[i], block.public)
		if err != nil {
			return fmt.Errorf("create public subnet in %s: %w", n.Zones[i], err)
		}
	}
	n.PublicSubnetIDs = ids.ToStringArrayOutput()
	n.PrivateSubnetIDs = pulumi.StringArray{}.ToStringArrayOutput()
	if b.args.private() {
		if n.PrivateSubnetIDs, err = b.privateSubnets(n, tables, endpoint, blocks); err != nil {
			return err
		}
	}
	if b.args.FlowLogRetentionDays > 0 {
		if err := b.flowLogs(vpc); err != nil {
			return fmt.Errorf("create flow logs: %w", err)
		}
	}
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

func (b *builder) vpc() (*ec2.Vpc, error) {
	name := b.name + "-vpc"
	return ec2.NewVpc(b.ctx, name, &ec2.VpcArgs{
		CidrBlock: pulumi.String(b.args.VpcCIDR),
		// Interface endpoints and service discovery need both.
		EnableDnsSupport:   pulumi.Bool(true),
		EnableDnsHostnames: pulumi.Bool(true),
		Tags:               b.tags(name),
	}, b.parent, pulumi.Protect(b.args.Protect))
}

// stripDefaultSecurityGroup takes all rules out of the group that AWS puts
// everything in that names none (FSBP EC2.2).
func (b *builder) stripDefaultSecurityGroup(vpc *ec2.Vpc) error {
	name := b.name + "-default-sg"
	_, err := ec2.NewDefaultSecurityGroup(b.ctx, name, &ec2.DefaultSecurityGroupArgs{
		VpcId: vpc.ID(),
		Tags:  b.tags(name),
	}, b.parent)
	return err
}

func (b *builder) publicRoutes(vpc *ec2.Vpc) (*ec2.RouteTable, *ec2.Route, error) {
	name := b.name + "-igw"
	gateway, err := ec2.NewInternetGateway(b.ctx, name, &ec2.InternetGatewayArgs{
		VpcId: vpc.ID(),
		Tags:  b.tags(name),
		// The provider would move it to another VPC, and AWS does not let go of
		// it as long as something in the old one has a public address.
	}, b.parent, pulumi.ReplaceOnChanges([]string{"vpcId"}))
	if err != nil {
		return nil, nil, fmt.Errorf("create internet gateway: %w", err)
	}
	name = b.name + "-public-routes"
	table, err := ec2.NewRouteTable(b.ctx, name, &ec2.RouteTableArgs{
		VpcId: vpc.ID(),
		Tags:  b.tags(name),
	}, b.parent)
	if err != nil {
		return nil, nil, fmt.Errorf("create route table: %w", err)
	}
	// A route of its own: routes inside the table would fight with the one
	// that the S3 endpoint adds.
	route, err := ec2.NewRoute(b.ctx, b.name+"-public-internet-route", &ec2.RouteArgs{
		RouteTableId:         table.ID(),
		DestinationCidrBlock: pulumi.String("0.0.0.0/0"),
		GatewayId:            gateway.ID(),
	}, b.parent)
	if err != nil {
		return nil, nil, fmt.Errorf("create internet route: %w", err)
	}
	return table, route, nil
}

// publicSubnet returns the subnet's ID as the link to the route table gives
// it, and so not before the subnet has its ways out: a load balancer in a
// VPC without internet gateway is refused, and a task without a route can't
// pull its image. For the same reason they outlive what is in the subnet.
func (b *builder) publicSubnet(
	vpc *ec2.Vpc, routes *ec2.RouteTable, ways []pulumi.Resource, i int, zone, block string,
) (pulumi.StringOutput, error) {
	name := b.name + "-public-" + letter(zone)
	// Until subnets were named for their zone, they were for their place.
	before := pulumi.Aliases([]pulumi.Alias{{Name: pulumi.Sprintf("%s-public-%d", b.name, i+1)}})
	linkBefore := pulumi.Aliases([]pulumi.Alias{{Name: pulumi.Sprintf("%s-public-%d-routes", b.name, i+1)}})
	subnet, err := ec2.NewSubnet(b.ctx, name, &ec2.SubnetArgs{
		VpcId:            vpc.ID(),
		AvailabilityZone: pulumi.String(zone),
		CidrBlock:        pulumi.String(block),
		// What wants a public address asks for one itself (FSBP EC2.15).
		MapPublicIpOnLaunch: pulumi.Bool(false),
		Tags:                b.tags(name),
	}, b.parent, before)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	link, err := ec2.NewRouteTableAssociation(b.ctx, name+"-routes", &ec2.RouteTableAssociationArgs{
		SubnetId:     subnet.ID(),
		RouteTableId: routes.ID(),
	}, b.parent, linkBefore, pulumi.DependsOn(ways))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("link to the route table: %w", err)
	}
	return link.SubnetId.Elem(), nil
}

// s3Endpoint keeps the layers of ECR images, which lie in S3, off the internet
// gateway and off NAT bills. It costs nothing
// (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html).
func (b *builder) s3Endpoint(vpc *ec2.Vpc, tables []*ec2.RouteTable) (*ec2.VpcEndpoint, error) {
	name := b.name + "-s3-endpoint"
	region := aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent)
	var ids pulumi.StringArray
	for _, table := range tables {
		ids = append(ids, table.ID())
	}
	return ec2.NewVpcEndpoint(b.ctx, name, &ec2.VpcEndpointArgs{
		VpcId:           vpc.ID(),
		VpcEndpointType: pulumi.String("Gateway"),
		ServiceName:     pulumi.Sprintf("com.amazonaws.%s.s3", region.Name()),
		RouteTableIds:   ids,
		Tags:            b.tags(name),
	}, b.parent)
}
