// Package domain gives a load balancer a name of one's own: a certificate, and the records
// that prove whose the name is and lead it to the load balancer.
//
// A component called NAME has these children; their names are part of the API. DOMAIN is a
// name with hyphens for dots, and without the asterisk of a wildcard in the records of
// certificates, where a wildcard and the name beside it share one:
//
//	NAME-certificate                the certificate (without CertificateARN)
//	NAME-certificate-record-DOMAIN  proves to ACM whose the name is (with DNSRoute53)
//	NAME-certificate-validation     waits until the certificate is issued
//	NAME-dns-DOMAIN                 leads the name to the load balancer, made by Point
//
// The records that prove it stay: ACM renews a certificate by them
// (https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html).
package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/foretell"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:domain:Domain"

const (
	// issueTimeout bounds the wait for the certificate. ACM issues one minutes after its
	// records are known; where the zone is not the one that the internet asks, it never does.
	issueTimeout = "45m"
	// quick is how long the wait may take without a word.
	quick = 20 * time.Second
	// recordTTL is that of the records for ACM, in seconds.
	recordTTL = 60
)

// Domain is a certificate and the records of its names.
type Domain struct {
	pulumi.ResourceState

	// CertificateARN is the certificate's. It is known once it is issued.
	CertificateARN pulumi.StringOutput `pulumi:"certificateArn"`
	// Records are those that prove to ACM whose the names are: name, type and value. There
	// are none with a certificate that was given.
	Records pulumi.StringMapArrayOutput `pulumi:"records"`

	builder
}

// builder registers the children of a domain, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOption
}

// New registers a domain called name, which leads nowhere before Point.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Domain, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("domain %q: %w", name, err)
	}

	d := &Domain{}
	if err := ctx.RegisterComponentResource(token, name, d, opts...); err != nil {
		return nil, fmt.Errorf("register domain %q: %w", name, err)
	}
	d.builder = builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(d)}
	if err := d.build(); err != nil {
		return nil, fmt.Errorf("domain %q: %w", name, err)
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{"certificateArn": d.CertificateARN, "records": d.Records})
}

func (d *Domain) build() error {
	d.Records = pulumi.StringMapArray{}.ToStringMapArrayOutput()
	if d.args.CertificateARN != "" {
		d.CertificateARN = pulumi.String(d.args.CertificateARN).ToStringOutput()
		return nil
	}
	certificate, err := d.certificate()
	if err != nil {
		return fmt.Errorf("create certificate: %w", err)
	}
	d.Records = d.records(certificate)
	validation, err := d.validation(certificate, d.Records)
	if err != nil {
		return fmt.Errorf("wait for the certificate: %w", err)
	}
	d.CertificateARN = validation.CertificateArn
	return nil
}

// bases are the names that prove themselves by a record of their own, sorted: a wildcard and
// the name beside it have the same one.
func (b *builder) bases() []string {
	var bases []string
	for _, name := range b.args.names() {
		bases = append(bases, strings.TrimPrefix(name, "*."))
	}
	slices.Sort(bases)
	return slices.Compact(bases)
}

// records are those that ACM wants to see, one for each of bases, in their order.
func (b *builder) records(certificate *acm.Certificate) pulumi.StringMapArrayOutput {
	return certificate.DomainValidationOptions.ApplyT(func(given []acm.CertificateDomainValidationOption) ([]map[string]string, error) {
		var all []map[string]string
		for _, base := range b.bases() {
			i := slices.IndexFunc(given, func(o acm.CertificateDomainValidationOption) bool {
				return o.DomainName != nil && strings.TrimPrefix(*o.DomainName, "*.") == base
			})
			if i < 0 || given[i].ResourceRecordName == nil || given[i].ResourceRecordType == nil || given[i].ResourceRecordValue == nil {
				return nil, fmt.Errorf("AWS Certificate Manager names no record for %s", base)
			}
			all = append(all, map[string]string{
				"name": *given[i].ResourceRecordName, "type": *given[i].ResourceRecordType, "value": *given[i].ResourceRecordValue,
			})
		}
		return all, nil
	}).(pulumi.StringMapArrayOutput)
}

func (b *builder) certificate() (*acm.Certificate, error) {
	name := b.name + "-certificate"
	return acm.NewCertificate(b.ctx, name, &acm.CertificateArgs{
		DomainName:              pulumi.String(b.args.Domain),
		SubjectAlternativeNames: pulumi.ToStringArray(b.args.AdditionalDomains),
		ValidationMethod:        pulumi.String("DNS"),
		KeyAlgorithm:            pulumi.String("RSA_2048"), // FSBP ACM.2
		Tags:                    tags.Named(name, b.args.Tags),
	}, b.parent)
}

// validation waits until ACM has seen the records, whoever makes them.
func (b *builder) validation(certificate *acm.Certificate, records pulumi.StringMapArrayOutput) (*acm.CertificateValidation, error) {
	var names pulumi.StringArray
	for i, base := range b.bases() {
		if b.args.DNS == DNSElsewhere {
			break
		}
		part := func(key string) pulumi.StringOutput { return records.Index(pulumi.Int(i)).MapIndex(pulumi.String(key)) }
		record, err := route53.NewRecord(b.ctx, b.name+"-certificate-record-"+dashed(base), &route53.RecordArgs{
			ZoneId:         pulumi.String(b.zoneOf(base)),
			Name:           part("name"),
			Type:           part("type").ApplyT(func(t string) route53.RecordType { return route53.RecordType(t) }).(route53.RecordTypeOutput),
			Records:        pulumi.StringArray{part("value")},
			Ttl:            pulumi.Int(recordTTL),
			AllowOverwrite: pulumi.Bool(true), // Another certificate for the name has the same.
		}, b.parent)
		if err != nil {
			return nil, fmt.Errorf("create record for %s: %w", base, err)
		}
		names = append(names, record.Fqdn)
	}
	args := &acm.CertificateValidationArgs{CertificateArn: certificate.Arn}
	if len(names) > 0 {
		args.ValidationRecordFqdns = names
	}
	validation, err := acm.NewCertificateValidation(b.ctx, b.name+"-certificate-validation", args,
		b.parent, pulumi.Timeouts(&pulumi.CustomTimeouts{Create: issueTimeout}))
	if err != nil {
		return nil, err
	}
	foretell.Waits(b.ctx, validation, validation.ID(), quick, records.ApplyT(b.waits).(pulumi.StringOutput))
	return validation, nil
}

// zoneOf is the zone of a name whose wildcard may be all that was given.
func (b *builder) zoneOf(base string) string {
	if id := b.args.ZoneIDs[base]; id != "" {
		return id
	}
	return b.args.ZoneIDs["*."+base]
}

// waits is what an update says that waits for the certificate.
func (b *builder) waits(records []map[string]string) string {
	if b.args.DNS == DNSRoute53 {
		return "AWS Certificate Manager has not issued the certificate yet; the update waits 45 minutes at the most. " +
			"If it takes more than ten, the hosted zone may not be the one that the internet asks: " +
			"compare `dig +short NS` of its name with the zone's name servers in Route 53."
	}
	lines := []string{"the update waits 45 minutes at the most for AWS Certificate Manager, which issues the certificate when it sees these records:"}
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("  %s %s %s", r["name"], r["type"], r["value"]))
	}
	return strings.Join(lines, "\n")
}

// Point leads the names to a load balancer, by its own name and zone. A name that leads
// somewhere else already is left there: AWS refuses a second record.
func (d *Domain) Point(dnsName, zoneID pulumi.StringInput) error {
	if d.args.DNS != DNSRoute53 {
		return nil
	}
	for _, name := range d.args.names() {
		_, err := route53.NewRecord(d.ctx, d.name+"-dns-"+dashed(name), &route53.RecordArgs{
			ZoneId: pulumi.String(d.args.ZoneIDs[name]),
			Name:   pulumi.String(name),
			Type:   route53.RecordTypeA,
			Aliases: route53.RecordAliasArray{&route53.RecordAliasArgs{
				Name: dnsName, ZoneId: zoneID, EvaluateTargetHealth: pulumi.Bool(true),
			}},
		}, d.parent)
		if err != nil {
			return fmt.Errorf("domain %q: create record for %s: %w", d.name, name, err)
		}
	}
	return nil
}

// dashed is a domain name as a part of a resource's.
func dashed(name string) string { return strings.NewReplacer("*", "any", ".", "-").Replace(name) }
