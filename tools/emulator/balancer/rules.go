package balancer

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// matches tells whether a rule is for a request: all of its conditions hold. The
// default rule has none.
func (r *rule) matches(request *http.Request) bool {
	return !slices.ContainsFunc(r.Conditions, func(c condition) bool { return !c.holds(request) })
}

// holds tells whether one of a condition's values is the request's
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html).
func (c *condition) holds(r *http.Request) bool {
	switch c.Field {
	case "host-header":
		host := strings.ToLower(hostOf(r))
		return anyOf(c.Hosts, c.Values, func(pattern string) bool { return glob(strings.ToLower(pattern), host) })
	case "path-pattern":
		return anyOf(c.Paths, c.Values, func(pattern string) bool { return glob(pattern, r.URL.Path) })
	case "source-ip":
		client, err := netip.ParseAddr(clientOf(r))
		return err == nil && anyOf(c.Blocks, c.Values, func(block string) bool {
			prefix, err := netip.ParsePrefix(block)
			return err == nil && prefix.Contains(client.Unmap())
		})
	default: // No component declares others.
		return false
	}
}

// anyOf tells whether a function holds for one of the values, which the API has in one
// of two places.
func anyOf(values, others []string, holds func(string) bool) bool {
	return slices.ContainsFunc(values, holds) || slices.ContainsFunc(others, holds)
}

// glob tells whether a text is of a pattern, in which * stands for any characters and
// ? for one.
func glob(pattern, text string) bool {
	star, from := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t] && pattern[p] != '*'):
			p, t = p+1, t+1
		case p < len(pattern) && pattern[p] == '*':
			star, from, p = p, t, p+1
		case star >= 0: // The last star takes one more.
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// hostOf is the name in a request's Host header, without the port.
func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// clientOf is the address that a request comes from.
func clientOf(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr) // The server writes it.
	return host
}

// fixed answers with a fixed response.
func (a *action) fixed(w http.ResponseWriter) {
	status, err := strconv.Atoi(a.Fixed.Status)
	if err != nil {
		status = http.StatusServiceUnavailable
	}
	contentType := a.Fixed.ContentType
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	own(w, status, contentType, a.Fixed.Body)
}

// redirect answers with another address. The ports of listeners stand for the one port
// that the load balancer has on this machine.
func (a *action) redirect(w http.ResponseWriter, r *http.Request, l listener, port string) {
	scheme := strings.ToLower(l.Protocol)
	to := a.Redirect
	fill := strings.NewReplacer("#{protocol}", scheme, "#{host}", hostOf(r), "#{port}", port,
		"#{path}", strings.TrimPrefix(r.URL.Path, "/"), "#{query}", r.URL.RawQuery)
	given := func(value, otherwise string) string {
		if value == "" {
			value = otherwise
		}
		return fill.Replace(value)
	}
	host := given(to.Host, "#{host}")
	if host == hostOf(r) {
		host = net.JoinHostPort(host, port)
	} else if p := given(to.Port, "#{port}"); p != port {
		host = net.JoinHostPort(host, p)
	}
	address := fmt.Sprintf("%s://%s/%s", strings.ToLower(given(to.Protocol, "#{protocol}")), host, strings.TrimPrefix(given(to.Path, "/#{path}"), "/"))
	if query := given(to.Query, "#{query}"); query != "" {
		address += "?" + query
	}
	status := http.StatusFound
	if to.Status == "HTTP_301" {
		status = http.StatusMovedPermanently
	}
	w.Header().Set("Location", address)
	own(w, status, "text/html", page(status))
}

// page is what the load balancer shows with a status of its own.
func page(status int) string {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return "<html>\n<head><title>" + title + "</title></head>\n<body>\n<center><h1>" + title + "</h1></center>\n</body>\n</html>\n"
}

// own answers for the load balancer itself.
func own(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Server", "awselb/2.0")
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // The client may have hung up.
}
