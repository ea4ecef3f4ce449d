package emulator

import (
	"os"
	"slices"
	"testing"
)

func TestNothingOfTheUsersOwnAccountIsPassedOn(t *testing.T) {
	given := []string{"HOME=/home/user", "AWS_PROFILE=production", "AWS_SESSION_TOKEN=secret", "AWS_ENDPOINT_URL=https://elsewhere"}
	got := Environment(given, "http://127.0.0.1:4599")
	for _, variable := range given[1:] {
		if slices.Contains(got, variable) {
			t.Errorf("%s is passed on: a command could reach the user's account", variable)
		}
	}
	for _, want := range []string{"ECS_SAMPLE_APP_LONGEST_WAIT=50ms", "HOME=/home/user", "AWS_ENDPOINT_URL=http://127.0.0.1:4599", "AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if given[1] != "AWS_PROFILE=production" {
		t.Error("the caller's own environment is changed")
	}
}
