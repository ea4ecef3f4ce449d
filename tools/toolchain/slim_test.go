package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// upstream is a Terraform AWS provider in small: two services to keep or leave out,
// and one that another imports.
var upstream = map[string]string{
	"go.mod": "module github.com/hashicorp/terraform-provider-aws\n",
	"xpprovider/x.go": `package xpprovider

import _ "github.com/hashicorp/terraform-provider-aws/internal/provider"
`,
	"internal/provider/service_packages_gen.go": `package provider

import (
	"context"

	"github.com/hashicorp/terraform-provider-aws/internal/conns"
	"github.com/hashicorp/terraform-provider-aws/internal/service/ec2"
	"github.com/hashicorp/terraform-provider-aws/internal/service/ecs"
)

func servicePackages(ctx context.Context) []conns.ServicePackage {
	v := []conns.ServicePackage{
		ec2.ServicePackage(ctx),
		ecs.ServicePackage(ctx),
	}
	return v
}
`,
	"internal/conns/conns.go": "package conns\n\ntype AWSClient struct{}\n",
	"internal/conns/awsclient_gen.go": `package conns

import (
	"context"

	ec2_sdkv2 "example.com/sdk/ec2"
	"example.com/sdk/ecs"
	"example.com/sdk/kms"
)

func (c *AWSClient) EC2Client(ctx context.Context) *ec2_sdkv2.Client { return nil }

func (c *AWSClient) ECSClient(ctx context.Context) *ecs.Client { return nil }

func (c *AWSClient) KMSClient(ctx context.Context) *kms.Client { return nil }
`,
	"internal/service/ec2/ec2.go":      "package ec2\n\nfunc f() { c.EC2Client(ctx) }\n",
	"internal/service/ec2/ec2_test.go": "package ec2\n\nimport _ \"github.com/hashicorp/terraform-provider-aws/internal/acctest\"\n",
	"internal/service/ecs/ecs.go": `package ecs

import _ "github.com/hashicorp/terraform-provider-aws/internal/service/kms"

func f() { c.ECSClient(ctx) }
`,
	"internal/service/ecs/cluster.go": `package ecs

import "time"

func wait(opts tfresource.WaitOpts) {
	stateConf := &retry.StateChangeConf{
		Target:  []string{"ACTIVE"},
		Timeout: 10 * time.Minute,
		Delay:   10 * time.Second, // The first look.
	}
	other := retry.StateChangeConf{MinTimeout: opts.MinTimeout, PollInterval: time.Second}
	input := &ecs.CreateClusterInput{Delay: 5}
}
`,
	"internal/service/kms/kms.go":   "package kms\n\nfunc f() { c.KMSClient(ctx) }\n",
	"internal/service/kms/data.hcl": "embedded = true\n",
	"internal/acctest/a.go":         "package acctest\n",
	"website/docs/ecs.md":           "# ECS\n",
}

func TestOnlyTheServicesAskedForAndTheirImportsAreCopied(t *testing.T) {
	ecs := slimmed(t, upstream, "ecs")
	for _, file := range []string{"go.mod", "xpprovider/x.go", "internal/conns/conns.go", "internal/service/ecs/ecs.go", "internal/service/kms/kms.go", "internal/service/kms/data.hcl"} {
		if _, ok := ecs[file]; !ok {
			t.Errorf("%s is missing: the copy would not build", file)
		}
	}
	for _, file := range []string{"internal/service/ec2/ec2.go", "internal/service/ec2/ec2_test.go", "internal/acctest/a.go", "website/docs/ecs.md"} {
		if _, ok := ecs[file]; ok {
			t.Errorf("%s is in the copy, and nothing needs it", file)
		}
	}
	lacks(t, ecs[servicesFile], "ec2")
	has(t, ecs[servicesFile], "ecs.ServicePackage(ctx)", "internal/conns\"")
	has(t, ecs[clientsFile], "ECSClient", "KMSClient", `"example.com/sdk/kms"`)
	lacks(t, ecs[clientsFile], "EC2Client", "ec2_sdkv2")
}

func TestOnlyTheClientsThatAreCalledAreKept(t *testing.T) {
	ec2 := slimmed(t, upstream, "ec2")
	lacks(t, ec2[clientsFile], "KMSClient", "ECSClient")
}

func TestAnUnknownServiceIsNamedWithWhereToMendIt(t *testing.T) {
	err := slim(tree(t, upstream), t.TempDir(), []string{"ecs", "esc"})
	if err == nil || !strings.Contains(err.Error(), `"esc"`) || !strings.Contains(err.Error(), "services.txt") {
		t.Errorf("got %v", err)
	}
}

func TestAServiceThatTheRegistryDoesNotListIsReported(t *testing.T) {
	err := slim(tree(t, upstream), t.TempDir(), []string{"ecs", "kms"})
	if err == nil || !strings.Contains(err.Error(), "1 of the 2 services") {
		t.Errorf("got %v: a provider without the service would be built", err)
	}
}

func TestTheListOfServicesHasComments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services.txt")
	writeFile(t, file, "# all of them\n\nec2 # network\n  ecs\n", 0o600)
	got, err := listed(file)
	if err != nil || strings.Join(got, ",") != "ec2,ecs" {
		t.Errorf("got %v, %v", got, err)
	}
}

// slimmed slims a tree and returns the copy's files.
func slimmed(t *testing.T, files map[string]string, services ...string) map[string]string {
	t.Helper()
	dst := t.TempDir()
	if err := slim(tree(t, files), dst, services); err != nil {
		t.Fatal(err)
	}
	copied := map[string]string{}
	err := filepath.WalkDir(dst, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dst, path)
		copied[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// tree writes files and returns the folder they are in.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content, 0o600)
	}
	return dir
}

func has(t *testing.T, content string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(content, part) {
			t.Errorf("%q is missing in\n%s", part, content)
		}
	}
}

func lacks(t *testing.T, content string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(content, part) {
			t.Errorf("%q is still in\n%s", part, content)
		}
	}
}
