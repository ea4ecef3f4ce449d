package loadbalancer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

const (
	// DefaultPort is the port of the listener if none is given: HTTP's.
	DefaultPort = 80

	// httpsPort is that of the listener with TLS.
	httpsPort = 443
	// tlsPolicy takes TLS 1.3, and of 1.2 only ciphers with forward secrecy: one of those
	// that FSBP ELB.17 recommends
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).
	tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

	// maxRules keeps the listener's openings within a security group's quota
	// of 60 inbound rules
	// (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups).
	maxRules = 60
)

// Args is what a LoadBalancer is made from.
type Args struct {
	// VpcID is the VPC of the targets. Required.
	VpcID pulumi.StringInput `mapstructure:"-"`
	// SubnetIDs are the public subnets, in two zones or more. Required.
	SubnetIDs pulumi.StringArrayInput `mapstructure:"-"`
	// AllowedCIDRs are the IPv4 blocks that may reach the load balancer;
	// 0.0.0.0/0 is the whole internet. Required, so that opening it to the world
	// is always written out.
	AllowedCIDRs []string `mapstructure:"allowedCidrs"`
	// Port is the port of the HTTP listener, 1 to 65535. Default DefaultPort.
	Port int `mapstructure:"-"`
	// HTTPS adds a listener with TLS on port 443. Default false.
	HTTPS bool `mapstructure:"-"`
	// CertificateARN is the certificate that it shows. Required with HTTPS.
	CertificateARN pulumi.StringInput `mapstructure:"-"`
	// AccessLogsBucket is the name of a bucket that each request is written to, which the
	// load balancer may write to. Default none.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
	AccessLogsBucket pulumi.StringInput `mapstructure:"-"`
	// DeletionProtection makes Pulumi and AWS refuse to delete the load balancer,
	// whose DNS name nobody gets back. Default false.
	DeletionProtection bool `mapstructure:"-"`
	// Tags are set on every resource, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.Port = cmp.Or(a.Port, DefaultPort)
	return a
}

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	check.Required(&ps,
		check.Input{Path: "vpcId", Given: a.VpcID, Want: "the ID of a VPC"},
		check.Input{Path: "subnetIds", Given: a.SubnetIDs, Want: "the IDs of public subnets in two zones or more"},
	)
	if a.HTTPS {
		check.Required(&ps, check.Input{Path: "certificateArn", Given: a.CertificateARN, Want: "the ARN of a certificate"})
	}
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	a.validateCIDRs(&ps)
	check.Port(&ps, "port", a.Port)
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

// ports are those of the listeners.
func (a Args) ports() []int {
	if a.HTTPS {
		return []int{a.Port, httpsPort}
	}
	return []int{a.Port}
}

func (a Args) validateCIDRs(ps *problem.Problems) {
	const path = "allowedCidrs"
	if len(a.AllowedCIDRs) == 0 {
		ps.Missing(path, "the IPv4 blocks that may reach the listener; 0.0.0.0/0 opens it to the world")
	}
	most := maxRules / len(a.ports())
	if len(a.AllowedCIDRs) > most {
		ps.Add(path, fmt.Sprintf("%d blocks", len(a.AllowedCIDRs)), "at most %d", most)
	}
	for i, block := range a.AllowedCIDRs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if _, ok := check.IPv4CIDR(ps, at, block); ok && slices.Contains(a.AllowedCIDRs[:i], block) {
			ps.Add(at, block, "a block that is not given twice")
		}
	}
}
