package cluster

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := New(ctx, "fleet", args)
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(Args{}), "fleet-capacity-providers", "fleet-cluster")
}

func TestContainerInsightsAreWhatWasChosenAndOffByDefault(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for chosen, want := range map[ContainerInsights]string{
			"": "disabled", InsightsDisabled: "disabled", InsightsEnabled: "enabled", InsightsEnhanced: "enhanced",
		} {
			record := infratest.MustRun(t, makes(Args{ContainerInsights: chosen}), world)
			setting := record.Get("fleet-cluster").Inputs["settings"].ArrayValue()[0].ObjectValue()
			if got := setting["value"].StringValue(); got != want {
				t.Errorf("%q was chosen and Container Insights is %s, which is billed otherwise", chosen, got)
			}
		}
	})
}

func TestTheClusterIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "fleet", Args{}, given)
			return err
		}
	})
}

func TestBadArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	record, err := infratest.Run(t, makes(Args{ContainerInsights: "on"}), infratest.Options{})
	if err == nil || !strings.Contains(err.Error(), `containerInsights: got "on", want disabled, enabled or enhanced`) {
		t.Errorf("the error does not say what there is to choose: %v", err)
	}
	if len(record.Resources) > 0 {
		t.Errorf("%v were registered all the same", record.Names())
	}
}
