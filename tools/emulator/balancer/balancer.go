// Package balancer is Application Load Balancers on this machine: each answers on a
// port of 127.0.0.1, to HTTP and to TLS, and does with requests what the rules of its
// listener for that protocol say. Rules and
// target groups are those of Elastic Load Balancing's API, of which it asks when they
// have changed.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/introduction.html
package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// connectTimeout and idleTimeout are how long a target has to take a connection, and
	// to begin to answer
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html).
	connectTimeout = 10 * time.Second
	idleTimeout    = 60 * time.Second
	// keepAlive is how long a client's connection is kept without a request.
	keepAlive = time.Hour
	// firstCheck is how soon a target is checked first.
	firstCheck = 500 * time.Millisecond
)

// Balancer is all load balancers of an account.
type Balancer struct {
	ask     Ask
	missing string
	proxy   *httputil.ReverseProxy
	shown   certificates

	mu        sync.Mutex
	config    *config // nil where it has to be asked for
	balancers map[string]*balancer
	groups    map[string][]*target
	turn      int
}

// balancer is one load balancer.
type balancer struct {
	arn, port string
	server    *http.Server
}

// New returns load balancers without any. missing, where it is not empty, is the page
// that says why no task runs.
func New(ask Ask, missing string) *Balancer {
	b := &Balancer{ask: ask, missing: missing, balancers: map[string]*balancer{}, groups: map[string][]*target{}}
	b.proxy = &httputil.ReverseProxy{
		Rewrite:      rewrite,
		ErrorHandler: failed,
		ErrorLog:     log.New(os.Stderr, "load balancer: ", log.LstdFlags),
		Transport: &http.Transport{
			Proxy:                 nil, // A proxy cannot reach this machine's own ports.
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			ResponseHeaderTimeout: idleTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConnsPerHost:   64,
			DisableCompression:    true,
		},
	}
	return b
}

// Open opens a load balancer, and returns the port on which it answers from now on.
func (b *Balancer) Open(arn string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.balancers[arn]; one != nil {
		return one.port, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait for anything
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "", errors.Join(err, listener.Close())
	}
	one := &balancer{arn: arn, port: port}
	one.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(one, w, r) }),
		ReadHeaderTimeout: idleTimeout, IdleTimeout: keepAlive,
		TLSConfig: &tls.Config{GetCertificate: b.shown.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}},
		ErrorLog:  b.proxy.ErrorLog,
	}
	b.balancers[arn] = one
	b.config = nil
	both := newSplit(listener) // Both ends are served until Close.
	go func() { _ = one.server.Serve(both.plain) }()
	go func() { _ = one.server.ServeTLS(both.secure, "", "") }()
	return port, nil
}

// Close closes a load balancer.
func (b *Balancer) Close(arn string) error {
	b.mu.Lock()
	one := b.balancers[arn]
	delete(b.balancers, arn)
	b.config = nil
	b.mu.Unlock()
	if one == nil {
		return nil
	}
	return one.server.Close()
}

// CloseAll closes all load balancers.
func (b *Balancer) CloseAll() error {
	b.mu.Lock()
	arns := slices.Collect(maps.Keys(b.balancers))
	b.mu.Unlock()
	var all error
	for _, arn := range arns {
		all = errors.Join(all, b.Close(arn))
	}
	return all
}

// Changed has what the API says asked for again.
func (b *Balancer) Changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.config = nil
}

// current is what the API says. The lock is held. Between two of its answers a listener may
// go, and then it is asked again: on AWS a request never meets half a configuration.
func (b *Balancer) current() (*config, error) {
	if b.config != nil {
		return b.config, nil
	}
	const tries = 3
	var c *config
	var err error
	for range tries {
		if c, err = load(b.ask, slices.Sorted(maps.Keys(b.balancers))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	b.config = c
	return c, nil
}

// serve answers a request to a load balancer.
func (b *Balancer) serve(one *balancer, w http.ResponseWriter, r *http.Request) {
	if b.missing != "" {
		own(w, http.StatusServiceUnavailable, "text/html; charset=utf-8", b.missing)
		return
	}
	b.mu.Lock()
	c, err := b.current()
	b.mu.Unlock()
	if err != nil {
		own(w, http.StatusInternalServerError, "text/plain; charset=utf-8", err.Error()+"\n")
		return
	}
	protocol := "HTTP"
	if r.TLS != nil {
		protocol = "HTTPS"
	}
	l, ok := c.listener(one.arn, protocol)
	if !ok { // On AWS nothing would answer at the port.
		own(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", "this load balancer has no listener for "+protocol+"\n")
		return
	}
	for i := range l.rules {
		if l.rules[i].matches(r) {
			b.act(l.rules[i].Actions, l, one.port, w, r)
			return
		}
	}
}

// listener is that of a load balancer for a protocol, the one on the lowest port.
func (c *config) listener(arn, protocol string) (listener, bool) {
	var found listener
	for _, l := range c.listeners[arn] {
		if l.Protocol == protocol && (found.ARN == "" || l.Port < found.Port) {
			found = l
		}
	}
	return found, found.ARN != ""
}

// act does what a rule says. Actions before the last, such as a login, are left out.
func (b *Balancer) act(actions []action, l listener, port string, w http.ResponseWriter, r *http.Request) {
	last := &actions[len(actions)-1]
	switch last.Type {
	case "forward":
		address := b.pick(last.forwards())
		if address == "" {
			own(w, http.StatusServiceUnavailable, "text/html", page(http.StatusServiceUnavailable))
			return
		}
		ctx := context.WithValue(r.Context(), destinationKey{}, destination{address, port, l.Protocol})
		b.proxy.ServeHTTP(w, r.WithContext(ctx))
	case "redirect":
		last.redirect(w, r, l, port)
	case "fixed-response":
		last.fixed(w)
	default:
		own(w, http.StatusNotImplemented, "text/plain; charset=utf-8", "the emulator knows no action "+last.Type+"\n")
	}
}

// pick is the address of the target that gets the next request, empty where there is
// none: of a group by its weight, one that is healthy, in turn. Where none is healthy
// all get requests
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
func (b *Balancer) pick(groups []weighted) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var healthy, all []string
	for _, t := range b.groups[choose(groups)] {
		if t.draining.IsZero() {
			all = append(all, t.Address)
			if t.state == healthyState {
				healthy = append(healthy, t.Address)
			}
		}
	}
	if len(healthy) > 0 {
		all = healthy
	}
	if len(all) == 0 {
		return ""
	}
	b.turn++
	return all[b.turn%len(all)]
}

// choose is one of the groups, each as often as its weight says.
func choose(groups []weighted) string {
	total := 0
	for _, g := range groups {
		total += g.Weight
	}
	if total == 0 {
		return ""
	}
	n := rand.IntN(total) //nolint:gosec // it spreads requests, and keeps no secret
	for _, g := range groups {
		if n -= g.Weight; n < 0 {
			return g.Group
		}
	}
	return ""
}

// destination is where a request goes, and where it came in.
type destination struct{ address, port, protocol string }

type destinationKey struct{}

// rewrite makes a client's request the target's
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html).
func rewrite(r *httputil.ProxyRequest) {
	to, _ := r.In.Context().Value(destinationKey{}).(destination)
	r.SetURL(&url.URL{Scheme: "http", Host: to.address})
	r.Out.Host = r.In.Host
	client := clientOf(r.In)
	if before := r.In.Header.Values("X-Forwarded-For"); len(before) > 0 {
		client = before[len(before)-1] + ", " + client
	}
	r.Out.Header.Set("X-Forwarded-For", client)
	r.Out.Header.Set("X-Forwarded-Proto", map[string]string{"HTTP": "http", "HTTPS": "https"}[to.protocol])
	r.Out.Header.Set("X-Forwarded-Port", to.port)
	if r.In.Header.Get("X-Amzn-Trace-Id") == "" {
		r.Out.Header.Set("X-Amzn-Trace-Id", "Root=1-"+strconv.FormatInt(time.Now().Unix(), 16)+"-"+strconv.FormatUint(rand.Uint64(), 16)) //nolint:gosec // it only tells requests apart
	}
}

// failed answers where a target did not: 504 where it took too long, 502 otherwise
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html).
func failed(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusBadGateway
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	own(w, status, "text/html", page(status))
}
