// Package names makes the names of resources that AWS wants short, or that are made
// from what has characters that names may not have.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// MaxLoadBalancing is the most characters in the name of a load balancer or a
	// target group
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html,
	// …/API_CreateTargetGroup.html).
	MaxLoadBalancing = 32
	// AutoSuffix is what Pulumi's auto-naming adds: a hyphen and 7 digits.
	AutoSuffix = 8
	// hashLength digits tell the handful of long names in a stack apart: 24 bits.
	hashLength = 6
)

// Short is name and role, with as much of name as leaves room for auto-naming within
// most characters. If something is left out, a hash of the whole name keeps two names
// with the same beginning apart.
func Short(name, role string, most int) string {
	room := most - AutoSuffix - len(role)
	if len(name) <= room {
		return name + role
	}
	start := strings.TrimRight(name[:room-hashLength-1], "-")
	return start + "-" + Hash(name) + role
}

// Hash tells one text from another, in six hexadecimal digits.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:hashLength]
}
