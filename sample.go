package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

const (
	// sampleImage is the web server that serves the sample page, from Amazon's
	// public registry, which does not limit anonymous pulls as Docker Hub does.
	sampleImage = "public.ecr.aws/docker/library/httpd"
	// sampleHtdocs is the folder that the image serves.
	sampleHtdocs = "/usr/local/apache2/htdocs"
	// samplePort is the port that the image's own configuration listens on.
	samplePort = 80
)

//go:embed app/index.html
var samplePage string

var sampleTemplate = template.Must(template.New("index.html").Parse(samplePage))

// sampleCommand is what the container runs with `sh -c`: it writes the page,
// with the version, into the folder and becomes the web server, which so gets
// the signals that ECS sends.
func sampleCommand(version, htdocs string, port int) string {
	var page strings.Builder
	// A template that was parsed writes a string to memory without fail.
	_ = sampleTemplate.Execute(&page, struct{ Version string }{version})
	server := "exec httpd-foreground"
	if port != samplePort {
		server += fmt.Sprintf(" -c 'Listen %d'", port)
	}
	return fmt.Sprintf("cat > %s/index.html <<'PAGE' && %s\n%sPAGE\n", htdocs, server, page.String())
}
