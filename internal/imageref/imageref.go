// Package imageref checks references to container images, so that a tag that
// can't be deployed twice with the same result is refused before it is used.
package imageref

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"ecs-sample-app/problem"
)

const (
	wantRepository = "the repository of an image without tag or digest, such as public.ecr.aws/docker/library/httpd"
	wantTag        = "a tag that names one version, such as 2.4.65, a digest (sha256: and 64 hexadecimal digits), or both as TAG@DIGEST"
	// latest names another image each time one is pushed: the task definition
	// stays the same, so nothing new is deployed, and after a restart tasks of
	// one revision may run two versions.
	latest = "latest"
)

var (
	tagForm    = regexp.MustCompile(`^` + reference.TagRegexp.String() + `$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Repository wants a repository, without a tag or a digest.
func Repository(ps *problem.Problems, path, repository string) {
	named, err := reference.ParseNormalizedNamed(repository)
	if err != nil || !reference.IsNameOnly(named) {
		ps.Add(path, repository, wantRepository)
	}
}

// Tag wants a tag that stays, a digest, or both, as TAG@sha256:…; with a digest the tag
// is for people, and may be any.
func Tag(ps *problem.Problems, path, tag string) {
	name, digest, both := strings.Cut(tag, "@")
	if both && tagForm.MatchString(name) && digestForm.MatchString(digest) {
		return
	}
	if tag == latest || !tagForm.MatchString(tag) && !digestForm.MatchString(tag) {
		ps.Add(path, tag, wantTag)
	}
}

// PushTag wants a tag that stays: an image can't be pushed as a digest.
func PushTag(ps *problem.Problems, path, tag string) {
	if tag == latest || !tagForm.MatchString(tag) {
		ps.Add(path, tag, "a tag that names one version, such as 2.4.65")
	}
}

// Image wants a whole reference: a repository, and a tag or a digest.
func Image(ps *problem.Problems, path, image string) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil || reference.IsNameOnly(named) {
		ps.Add(path, image, "an image with a tag or a digest, such as public.ecr.aws/docker/library/httpd:2.4.65")
		return
	}
	if tagged, ok := named.(reference.Tagged); ok {
		Tag(ps, path, tagged.Tag())
	}
}

// Join makes a whole reference of a repository and a tag or digest.
func Join(repository, tag string) string {
	if strings.HasPrefix(tag, "sha256:") {
		return repository + "@" + tag
	}
	return repository + ":" + tag
}

// Port is the port of the registry that an image is pulled from, 0 where its name tells
// none: that of HTTPS.
func Port(image string) int {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return 0
	}
	_, port, _ := strings.Cut(reference.Domain(named), ":")
	number, _ := strconv.Atoi(port) // The grammar of references has digits there, or nothing.
	return number
}
