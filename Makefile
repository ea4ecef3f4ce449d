# `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help up preview diff destroy logs down pulumi toolchain test test-all test-provider fuzz mutants bench acceptance lint vet fmt module check

# Arguments for Pulumi: make up ARGS=--diff, make pulumi ARGS="stack output url".
ARGS ?=

# Modules that are linted and vetted. The AWS provider, tools/toolchain/pulumi-resource-aws,
# is not among them: outside its slim copy all of AWS would be compiled first. It
# has its own target, test-provider.
MODULES := . tools tools/toolchain/pulumi-language-go e2e

# A linter, by the module that pins its version. Go keeps it once it is built.
linter = go tool -modfile="$(CURDIR)/tools/lint/$(1)/go.mod" $(1)

# What `make diff` compares the working tree with, and whose configuration it takes.
BASE ?= origin/main
STACK ?= dev

# The program behind the local stack. Built, not `go run`, for Pulumi's exit code.
LOCAL := .local/local

# The one behind `make diff`.
DIFF := .local/diff

# The one that runs the tests, and the one lifecycle test that `make test` has.
TESTS := .local/tests
LIFE := TestAStackLivesFromTheFirstUpToAnEmptyAccount

# Runs a build. What Go downloads is of interest to nobody; why a build fails is.
quietly = out=$$($(1) 2>&1) || { printf '%s\n' "$$out" | grep -v '^go: downloading ' >&2; exit 1; }

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(LOCAL) ## deploy to an AWS emulator on this machine, no account needed
	@$(LOCAL) up $(ARGS)

preview: $(LOCAL) ## show what `make up` would change
	@$(LOCAL) preview $(ARGS)

diff: $(DIFF) ## show what this tree changes against BASE, in Markdown; .local/diff exits with 0 same, 2 change, 3 danger
	@$(DIFF) -base "$(BASE)" -stack "$(STACK)" || test $$? -ne 1

destroy: $(LOCAL) ## delete what `make up` made
	@$(LOCAL) destroy $(ARGS)

logs: $(LOCAL) ## print what the tasks have logged
	@$(LOCAL) logs

down: $(LOCAL) ## stop the emulator
	@$(LOCAL) down

pulumi: $(LOCAL) ## run Pulumi on the local stack: make pulumi ARGS="stack output"
	@$(LOCAL) pulumi $(ARGS)

toolchain: $(LOCAL) ## build what is missing of the tool chain
	@$(LOCAL) toolchain

$(LOCAL) $(DIFF) $(TESTS): $(filter-out %_test.go,$(wildcard tools/go.mod tools/*/*.go tools/*/*.txt tools/*/*/*.go))
	@mkdir -p $(@D)
	@cd tools && $(call quietly,go build -o ../$@ ./cmd/$(@F))

test: $(LOCAL) $(TESTS) ## run the tests of the program and of the tools, and one whole life of a stack
	@$(LOCAL) ready
	@$(TESTS) "e2e -run ^$(LIFE)$$ ." $(filter-out e2e,$(MODULES))

test-all: $(LOCAL) $(TESTS) ## run all tests, and show the slowest
	@$(LOCAL) ready
	@$(TESTS) -slowest 10 "e2e -timeout 50m ./..." $(filter-out e2e,$(MODULES))

test-provider: $(LOCAL) ## vet and test what the AWS provider maps, after `make toolchain`
	@$(LOCAL) provider vet
	@$(LOCAL) provider test

fuzz: ## fuzz the configuration for half a minute
	go test -run '^$$' -fuzz '^FuzzConfig$$' -fuzztime 30s .

mutants: ## break the program in one place at a time, and want a test to notice: make mutants ONLY=components/route
	@cd tools && go run ./cmd/mutants -only "$(ONLY)"

bench: ## measure previews and updates
	cd e2e && go run ./bench

# AWS_REGION and credentials come from the environment. Without ACCOUNT it says so.
acceptance: ## try on a real account what no emulator can prove: make acceptance ACCOUNT=123456789012
	@cd e2e && go run ./acceptance $(if $(ACCOUNT),-account "$(ACCOUNT)") $(if $(DOMAIN),-domain "$(DOMAIN)") $(ARGS)

# actionlint runs shellcheck on the shell inside the workflows where it finds it.
.PHONY: lint-workflows
lint-workflows: ## lint the workflows of CI and their scripts
	@echo "lint .github" && $(call linter,actionlint)
	@if command -v shellcheck > /dev/null; then shellcheck .github/scripts/*.sh .ci/run e2e/httpd/image.sh; \
	else echo "shellcheck is not installed, so the shell in .github is not checked (apt-get install shellcheck)"; fi

lint: lint-workflows ## lint, with the linters of .golangci.yml
	@for m in $(MODULES); do echo "lint $$m" && (cd $$m && $(call linter,golangci-lint) run --config "$(CURDIR)/.golangci.yml" ./...) || exit 1; done

vet: ## find what the compiler lets pass
	@for m in $(MODULES); do echo "vet $$m" && (cd $$m && $(call quietly,go vet ./...)) || exit 1; done

fmt: ## format the code
	@$(call linter,golangci-lint) fmt --config .golangci.yml

# Renamed are imports, go.mod files and the formatter's settings. The Pulumi project, its
# config keys and its resources' types keep their names: stacks depend on them.
module: ## give the Go module another name: make module NAME=github.com/you/ecs-sample-app
	@test -n "$(NAME)" || { echo "the name is missing: make module NAME=github.com/you/ecs-sample-app" >&2; exit 2; }
	@OLD=$$(go list -m) && export OLD NAME="$(NAME)" && go mod edit -module "$$NAME" && \
	files() { git ls-files -z --cached --others --exclude-standard "$$@"; } && \
	files '*.go' '*.md' | xargs -0 perl -pi -e 's{"\Q$$ENV{OLD}\E(?=/)}{"$$ENV{NAME}}g' && \
	files '*go.mod' | xargs -0 perl -pi -e 's{(^|\s)\Q$$ENV{OLD}\E(?=[/\s])}{$$1$$ENV{NAME}}g' && \
	perl -pi -e 's{\b\Q$$ENV{OLD}\E$$}{$$ENV{NAME}}' .golangci.yml

check: lint vet test-all test-provider ## everything that CI runs
