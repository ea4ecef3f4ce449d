package account

import (
	"os"
	"strings"
	"testing"
)

func TestEveryTypeThatTheProgramMakesIsLookedFor(t *testing.T) {
	t.Parallel()
	// The root module's tests write this list, from what the program registers.
	list, err := os.ReadFile("../../testdata/types.golden")
	if err != nil {
		t.Fatal(err)
	}
	types := strings.Fields(string(list))
	if len(types) == 0 {
		t.Fatal("the list of types is empty, so there is nothing to test")
	}
	for _, token := range types {
		// Images are built with Docker, which the sandbox has not.
		if strings.HasPrefix(token, "aws:ecr/") || strings.HasPrefix(token, "docker-build:") {
			continue
		}
		if _, ok := kinds[token]; !ok {
			t.Errorf("kinds in account.go has no %s: a destroy could leave it behind, and no test would see it", token)
		}
	}
	for token, kind := range kinds {
		if kind != part && listings[kind] == nil {
			t.Errorf("nothing lists %s, which %s are: a destroy could leave them behind, and no test would see it", kind, token)
		}
	}
}
