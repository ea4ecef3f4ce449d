package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/accesslogs"
	"ecs-sample-app/components/domain"
	"ecs-sample-app/components/firewall"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/config"
	"ecs-sample-app/internal/foretell"
	"ecs-sample-app/internal/stackconfig"
)

// anotherName is what a preview says of a new load balancer beside a target that stays.
const anotherName = "A new load balancer has another DNS name, so the output url changes. " +
	"One that it replaces serves until the new tasks are healthy, and both are paid for; " +
	"then it is deleted, and clients that use its name are cut off."

// findZones finds the hosted zones of the domain's names, before anything is registered.
func findZones(ctx *pulumi.Context, cfg *config.Config) error {
	var err error
	cfg.Domain.ZoneIDs, err = domain.FindZones(ctx, cfg.Domain)
	return stackconfig.Explain(ctx, err)
}

// front makes what clients meet: the load balancer, with its access logs, its domain and its
// firewall. stays
// exists only if there was a load balancer before.
func front(ctx *pulumi.Context, cfg *config.Config, place *network.Place, stays pulumi.Output) (*loadbalancer.LoadBalancer, error) {
	args := cfg.LoadBalancer
	args.VpcID, args.SubnetIDs = place.VpcID, place.PublicSubnetIDs
	if cfg.AccessLogs {
		logs, err := accesslogs.New(ctx, config.ServiceName, cfg.Logs)
		if err != nil {
			return nil, err
		}
		args.AccessLogsBucket = logs.Bucket
		ctx.Export("accessLogsBucket", logs.Bucket)
	}
	var name *domain.Domain
	if cfg.Domain.Given() {
		var err error
		if name, err = domain.New(ctx, config.ServiceName, cfg.Domain); err != nil {
			return nil, err
		}
		args.CertificateARN = name.CertificateARN
	}
	balancer, err := loadbalancer.New(ctx, config.ServiceName, args)
	if err != nil {
		return nil, err
	}
	if cfg.Firewall.Mode != firewall.ModeOff {
		cfg.Firewall.LoadBalancerARN = balancer.ARN
		if _, err := firewall.New(ctx, config.ServiceName, cfg.Firewall); err != nil {
			return nil, err
		}
	}
	if name == nil {
		foretell.Replaced(ctx, balancer, anotherName, balancer.ARN, stays)
		ctx.Export("url", balancer.URL)
		return balancer, nil
	}
	if cfg.Domain.DNS == domain.DNSElsewhere {
		ctx.Export("certificateRecords", name.Records)
		ctx.Export("dnsTarget", balancer.DNSName)
	}
	ctx.Export("url", pulumi.String("https://"+cfg.Domain.Domain))
	return balancer, name.Point(balancer.DNSName, balancer.ZoneID)
}
