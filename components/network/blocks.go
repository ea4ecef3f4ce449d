package network

import (
	"net"

	"github.com/apparentlymart/go-cidr/cidr"
)

const (
	// publicBits is what a public subnet's prefix is longer than the VPC's: a
	// /24 in a /16, as the wizard has it.
	publicBits = 8
	// smallestSubnet is the smallest block that an Application Load Balancer
	// takes
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer).
	smallestSubnet = 27
)

// publicBlocks gives count blocks, one after the other from the start of the
// VPC's. With a /16 they are 10.0.0.0/24, 10.0.1.0/24 and so on. Whatever the
// count, three of them lie in the first sixteenth of the VPC's block, so the
// fifteen others are free for private subnets.
func publicBlocks(vpc string, count int) ([]string, error) {
	_, block, err := net.ParseCIDR(vpc)
	if err != nil {
		return nil, err
	}
	ones, _ := block.Mask.Size()
	blocks := make([]string, count)
	for i := range blocks {
		subnet, err := cidr.Subnet(block, min(publicBits, smallestSubnet-ones), i)
		if err != nil {
			return nil, err
		}
		blocks[i] = subnet.String()
	}
	return blocks, nil
}
