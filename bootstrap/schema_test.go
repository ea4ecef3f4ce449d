package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/stackconfig"
)

func TestTheSchemaAndTheProgramAndTheReadmeAgree(t *testing.T) {
	t.Parallel()
	// Not loadConfig: the repository has no default, so the defaults alone are refused.
	infratest.WantDocumented(t, func(ctx *pulumi.Context) (*Config, []string, error) {
		cfg, r := defaultConfig(), stackconfig.NewReader(ctx)
		cfg.read(r)
		return cfg, r.Keys(), r.Err(nil)
	})
}
