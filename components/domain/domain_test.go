package domain

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// named is a domain with two further names, in two zones.
func named(change func(*Args)) Args {
	a := Args{
		Domain: "app.example.com", AdditionalDomains: []string{"*.app.example.com", "example.org"},
		ZoneIDs: map[string]string{"app.example.com": "Z1", "*.app.example.com": "Z1", "example.org": "Z2"},
	}
	if change != nil {
		change(&a)
	}
	return a
}

func makes(args Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		d, err := New(ctx, "web", args, opts...)
		if err != nil {
			return err
		}
		ctx.Export("certificate", d.CertificateARN)
		ctx.Export("records", d.Records)
		return d.Point(pulumi.String("web-1.us-east-1.elb.amazonaws.com"), pulumi.String("Z35SXDOTRQ7X7K"))
	}
}

func TestItMakesTheNamedChildrenAndOneRecordForAWildcardAndItsName(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(named(nil)),
		"web-certificate", "web-certificate-record-app-example-com", "web-certificate-record-example-org", "web-certificate-validation",
		"web-dns-any-app-example-com", "web-dns-app-example-com", "web-dns-example-org")
}

func TestRecordsAreInTheZoneOfTheirName(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(named(nil)), world)
		for name, zone := range map[string]string{
			"web-certificate-record-app-example-com": "Z1", "web-certificate-record-example-org": "Z2",
			"web-dns-app-example-com": "Z1", "web-dns-any-app-example-com": "Z1", "web-dns-example-org": "Z2",
		} {
			if got := record.String(record.Get(name), "zoneId"); got != zone {
				t.Errorf("%s is in the zone %s, not in %s, where nobody looks for it", name, got, zone)
			}
		}
		alias := record.Get("web-dns-app-example-com").Inputs["aliases"].ArrayValue()[0].ObjectValue()
		if !alias["evaluateTargetHealth"].BoolValue() || alias["name"].StringValue() != "web-1.us-east-1.elb.amazonaws.com" {
			t.Errorf("the name leads to %v", alias)
		}
	})
}

func TestTheCertificateIsKnownOnceItIsIssuedByItsRecords(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(named(nil)), world)
		certificate, validation := record.Get("web-certificate"), record.Get("web-certificate-validation")
		if got := record.String(certificate, "keyAlgorithm"); got != "RSA_2048" {
			t.Errorf("the certificate's key is %s", got)
		}
		for _, proof := range []string{"web-certificate-record-app-example-com", "web-certificate-record-example-org"} {
			if !record.WaitsFor(validation, proof) {
				t.Errorf("nobody waits for %s, so the certificate is used before it is issued", proof)
			}
			if from := record.Get(proof).InputsFrom["records"]; !slices.Equal(from, []string{certificate.URN}) {
				t.Errorf("%s says what %v want, not what the certificate wants", proof, from)
			}
		}
		if validation.Timeouts[0] != "45m" {
			t.Errorf("the wait for the certificate is bounded by %q: where the zone is not delegated it never ends", validation.Timeouts[0])
		}
	})
}

func TestElsewhereNoRecordIsMadeAndTheOutputsHaveThem(t *testing.T) {
	t.Parallel()
	record := infratest.MustRun(t, makes(named(func(a *Args) { a.DNS, a.ZoneIDs = DNSElsewhere, nil })), infratest.Options{})
	if want := []string{"web-certificate", "web-certificate-validation"}; !slices.Equal(record.Names(), want) {
		t.Errorf("%v are made, not %v: records in a zone that nobody asks", record.Names(), want)
	}
	records, _ := record.Output("records").([]map[string]string)
	if len(records) != 2 || records[0]["type"] != "CNAME" || !strings.HasPrefix(records[0]["name"], "_") {
		t.Errorf("the outputs do not say which records to make: %v", record.Output("records"))
	}
}

func TestACertificateThatIsGivenIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
	record := infratest.MustRun(t, makes(named(func(a *Args) { a.CertificateARN = arn })), infratest.Options{})
	for _, name := range record.Names() {
		if strings.HasPrefix(name, "web-certificate") {
			t.Errorf("%s is made beside the certificate that was given", name)
		}
	}
}

func TestADomainIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc { return makes(named(nil), given) })
}

func TestTheZoneIsTheOneWithTheLongestName(t *testing.T) {
	t.Parallel()
	zones := map[string][]string{"example.com": {"Z1"}, "app.example.com": {"Z2"}, "several.com": {"Z3", "Z4"}}
	finds := func(a Args) (map[string]string, error) {
		var found map[string]string
		_, err := infratest.Run(t, func(ctx *pulumi.Context) (err error) {
			found, err = FindZones(ctx, a)
			return err
		}, infratest.Options{HostedZones: zones})
		return found, err
	}
	found, err := finds(Args{Domain: "x.app.example.com", AdditionalDomains: []string{"*.app.example.com", "www.example.com"}})
	if err != nil || found["x.app.example.com"] != "Z2" || found["*.app.example.com"] != "Z2" || found["www.example.com"] != "Z1" {
		t.Errorf("the zones are %v (%v)", found, err)
	}
	if found, err := finds(Args{Domain: "app.example.com", HostedZoneID: "Z1"}); err != nil || found["app.example.com"] != "Z1" {
		t.Errorf("the zone that was given is not taken: %v (%v)", found, err)
	}
	for want, a := range map[string]Args{
		"domain: got \"app.example.net\", want a name in a public hosted zone": {Domain: "app.example.net"},
		"additionalDomains[0]: got \"example.net\"":                            {Domain: "app.example.com", AdditionalDomains: []string{"example.net"}},
		"say which by hostedZoneId":                                            {Domain: "app.several.com"},
		"hostedZoneId: got \"Z9\", want a hosted zone of this account":         {Domain: "app.example.com", HostedZoneID: "Z9"},
		"a name in the zone Z1 is, example.com":                                {Domain: "app.several.com", HostedZoneID: "Z1"},
	} {
		if _, err := finds(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it is not said that %q: %v", want, err)
		}
	}
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{
		Domain: "*.example.com", AdditionalDomains: []string{"A.example.com", "b.example.com", "b.example.com"}, HostedZoneID: "zone",
		CertificateARN: "certificate", DNS: "here",
	}), "dns", "domain", "additionalDomains[0]", "additionalDomains[2]", "hostedZoneId", "certificateArn")
	infratest.WantRefused(t, makes(Args{AdditionalDomains: []string{"a.example.com"}, HostedZoneID: "Z1", CertificateARN: "a", DNS: DNSElsewhere}),
		"additionalDomains", "hostedZoneId", "certificateArn", "dns", "domain")
	infratest.WantRefused(t, makes(Args{Domain: "app.example.com"}), "zoneIds.app.example.com")
}
