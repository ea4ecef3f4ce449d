// Package existing finds a network that is there already, in the place of one that
// components/network makes. It registers nothing: whatever becomes of the stack, nothing
// of the network is changed or deleted.
//
// Before anything is registered it asks AWS whether the network is fit: all subnets are the
// VPC's, those of the load balancer lie in two zones and lead to an internet gateway, those
// of tasks do not, and have addresses to give.
package existing

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/network"
	"ecs-sample-app/internal/lookup"
	"ecs-sample-app/problem"
)

// leastFree is how many addresses a load balancer needs free in a subnet to scale
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer).
// One that is there already has taken some, so fewer are worth a warning, and no more.
const leastFree = 8

// everywhere is the destination of a default route.
const everywhere = "0.0.0.0/0"

// Find finds the network, or says all that is wrong with it as problem.Problems.
func Find(ctx *pulumi.Context, a Args, opts ...pulumi.InvokeOption) (*network.Place, error) {
	if err := a.Validate(); err != nil {
		return nil, fmt.Errorf("existing network: %w", err)
	}
	f := finder{ctx: ctx, args: a, opts: opts}
	if err := f.vpc(); err != nil {
		return nil, fmt.Errorf("existing network: %w", err)
	}
	public, err := f.subnets("publicSubnetIds", a.PublicSubnetIDs, true)
	if err != nil {
		return nil, fmt.Errorf("existing network: %w", err)
	}
	if _, err := f.subnets("privateSubnetIds", a.PrivateSubnetIDs, false); err != nil {
		return nil, fmt.Errorf("existing network: %w", err)
	}
	if len(f.problems) == 0 && len(public) < leastZones {
		f.problems.Add("publicSubnetIds", a.PublicSubnetIDs, "subnets in two zones or more: these are all in one")
	}
	if err := f.problems.Err(); err != nil {
		return nil, err
	}
	place := &network.Place{
		VpcID: pulumi.String(a.VpcID), PublicSubnetIDs: pulumi.ToStringArray(a.PublicSubnetIDs),
		TaskSubnetIDs: pulumi.ToStringArray(a.PublicSubnetIDs), AssignPublicIP: true,
	}
	if len(a.PrivateSubnetIDs) > 0 {
		place.TaskSubnetIDs, place.AssignPublicIP = pulumi.ToStringArray(a.PrivateSubnetIDs), false
	}
	return place, nil
}

// finder asks AWS, and notes what does not fit.
type finder struct {
	ctx      *pulumi.Context
	args     Args
	opts     []pulumi.InvokeOption
	problems problem.Problems
	lost     bool // there is no such VPC
}

func (f *finder) vpc() error {
	found, err := ec2.LookupVpc(f.ctx, &ec2.LookupVpcArgs{Id: &f.args.VpcID}, f.opts...)
	switch {
	case err != nil && lookup.Missing(err):
		f.lost = true
		f.problems.Add("vpcId", f.args.VpcID, "a VPC of this account and region")
	case err != nil:
		return fmt.Errorf("look for the VPC %s: %w", f.args.VpcID, err)
	case !found.EnableDnsSupport:
		f.problems.Add("vpcId", f.args.VpcID, "a VPC with DNS support (enableDnsSupport): without it tasks find nothing by its name")
	}
	return nil
}

// subnets looks at each subnet, and returns the zones that they lie in.
func (f *finder) subnets(key string, ids []string, public bool) (map[string]bool, error) {
	zones := map[string]bool{}
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", key, i)
		subnet, err := ec2.LookupSubnet(f.ctx, &ec2.LookupSubnetArgs{Id: &id}, f.opts...)
		switch {
		case err != nil && lookup.Missing(err):
			f.problems.Add(at, id, "a subnet of this account and region")
			continue
		case err != nil:
			return nil, fmt.Errorf("look for the subnet %s: %w", id, err)
		case subnet.VpcId != f.args.VpcID:
			if !f.lost {
				f.problems.Add(at, id, "a subnet of %s: it is one of %s", f.args.VpcID, subnet.VpcId)
			}
			continue
		case public && zones[subnet.AvailabilityZone]:
			f.problems.Add(at, id, "one subnet for each zone: there is another in %s", subnet.AvailabilityZone)
		}
		zones[subnet.AvailabilityZone] = true
		if err := f.routes(at, id, public); err != nil {
			return nil, err
		}
		if subnet.AvailableIpAddressCount < leastFree {
			warning := fmt.Sprintf("%s: the subnet %s has %d addresses free, and a load balancer that grows, or a deployment, may need %d",
				at, id, subnet.AvailableIpAddressCount, leastFree)
			if err := f.ctx.Log.Warn(warning, nil); err != nil {
				return nil, err
			}
		}
	}
	return zones, nil
}

// routes wants the subnet's default route to lead to an internet gateway, or not to.
func (f *finder) routes(at, id string, public bool) error {
	table, err := f.table(id)
	if err != nil {
		return err
	}
	leads := ""
	for _, route := range table.Routes {
		if route.CidrBlock == everywhere {
			leads = route.GatewayId + route.NatGatewayId + route.TransitGatewayId + route.NetworkInterfaceId + route.InstanceId + route.VpcEndpointId
		}
	}
	switch gateway := strings.HasPrefix(leads, "igw-"); {
	case public && !gateway:
		f.problems.Add(at, id, "a subnet whose route to %s leads to an internet gateway: clients could not reach the load balancer", everywhere)
	case !public && gateway:
		f.problems.Add(at, id, "a subnet without a route to an internet gateway: tasks there have no public address, so it would lead them nowhere")
	case !public && leads == "":
		return f.ctx.Log.Info(fmt.Sprintf("%s: the subnet %s has no route to %s, so tasks reach what the VPC has endpoints for, and nothing else", at, id, everywhere), nil)
	}
	return nil
}

// table is the subnet's route table: its own, or the VPC's main one.
func (f *finder) table(subnet string) (*ec2.LookupRouteTableResult, error) {
	own, err := ec2.LookupRouteTable(f.ctx, &ec2.LookupRouteTableArgs{SubnetId: &subnet}, f.opts...)
	if err == nil || !lookup.Missing(err) {
		return own, wrap(err, subnet)
	}
	main, err := ec2.LookupRouteTable(f.ctx, &ec2.LookupRouteTableArgs{
		VpcId: &f.args.VpcID, Filters: []ec2.GetRouteTableFilter{{Name: "association.main", Values: []string{"true"}}},
	}, f.opts...)
	return main, wrap(err, subnet)
}

func wrap(err error, subnet string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("look for the routes of the subnet %s: %w", subnet, err)
}
