package network

import (
	"fmt"
	"net"

	"github.com/apparentlymart/go-cidr/cidr"
)

const (
	// publicBits is how many bits longer a public subnet's prefix is than the VPC's:
	// a /24 in a /16, as the wizard has it.
	publicBits = 8
	// smallestSubnet is the smallest block that an Application Load Balancer takes
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer).
	smallestSubnet = 27
	// publicShare bits are taken by what all public subnets share: the first
	// sixteenth of the VPC's block. Each of the fifteen others is a private subnet's.
	publicShare = 4
	// lastPrivate is the last zone for which there is such a sixteenth.
	lastPrivate = "o"
)

// letters are those that zones may have.
const letters = "abcdefghijklmnopqrstuvwxyz"

// letter is the zone's own, which ends its name: a of us-east-1a.
func letter(zone string) string { return zone[len(zone)-1:] }

// publicBlock is the block of a zone's public subnet. It goes by the zone's letter,
// not by its place in a list, so that whatever zones come and go, a subnet that stays
// keeps its block, and a new one never takes a block that is still in use. With a /16
// they are 10.0.0.0/24 for a, 10.0.1.0/24 for b and so on.
func publicBlock(vpc *net.IPNet, zone string) (string, error) {
	subnet, err := cidr.Subnet(vpc, subnetBits(vpc), place(zone))
	if err != nil {
		return "", fmt.Errorf("divide %s: %w", vpc, err)
	}
	return subnet.String(), nil
}

// privateBlock is the block of a zone's private subnet, by its letter like the public one:
// with a /16 they are 10.0.16.0/20 for a, 10.0.32.0/20 for b and so on.
func privateBlock(vpc *net.IPNet, zone string) (string, error) {
	subnet, err := cidr.Subnet(vpc, publicShare, place(zone)+1)
	if err != nil {
		return "", fmt.Errorf("divide %s: %w", vpc, err)
	}
	return subnet.String(), nil
}

// place is the zone's letter as a number: 0 for a.
func place(zone string) int { return int(letter(zone)[0] - 'a') }

func subnetBits(vpc *net.IPNet) int {
	ones, _ := vpc.Mask.Size()
	return min(publicBits, smallestSubnet-ones)
}

// lastLetter is the last zone for which the block has room in its first sixteenth.
func lastLetter(vpc *net.IPNet) string {
	zones := min(1<<(subnetBits(vpc)-publicShare), len(letters))
	return letters[zones-1 : zones]
}
