package emulator

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// hostedZones makes up the public hosted zones that a domain's names are in: the one that is
// given by its ID, or else, for each name that is in none yet, one of its last two labels.
func (a *assumed) hostedZones(ctx context.Context, w wishes) (string, error) {
	domain, elsewhere := w.text("domain"), w.text("dns") == "elsewhere"
	if domain == "" || elsewhere {
		return "", nil
	}
	var made []string
	given := w.text("hostedZoneId")
	for _, name := range append([]string{domain}, w.list("additionalDomains")...) {
		labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
		zone := strings.Join(labels[max(0, len(labels)-2):], ".")
		if a.parts["zone "+zone] != "" || given != "" && a.has(given) {
			continue
		}
		id, err := a.hostedZone(ctx, zone)
		if err != nil {
			return "", fmt.Errorf("the hosted zone %s: %w", zone, err)
		}
		a.mu.Lock()
		a.parts["zone "+zone] = id
		if given != "" {
			a.names[given] = id
		}
		a.mu.Unlock()
		made = append(made, zone)
	}
	if len(made) == 0 {
		return "", nil
	}
	return "made up in the emulator: the hosted zone of " + strings.Join(made, " and "), nil
}

// hostedZone makes a zone and returns its ID.
func (a *assumed) hostedZone(ctx context.Context, name string) (string, error) {
	type request struct {
		XMLName         xml.Name `xml:"CreateHostedZoneRequest"`
		Xmlns           string   `xml:"xmlns,attr"`
		Name            string
		CallerReference string
	}
	body, err := xml.Marshal(request{Xmlns: "https://route53.amazonaws.com/doc/2013-04-01/", Name: name + ".", CallerReference: name})
	if err != nil {
		return "", err
	}
	answer, err := a.api.sendTo(ctx, "/2013-04-01/hostedzone", "route53", defaultRegion, http.Header{"Content-Type": {"application/xml"}}, body)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(textAt(answer, "HostedZone>Id"), "/hostedzone/"), nil
}

// certificate makes up the certificate that is given by its ARN.
func (a *assumed) certificate(ctx context.Context, w wishes) (string, error) {
	arn, domain := w.text("certificateArn"), w.text("domain")
	if arn == "" || domain == "" || a.has(arn) {
		return "", nil
	}
	var made struct{ CertificateArn string }
	err := a.api.json(ctx, "acm", w.Region, "CertificateManager.RequestCertificate",
		map[string]any{"DomainName": domain, "SubjectAlternativeNames": append([]string{domain}, w.list("additionalDomains")...), "ValidationMethod": "DNS"}, &made)
	if err != nil {
		return "", fmt.Errorf("the certificate %s: %w", arn, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names[arn] = made.CertificateArn
	return "made up in the emulator: the certificate " + arn, nil
}
