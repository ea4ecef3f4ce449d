package emulator

import (
	"os"
	"slices"
	"strings"

	"ecs-sample-app/tools/toolchain"
)

// LongestWait is the value of toolchain.LongestWait: how long the AWS provider of
// the tool chain waits at most for what the emulator has done at once.
const LongestWait = "50ms"

// Environment returns an environment, as NAME=value, in which programs find the
// emulator at the URL in the place of AWS. Whatever told them how to reach a real
// account is gone, of which a profile, for one, could lead past the emulator.
func Environment(environment []string, url string) []string {
	environment = slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_")
	})
	return append(environment,
		"AWS_ENDPOINT_URL="+url,
		"AWS_ACCESS_KEY_ID=emulator",
		"AWS_SECRET_ACCESS_KEY=emulator",
		"AWS_EC2_METADATA_DISABLED=true",
		// Without the variables the user's files would be read.
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		toolchain.LongestWait+"="+LongestWait,
	)
}
