// Command pulumi-resource-aws is the part of the Pulumi AWS provider that this
// repository's program uses.
//
// It exists for machines that reach a Go module proxy and nothing else: there the
// released provider cannot be downloaded, and building all of it takes 20 minutes
// and 7 GB. Where the Pulumi CLI is installed, the released provider is used and
// this one is not built. It takes the same inputs, returns the same outputs and
// names things the same way; the tests in this folder compare it with the Go SDK.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-provider-aws/xpprovider"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
)

// version is the one of the pulumi-aws SDK in the repository's go.mod, which the
// build sets. The engine refuses to pair a program with a provider that says it is
// older than the program's SDK.
var version = "0.0.0-dev"

func main() {
	ctx := context.Background()
	info, err := provider(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-aws:", err)
		os.Exit(1)
	}
	// The schema of a package is for code generators and `pulumi package`. A program
	// in Go is compiled against the SDK, and nothing asks for it when it runs.
	schema := fmt.Sprintf(`{"name":"aws","version":%q}`, version)
	pf.MainWithMuxer(ctx, info.Name, *info, []byte(schema))
}

// provider joins the Terraform AWS provider and the mapping.
//
// The Terraform provider is two in one: most resources are served by its older
// framework, a few, such as the security group rules, by its newer one. The bridge
// dispatches between them by a table that Pulumi's own providers compute when they
// are built. Here it is computed at the start, which takes no time for a mapping
// of this size and leaves nothing to generate.
func provider(ctx context.Context) (*tfbridge.ProviderInfo, error) {
	framework, sdk, err := xpprovider.GetProvider(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the Terraform AWS provider: %w", err)
	}
	shim := pf.MuxShimWithPF(ctx, shimv2.NewProvider(sdk, shimv2.WithDiffStrategy(shimv2.PlanState)), framework)
	info := &tfbridge.ProviderInfo{
		P:            shim,
		Name:         "aws",
		Version:      version,
		Config:       config(),
		Resources:    resources(),
		DataSources:  functions(),
		MetadataInfo: tfbridge.NewProviderMetadata(nil),

		// What the older half accepts is valid: both read the same configuration,
		// and the newer half would refuse what it does not know as set.
		SkipValidateProviderConfigForPluginFramework: true,
	}
	if err := served(info); err != nil {
		return nil, err
	}
	nameResources(info)

	// The type that has this method is internal to the bridge.
	dispatcher, ok := shim.(interface {
		ResolveDispatch(*tfbridge.ProviderInfo) (muxer.DispatchTable, error)
	})
	if !ok {
		return nil, fmt.Errorf("the bridge's %T has no ResolveDispatch any more; see MainWithMuxer in the bridge for its successor", shim)
	}
	dispatch, err := dispatcher.ResolveDispatch(info)
	if err != nil {
		return nil, fmt.Errorf("find out which half serves which resource: %w", err)
	}
	if err := metadata.Set(info.GetMetadata(), "mux", dispatch); err != nil {
		return nil, fmt.Errorf("store the dispatch table: %w", err)
	}
	return info, nil
}
