package domain

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// DNS is who makes the records of a domain.
type DNS string

const (
	// DNSRoute53 has the records made in the domain's hosted zone.
	DNSRoute53 DNS = "route53"
	// DNSElsewhere leaves them to whoever keeps the domain. Outputs and messages say what
	// they are.
	DNSElsewhere DNS = "elsewhere"
)

const (
	// maxNames is ACM's quota of names in a certificate
	// (https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html).
	maxNames = 10
	// maxFirst is the most characters of a certificate's first name
	// (https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html), and
	// maxName that of the others.
	maxFirst, maxName = 64, 253
)

// Args is what a Domain is made from.
type Args struct {
	// Domain is the name under which the load balancer answers, such as app.example.com,
	// with HTTPS; HTTP is answered with 301. Its certificate and its records are made, in
	// the hosted zone in Route 53 that is found by its name. Default none: HTTP, under the
	// load balancer's own name.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html
	Domain string `mapstructure:"domain"`
	// AdditionalDomains are further names, such as www.example.com or *.example.com, at
	// most 9. Default none.
	// https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
	AdditionalDomains []string `mapstructure:"additionalDomains"`
	// HostedZoneID is the ID of the hosted zone, if several have a name that fits. Default
	// none: the public zone with the longest name that fits.
	// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-working-with.html
	HostedZoneID string `mapstructure:"hostedZoneId"`
	// DNS is where the records of the domain are made: route53, or elsewhere, by you. The
	// update then prints them, waits for the certificate, 45 minutes at the most, and has
	// them in its outputs. Default DNSRoute53.
	// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
	DNS DNS `mapstructure:"dns"`
	// CertificateARN is the ARN of a certificate in AWS Certificate Manager, of the stack's
	// region and for all names, in the place of one that is made. Default none.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
	CertificateARN string `mapstructure:"certificateArn"`
	// ZoneIDs are the hosted zones of the names, as FindZones gives them. Required with
	// DNSRoute53.
	ZoneIDs map[string]string `mapstructure:"-"`
	// Tags are set on the certificate, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.DNS = cmp.Or(a.DNS, DNSRoute53)
	return a
}

// Defaults are the arguments of a domain for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Given tells whether there is a domain.
func (a Args) Given() bool { return a.Domain != "" }

// names are all names, the first of the certificate first.
func (a Args) names() []string { return append([]string{a.Domain}, a.AdditionalDomains...) }

var (
	nameForm        = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
	zoneForm        = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	certificateForm = regexp.MustCompile(`^arn:(aws[a-z-]*):acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-f-]+$`)
)

// CertificateRegion is the region in a certificate's ARN, empty without one.
func (a Args) CertificateRegion() string {
	if found := certificateForm.FindStringSubmatch(a.CertificateARN); found != nil {
		return found[2]
	}
	return ""
}

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	ps := a.Check()
	a = a.withDefaults()
	if !a.Given() {
		ps.Missing("domain", "a domain name, such as app.example.com")
	} else if a.DNS == DNSRoute53 {
		for _, name := range a.names() {
			if a.ZoneIDs[name] == "" {
				ps.Missing("zoneIds."+name, "the ID of its hosted zone")
			}
		}
	}
	return ps.Err()
}

// Check returns what is wrong with the values that are known before AWS is asked.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	check.OneOf(&ps, "dns", a.DNS, []DNS{DNSRoute53, DNSElsewhere})
	if !a.Given() {
		const want = "nothing without domain"
		if len(a.AdditionalDomains) > 0 {
			ps.Add("additionalDomains", a.AdditionalDomains, want)
		}
		if a.HostedZoneID != "" {
			ps.Add("hostedZoneId", a.HostedZoneID, want)
		}
		if a.CertificateARN != "" {
			ps.Add("certificateArn", a.CertificateARN, want)
		}
		if a.DNS == DNSElsewhere {
			ps.Add("dns", a.DNS, want)
		}
		return ps
	}
	if !nameForm.MatchString(a.Domain) || len(a.Domain) > maxFirst {
		ps.Add("domain", a.Domain, "a domain name in lower case, such as app.example.com, of at most %d characters", maxFirst)
	}
	a.validateOthers(&ps)
	if a.HostedZoneID != "" && !zoneForm.MatchString(a.HostedZoneID) {
		ps.Add("hostedZoneId", a.HostedZoneID, "the ID of a hosted zone, such as Z0123456789ABCDEFGHIJ")
	} else if a.HostedZoneID != "" && a.DNS == DNSElsewhere {
		ps.Add("hostedZoneId", a.HostedZoneID, "nothing with dns elsewhere: no records are made here")
	}
	if a.CertificateARN != "" && !certificateForm.MatchString(a.CertificateARN) {
		ps.Add("certificateArn", a.CertificateARN, "the ARN of a certificate, arn:aws:acm:REGION:ACCOUNT:certificate/ID")
	}
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

func (a Args) validateOthers(ps *problem.Problems) {
	if len(a.AdditionalDomains) >= maxNames {
		ps.Add("additionalDomains", fmt.Sprintf("%d names", len(a.AdditionalDomains)), "at most %d: a certificate has %d names, with domain", maxNames-1, maxNames)
	}
	for i, name := range a.AdditionalDomains {
		at := fmt.Sprintf("additionalDomains[%d]", i)
		if !nameForm.MatchString(strings.TrimPrefix(name, "*.")) || len(name) > maxName {
			ps.Add(at, name, "a domain name in lower case, such as www.example.com or *.example.com")
		} else if name == a.Domain || slices.Contains(a.AdditionalDomains[:i], name) {
			ps.Add(at, name, "a name that is not given twice")
		}
	}
}
