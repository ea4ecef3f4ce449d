package balancer

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

const (
	arn   = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/0"
	web   = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0"
	other = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/other/0"
)

// world is a load balancer with rules that a test writes as the API has them.
type world struct {
	t     *testing.T
	b     *Balancer
	rules string // each a member
	delay int

	secure string // the rules of the listener for HTTPS, if there is one
	url    string
	asked  atomic.Int32
	going  atomic.Int32 // how often a listener is gone between two answers
}

func newWorld(t *testing.T, rules ...string) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, rules: strings.Join(rules, "")}
	w.b = New(w.ask, "")
	port, err := w.b.Open(arn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.b.CloseAll(); err != nil {
			t.Error(err)
		}
	})
	w.url = "http://127.0.0.1:" + port
	return w
}

func (w *world) ask(_ string, question url.Values, answer any) error {
	w.asked.Add(1)
	var text string
	switch question.Get("Action") {
	case "DescribeListeners":
		text = "<A><DescribeListenersResult><Listeners><member><ListenerArn>l</ListenerArn><Protocol>HTTP</Protocol><Port>80</Port></member>"
		if w.secure != "" {
			text += "<member><ListenerArn>s</ListenerArn><Protocol>HTTPS</Protocol><Port>443</Port></member>"
		}
		text += "</Listeners></DescribeListenersResult></A>"
	case "DescribeRules":
		if w.going.Add(-1) >= 0 {
			return errors.New("ListenerNotFound")
		}
		listed := map[string]string{"l": w.rules, "s": w.secure}[question.Get("ListenerArn")]
		text = "<A><DescribeRulesResult><Rules>" + listed + "</Rules></DescribeRulesResult></A>"
	case "DescribeTargetGroups":
		const more = "</TargetGroupArn><HealthCheckPath>/health</HealthCheckPath><HealthCheckIntervalSeconds>1</HealthCheckIntervalSeconds>" +
			"<HealthCheckTimeoutSeconds>1</HealthCheckTimeoutSeconds><HealthyThresholdCount>2</HealthyThresholdCount><UnhealthyThresholdCount>1</UnhealthyThresholdCount>" +
			"<Matcher><HttpCode>200</HttpCode></Matcher></member>"
		text = "<A><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>" + web + more + "<member><TargetGroupArn>" + other + more +
			"</TargetGroups></DescribeTargetGroupsResult></A>"
	case "DescribeTargetGroupAttributes":
		text = fmt.Sprintf("<A><DescribeTargetGroupAttributesResult><Attributes><member><Key>deregistration_delay.timeout_seconds</Key><Value>%d</Value></member></Attributes></DescribeTargetGroupAttributesResult></A>", w.delay)
	default:
		return errors.New("the balancer asks for " + question.Encode())
	}
	return xml.Unmarshal([]byte(text), answer)
}

func rules(priority, conditions, actions string) string {
	return "<member><Priority>" + priority + "</Priority><Conditions>" + conditions + "</Conditions><Actions>" + actions + "</Actions></member>"
}

func when(field, config, value string) string {
	return "<member><Field>" + field + "</Field><" + config + "><Values><member>" + value + "</member></Values></" + config + "></member>"
}

func forwardTo(group string) string {
	return "<member><Type>forward</Type><TargetGroupArn>" + group + "</TargetGroupArn></member>"
}

func say(status int, body string) string {
	return fmt.Sprintf("<member><Type>fixed-response</Type><FixedResponseConfig><StatusCode>%d</StatusCode><MessageBody>%s</MessageBody><ContentType>text/plain</ContentType></FixedResponseConfig></member>", status, body)
}

// serve registers a server as a target and returns it.
func (w *world) serve(group string, handler http.HandlerFunc) scheduler.Target {
	w.t.Helper()
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	target := scheduler.Target{Group: group, IP: "10.0.0.1", Port: 80, Address: strings.TrimPrefix(server.URL, "http://")}
	w.b.Register(target)
	return target
}

func (w *world) await(target scheduler.Target, state string) scheduler.Health {
	w.t.Helper()
	for range 500 {
		if h := w.b.Health(target); h.State == state {
			return h
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the target is %+v, and not %s", w.b.Health(target), state)
	return scheduler.Health{}
}

// get asks the load balancer and returns the status and the answer, or where it sends.
func (w *world) get(path string, headers ...string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if to := response.Header.Get("Location"); to != "" {
		return response.StatusCode, to
	}
	return response.StatusCode, string(body)
}

func TestARequestNeverMeetsHalfAConfiguration(t *testing.T) {
	w := newWorld(t, rules("default", "", say(404, "none")))
	w.going.Store(1)
	w.b.Changed()
	response, err := http.Get(w.url)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("while a listener goes a request is answered with %d", response.StatusCode)
	}
}

func TestRulesAreTriedByPriorityAndTheDefaultOneLast(t *testing.T) {
	w := newWorld(
		t,
		rules("default", "", say(404, "nobody")),
		rules("30", when("path-pattern", "PathPatternConfig", "/a*"), say(200, "path")),
		rules("9", when("host-header", "HostHeaderConfig", "*.Example.com"), say(200, "host")),
		rules("40", when("source-ip", "SourceIpConfig", "127.0.0.0/8")+when("path-pattern", "PathPatternConfig", "/c"), say(200, "source")),
		rules("41", when("source-ip", "SourceIpConfig", "192.0.2.1/32"), say(200, "elsewhere")),
	)
	for _, tt := range []struct {
		path, want string
		headers    []string
	}{
		{path: "/", want: "nobody"},
		{path: "/abc", want: "path"},
		{path: "/c", want: "source"},
		{path: "/abc", want: "host", headers: []string{"Host", "A.example.com:80"}},
		{path: "/", want: "nobody", headers: []string{"X-Forwarded-For", "192.0.2.1"}},
	} {
		if _, got := w.get(tt.path, tt.headers...); got != tt.want {
			t.Errorf("%s with %v is answered by the rule %q, not %q", tt.path, tt.headers, got, tt.want)
		}
	}
}

func TestRulesAreAskedForOnlyWhenTheyHaveChanged(t *testing.T) {
	w := newWorld(t, rules("default", "", say(200, "before")))
	for range 3 {
		w.get("/")
	}
	before := w.asked.Load()
	w.rules = rules("default", "", say(200, "after"))
	w.get("/")
	if w.asked.Load() != before {
		t.Error("each request asks for the rules")
	}
	w.b.Changed()
	if _, got := w.get("/"); got != "after" {
		t.Errorf("after a change the answer is %q", got)
	}
}

func TestARedirectKeepsWhatItDoesNotName(t *testing.T) {
	redirect := func(config, status string) string {
		return "<member><Type>redirect</Type><RedirectConfig>" + config + "<StatusCode>" + status + "</StatusCode></RedirectConfig></member>"
	}
	w := newWorld(
		t,
		rules("1", when("path-pattern", "PathPatternConfig", "/tls"), redirect("<Protocol>HTTPS</Protocol><Port>443</Port>", "HTTP_301")),
		rules("2", when("path-pattern", "PathPatternConfig", "/x"), redirect("<Host>www.example.com</Host><Path>/y/#{path}</Path><Query>a=1</Query>", "HTTP_302")),
	)
	port := w.url[strings.LastIndex(w.url, ":"):]
	if status, to := w.get("/tls?q=1"); status != 301 || to != "https://127.0.0.1"+port+"/tls?q=1" {
		t.Errorf("got %d %s", status, to)
	}
	if status, to := w.get("/x?q=1"); status != 302 || to != "http://www.example.com/y/x?a=1" {
		t.Errorf("got %d %s", status, to)
	}
}

func TestRequestsGoToHealthyTargetsInTurn(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	if status, body := w.get("/"); status != 503 || !strings.Contains(body, "503 Service") {
		t.Errorf("without a target: %d %s", status, body)
	}
	w.await(w.serve(web, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a") }), "healthy")
	w.await(w.serve(web, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "b") }), "healthy")
	sick := w.serve(web, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	health := w.await(sick, "unhealthy")
	if health.Reason != "Target.ResponseCodeMismatch" || health.Description != "Health checks failed with these codes: [418]" {
		t.Errorf("the sick target is %+v", health)
	}
	counts := map[string]int{}
	for range 20 {
		_, body := w.get("/")
		counts[body]++
	}
	if counts["a"] != 10 || counts["b"] != 10 {
		t.Errorf("the requests went to %v", counts)
	}
}

func TestWithoutAHealthyTargetAllGetRequests(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	w.await(w.serve(web, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), "unhealthy")
	if status, _ := w.get("/"); status != http.StatusTeapot {
		t.Errorf("the load balancer answers itself, with %d", status)
	}
}

func TestATargetThatLeavesFinishesItsRequests(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	w.delay = 1
	asked, answer := make(chan bool), make(chan bool)
	slow := w.serve(web, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			asked <- true
			<-answer
		}
		_, _ = io.WriteString(w, "old")
	})
	w.await(slow, "healthy")
	got := make(chan string)
	go func() { _, body := w.get("/slow"); got <- body }()
	<-asked
	w.b.Deregister(slow)
	if state := w.b.Health(slow).State; state != "draining" {
		t.Errorf("it is %s", state)
	}
	if status, _ := w.get("/"); status != 503 {
		t.Errorf("it gets another request, and answers with %d", status)
	}
	answer <- true
	if body := <-got; body != "old" {
		t.Errorf("the request on its way gets %q", body)
	}
	w.await(slow, "")
}

func TestWeightsShareRequestsBetweenGroups(t *testing.T) {
	w := newWorld(t, rules("default", "", "<member><Type>forward</Type><ForwardConfig><TargetGroups>"+
		"<member><TargetGroupArn>"+web+"</TargetGroupArn><Weight>9</Weight></member><member><TargetGroupArn>"+other+"</TargetGroupArn><Weight>1</Weight></member></TargetGroups></ForwardConfig></member>"))
	w.await(w.serve(web, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "web") }), "healthy")
	w.await(w.serve(other, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }), "healthy")
	counts := map[string]int{}
	for range 500 {
		_, body := w.get("/")
		counts[body]++
	}
	if counts["other"] < 20 || counts["other"] > 100 || counts["web"]+counts["other"] != 500 {
		t.Errorf("of 500 requests at 9 to 1 the groups get %v", counts)
	}
}

func TestAGroupThatGetsNoRequestsIsNotChecked(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	unused := w.serve(other, func(http.ResponseWriter, *http.Request) {})
	w.await(unused, "unused")
	w.rules = rules("default", "", forwardTo(other))
	w.b.Changed()
	w.await(unused, "healthy")
}

func TestATargetThatBreaksOffIs502AndOneThatIsSilentIs504(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	w.b.proxy.Transport.(*http.Transport).ResponseHeaderTimeout = 50 * time.Millisecond
	w.await(w.serve(web, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			panic(http.ErrAbortHandler)
		case "/silent":
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, "fine")
	}), "healthy")
	if status, body := w.get("/gone"); status != 502 || !strings.Contains(body, "502 Bad Gateway") {
		t.Errorf("got %d %s", status, body)
	}
	if status, body := w.get("/silent"); status != 504 || !strings.Contains(body, "504 Gateway Time") {
		t.Errorf("got %d %s", status, body)
	}
}

func TestTheTargetIsToldOfTheClient(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	w.await(w.serve(web, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		_, _ = fmt.Fprint(w, r.Host, "|", h.Get("X-Forwarded-For"), "|", h.Get("X-Forwarded-Proto"), "|", h.Get("X-Forwarded-Port"), "|", h.Get("X-Amzn-Trace-Id") != "")
	}), "healthy")
	port := w.url[strings.LastIndex(w.url, ":")+1:]
	if _, got := w.get("/", "Host", "example.com", "X-Forwarded-For", "192.0.2.7"); got != "example.com|192.0.2.7, 127.0.0.1|http|"+port+"|true" {
		t.Errorf("it hears %s", got)
	}
}

func TestAWebSocketPassesThrough(t *testing.T) {
	w := newWorld(t, rules("default", "", forwardTo(web)))
	w.await(w.serve(web, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			return
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // the test is over
		line, _ := buffer.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
	}), "healthy")
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil) //nolint:bodyclose // it has none
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", response, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := reader.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestWhereNoTaskRunsThePageSaysWhy(t *testing.T) {
	b := New(func(string, url.Values, any) error { return errors.New("nobody should ask") }, "no engine")
	port, err := b.Open(arn)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, url: "http://127.0.0.1:" + port}
	if status, body := w.get("/any"); status != 503 || body != "no engine" {
		t.Errorf("got %d %s", status, body)
	}
	again, err := b.Open(arn)
	if err != nil || again != port {
		t.Errorf("the load balancer moves from port %s to %s, %v", port, again, err)
	}
	if err := b.Close(arn); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(w.url); err == nil { //nolint:bodyclose // there is none
		t.Error("a deleted load balancer answers")
	}
}

func TestStatusCodesAreThoseOfTheGroup(t *testing.T) {
	for codes, want := range map[string]bool{"": true, "200": true, "200-299": true, "301, 200": true, "404": false, "300-399": false, "x": false} {
		if got := allowed(codes, 200); got != want {
			t.Errorf("%q lets 200 pass: %t", codes, got)
		}
	}
}

func TestStarsAndQuestionMarks(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"/*", "/a/b", true},
		{"/*", "", false},
		{"*", "", true},
		{"/a?c", "/abc", true},
		{"/a?c", "/ac", false},
		{"*.example.com", "a.b.example.com", true},
		{"*a*b*", "xaxbx", true},
		{"*a*b", "xaxbx", false},
		{"/img/*/x", "/img/1/2/x", true},
	} {
		if got := glob(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%s is of the pattern %s: %t", tt.text, tt.pattern, got)
		}
	}
}
