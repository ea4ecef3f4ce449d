package imageref

import (
	"strings"
	"testing"

	"ecs-sample-app/problem"
)

var digest = "sha256:" + strings.Repeat("0123456789abcdef", 4)

func TestOnlyWhatNamesOneVersionIsATag(t *testing.T) {
	t.Parallel()
	for tag, fits := range map[string]bool{
		"1": true, "2.4.65": true, "v1_a-B": true, digest: true,
		"latest": false, "": false, "1 2": false, "a:b": false, "a@b": false, "-1": false, digest[:70]: false,
	} {
		var ps problem.Problems
		Tag(&ps, "tag", tag)
		if (len(ps) == 0) != fits {
			t.Errorf("whether %q is a tag: %v, want %v", tag, ps, fits)
		}
	}
}

func TestADigestCannotBePushedAs(t *testing.T) {
	t.Parallel()
	var ps problem.Problems
	PushTag(&ps, "tag", digest)
	if len(ps) != 1 {
		t.Error("a digest passes for a tag, and the push fails after the repository was made")
	}
}

func TestThePortOfARegistryIsToldFromTheImage(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]int{
		"httpd": 0, "team/app": 0, "public.ecr.aws/docker/library/httpd": 0, "registry.example.com:5000/team/app": 5000,
	} {
		if got := Port(image); got != want {
			t.Errorf("%s is pulled from port %d, not %d", image, got, want)
		}
	}
}

// FuzzJoin wants what passes as repository and tag to make a whole image.
func FuzzJoin(f *testing.F) {
	f.Add("httpd", "2.4")
	f.Add("public.ecr.aws/docker/library/httpd", digest)
	f.Add("localhost:5000/a/b", "1")
	f.Add("a@b", "latest")
	f.Fuzz(func(t *testing.T, repository, tag string) {
		var parts, whole problem.Problems
		Repository(&parts, "image", repository)
		Tag(&parts, "tag", tag)
		Image(&whole, "image", Join(repository, tag))
		if len(parts) == 0 && len(whole) > 0 {
			t.Errorf("%q and %q pass, and together they are no image: %v", repository, tag, whole)
		}
	})
}
