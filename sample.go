package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"ecs-sample-app/components/task"
	"ecs-sample-app/config"
)

const (
	// samplePort is the port that the image's own configuration listens on.
	samplePort = 80
	// sampleServer is the image's web server.
	sampleServer = "/usr/local/apache2"
	// sampleMemory is a folder in memory that every user may write to, in every
	// container.
	sampleMemory = "/dev/shm"
)

//go:embed app/index.html
var samplePage string

var sampleTemplate = template.Must(template.New("index.html").Parse(samplePage))

// sample is what the command of the container that runs the sample depends on.
type sample struct {
	version        string
	port           int
	server, memory string // folders of the container
	// confined tells that the container may write to memory only.
	confined bool
}

// sampleOf is the sample of a service.
func sampleOf(s *config.Service) sample {
	return sample{
		version: s.ImageTag, port: s.ContainerPort, server: sampleServer, memory: sampleMemory,
		confined: s.ReadonlyRootFilesystem || !task.RunsAsRoot(s.Task.User),
	}
}

// command is the entry point and the command of the container: a shell that writes the
// page, with the version, into the folder, then execs the web server, so ECS's stop
// signal reaches the server and not the shell.
//
// A confined server has its page in memory, and a copy of its configuration that leads
// there. Its port is changed in the copy: the command line can add one that is listened
// on, and not take one away.
func (s sample) command() (entryPoint, command []string) {
	var page strings.Builder
	// A template that was parsed writes a string to memory without fail.
	_ = sampleTemplate.Execute(&page, struct{ Version string }{s.version})
	// A browser asks again after a new version, and connections are kept longer than the
	// load balancer keeps them, 60 seconds: one that the server closes first loses the
	// request that is on its way
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues).
	htdocs, folder, server := s.server+"/htdocs", "", "exec httpd-foreground -c 'Header set Cache-Control no-cache' -c 'KeepAliveTimeout 65'"
	switch {
	case s.confined:
		from := htdocs
		htdocs = s.memory + "/htdocs" // The copy of the configuration is nobody's business.
		folder = "mkdir -p " + htdocs + " && "
		server = fmt.Sprintf("sed -e 's#^Listen .*#Listen %d#' -e 's#\"%s\"#\"%s\"#' %s/conf/httpd.conf > %s/httpd.conf && %s -f %s/httpd.conf -c 'PidFile %s/httpd.pid'",
			s.port, from, htdocs, s.server, s.memory, server, s.memory, s.memory)
	case s.port != samplePort:
		server += fmt.Sprintf(" -c 'Listen %d'", s.port)
	}
	return []string{"sh", "-c"}, []string{fmt.Sprintf("%scat > %s/index.html <<'PAGE' && %s\n%sPAGE\n", folder, htdocs, server, page.String())}
}
