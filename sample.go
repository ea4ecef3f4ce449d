package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

const (
	// sampleHtdocs is the folder that the image serves.
	sampleHtdocs = "/usr/local/apache2/htdocs"
	// samplePort is the port that the image's own configuration listens on.
	samplePort = 80
)

//go:embed app/index.html
var samplePage string

var sampleTemplate = template.Must(template.New("index.html").Parse(samplePage))

// sampleCommand is the entry point and the command of the container that runs the
// sample: a shell that writes the page, with the version, into the folder, then execs
// the web server, so ECS's stop signal reaches the server and not the shell.
func sampleCommand(version, htdocs string, port int) (entryPoint, command []string) {
	var page strings.Builder
	// A template that was parsed writes a string to memory without fail.
	_ = sampleTemplate.Execute(&page, struct{ Version string }{version})
	// A browser asks again after a new version, and connections are kept longer than the
	// load balancer keeps them, 60 seconds: one that the server closes first loses the
	// request that is on its way
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues).
	server := "exec httpd-foreground -c 'Header set Cache-Control no-cache' -c 'KeepAliveTimeout 65'"
	if port != samplePort {
		server += fmt.Sprintf(" -c 'Listen %d'", port)
	}
	return []string{"sh", "-c"}, []string{fmt.Sprintf("cat > %s/index.html <<'PAGE' && %s\n%sPAGE\n", htdocs, server, page.String())}
}
