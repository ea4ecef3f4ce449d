package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/pages"
)

// otherYAML are the blocks of YAML that are no stack's config, by page and heading.
var otherYAML = map[string]string{"docs/ci.md": "GitLab"}

// TestTheYAMLOfThePagesIsAcceptedInAStack gives the program what people copy into the
// file of a stack. It sets a variable, so it can't run beside others.
func TestTheYAMLOfThePagesIsAcceptedInAStack(t *testing.T) {
	all, err := pages.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	stacks := 0
	for _, page := range all {
		for _, block := range page.Examples {
			if block.Language != "yaml" {
				continue
			}
			var content map[string]any
			if err := yaml.Unmarshal([]byte(block.Text), &content); err != nil {
				t.Errorf("%s: whoever copies this YAML gets an error with every command: %v", block.Where, err)
				continue
			}
			if otherYAML[page.File] == block.Section {
				wantFiles(t, block)
				continue
			}
			stacks++
			wantAccepted(t, block.Where, content)
		}
	}
	const least = 2
	if stacks < least {
		t.Errorf("only %d blocks are a stack's config: the test sees too little", stacks)
	}
}

// wantAccepted wants the program to take a block that is a stack's file, or a part of
// one.
func wantAccepted(t *testing.T, where string, content map[string]any) {
	t.Helper()
	if whole, ok := content["config"].(map[string]any); ok && len(content) == 1 {
		content = whole
	}
	config := map[string]string{}
	for key, value := range content {
		if !strings.HasPrefix(key, infratest.Project+":") && !strings.HasPrefix(key, "aws:") {
			t.Errorf("%s: %s is no key of a stack's config", where, key)
		}
		config[key] = infratest.ConfigText(t, value)
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(pulumi.EnvConfig, string(text)) // In which the program finds keys that nothing reads.
	for _, mode := range []infratest.Mode{infratest.Update, infratest.Preview} {
		record, err := infratest.Run(t, program, infratest.Options{Config: config, Mode: mode})
		if err != nil {
			t.Errorf("%s: what people copy into a stack's file is refused: %v", where, err)
		} else if len(record.Resources) == 0 {
			t.Errorf("%s: nothing is registered, so nothing was tested", where)
		}
	}
}

// ownFile is a file of the repository that a block names.
var ownFile = regexp.MustCompile(`(?:\.github|tools)/[\w./-]+`)

// wantFiles wants the files that a block names to be there.
func wantFiles(t *testing.T, block pages.Example) {
	t.Helper()
	files := ownFile.FindAllString(block.Text, -1)
	if len(files) == 0 {
		t.Errorf("%s names no file of the repository: the test sees nothing", block.Where)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s names %s, which is not there", block.Where, file)
		}
	}
}
