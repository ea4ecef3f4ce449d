package balancer

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// secureClient takes the emulator's certificate, which nobody vouches for, and speaks
// HTTP/2 where it can.
func secureClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		Timeout:   10 * time.Second,
	}
}

func TestAConnectionsFirstByteTellsHTTPSFromHTTP(t *testing.T) {
	w := newWorld(t, rules("default", "", say(404, "plain")))
	w.secure = rules("default", "", forwardTo(web))
	w.await(w.serve(web, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto"), " ", r.Host)
	}), "healthy")

	if status, got := w.get("/"); status != 404 || got != "plain" {
		t.Errorf("HTTP gets %d %q, and not the rules of its own listener", status, got)
	}
	response, err := secureClient().Get(strings.Replace(w.url, "http://127.0.0.1", "https://localhost", 1))
	if err != nil {
		t.Fatalf("the port does not answer to TLS: %v", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.HasPrefix(string(body), "https localhost:") {
		t.Errorf("over TLS the target hears %q (%v)", body, err)
	}
	if response.ProtoMajor != 2 {
		t.Errorf("over TLS the load balancer speaks %s, and AWS's HTTP/2", response.Proto)
	}
	if names := response.TLS.PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != "localhost" {
		t.Errorf("the certificate is for %v, so no browser could be told to trust it for localhost", names)
	}
}

func TestEachNameHasACertificateOfItsOwnThatStays(t *testing.T) {
	w := newWorld(t, rules("default", "", say(200, "")))
	serial := func(name string) string {
		connection, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "http://"), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close() //nolint:errcheck // nothing was written
		shown := connection.ConnectionState().PeerCertificates[0]
		if err := shown.VerifyHostname(name); err != nil {
			t.Error(err)
		}
		return shown.SerialNumber.String()
	}
	if a, b := serial("app.example.com"), serial("api.example.com"); a == b {
		t.Error("two names have one certificate")
	}
	if a, b := serial("app.example.com"), serial("app.example.com"); a != b {
		t.Error("a certificate that a browser was told to trust is replaced")
	}
}

func TestALoadBalancerWithoutAListenerForTLSSaysSo(t *testing.T) {
	w := newWorld(t, rules("default", "", say(200, "plain")))
	response, err := secureClient().Get(strings.Replace(w.url, "http:", "https:", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "no listener for HTTPS") {
		t.Errorf("TLS gets %d %q", response.StatusCode, body)
	}
}

func TestASilentConnectionHoldsUpNoOther(t *testing.T) {
	w := newWorld(t, rules("default", "", say(200, "plain")))
	silent, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // nothing was written
	if _, got := w.get("/"); got != "plain" {
		t.Errorf("beside a connection that says nothing another gets %q", got)
	}
}
