# What the README, CI and the docs call. Everything that these targets run beside Go, git, make and a C compiler is pinned
# in a module of its own (hack/tools/*, test/controlplane/kube, test/forge/gitea), fetched or built on first use, and
# cached in your user cache folder under plimsoll/.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

IMG      ?= ghcr.io/plimsoll-dev/plimsoll:v0.1.0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
DOCKER   ?= docker
KUBECTL  ?= kubectl
FUZZTIME ?= 30s
RUN      ?= .

FETCH = go run ./test/controlplane/fetch
# In a recipe: $(call tool,kustomize) is the path of a pinned tool.
tool = "$$($(FETCH) $(1))"
# Integration tests may use controller-runtime's envtest, which looks here and waits this long.
with_assets = KUBEBUILDER_ASSETS=$(call tool,assets) KUBEBUILDER_CONTROLPLANE_START_TIMEOUT=120s

.PHONY: help
help: ## Show the targets.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: ## Start a local cluster with Plimsoll and leave it running.
	go run ./test/demo up

.PHONY: demo-down
demo-down: ## Stop what demo started.
	go run ./test/demo down

##@ Check it

.PHONY: test
test: tools-test tools-forge ## Run all tests: unit, API server, end-to-end. The first run builds a control plane and Gitea: minutes.
	$(with_assets) go test -p 2 -timeout 30m $$(go list ./... | grep -v '/test/')
	$(with_assets) go test -p 1 -timeout 45m ./test/...

.PHONY: e2e
e2e: tools-test tools-forge ## Run end-to-end tests; RUN=<regexp> picks some, such as RUN=Remediation.
	$(with_assets) go test ./test/e2e -count=1 -timeout 45m -v -run '$(RUN)'

.PHONY: race
race: tools-test tools-forge ## Run all tests with the race detector.
	$(with_assets) CGO_ENABLED=1 go test -race -p 1 -timeout 90m ./...

.PHONY: verify
verify: generate manifests fmt vet lint import-order ## Check what is generated, formatting, lint and import directions; the tree has to be clean.
	git diff --exit-code
	@untracked="$$(git ls-files --others --exclude-standard)"; \
	if [[ -n "$$untracked" ]]; then echo "not committed:"; echo "$$untracked"; exit 1; fi

.PHONY: fmt
fmt: ## Format the Go files.
	go fmt ./...

.PHONY: vet
vet: ## Run go vet.
	go vet ./...

.PHONY: lint
lint: ## Run golangci-lint with the Kubernetes API linter.
	$(call tool,golangci-lint) run --timeout 20m ./...

.PHONY: import-order
import-order: ## Check that packages import only packages below them.
	go test -count=1 ./test/depcheck

.PHONY: bench
bench: tools-test ## Run the benchmarks and print the budget table, also to dist/; RUN=<regexp> picks some. BENCH_LARGE=0 leaves out the 1 GB databases, BENCH_CURVE_MAX=<n> fleets above n images.
	$(with_assets) go test ./test/perf -run '^$$' -bench '$(RUN)' -benchtime 1x -timeout 120m -v

.PHONY: scale
scale: tools-test ## Run the operator on 10,000 pods, 1,000 digests and 2,000 reports, and print what that takes: minutes.
	$(with_assets) go test ./test/scale -count=1 -timeout 60m -v -pods=10000

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s).
	@git ls-files '*_test.go' | xargs grep -noE '^func Fuzz[A-Za-z0-9_]*' | while IFS=: read -r file _ func; do \
		echo "== $${func#func } in $$(dirname "$$file") for $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 10x "./$$(dirname "$$file")" </dev/null; \
	done

##@ Generate

.PHONY: generate
generate: ## Generate the API's deep copies.
	$(call tool,controller-gen) object:headerFile=hack/boilerplate.go.txt paths=./api/...

# The roles in config/rbac are written by hand: each rule says why it is there, which markers cannot.
.PHONY: manifests
manifests: ## Generate the CRDs.
	$(call tool,controller-gen) crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	cp config/crd/bases/*.yaml charts/plimsoll/files/crds/

##@ Build and install

.PHONY: build
build: ## Build the programs into bin/.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/...

.PHONY: docker
docker: ## Build the operator's image IMG.
	$(DOCKER) build --build-arg VERSION='$(VERSION)' -t '$(IMG)' .

.PHONY: install
install: ## Install the CRDs into the cluster of your kubeconfig.
	$(call tool,kustomize) build config/crd | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: ## Remove the CRDs and with them every object of Plimsoll.
	$(call tool,kustomize) build config/crd | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: deploy
deploy: ## Install the CRDs and the operator IMG.
	$(call tool,kustomize) build config/default | sed 's|image: ghcr.io/plimsoll-dev/plimsoll:.*|image: $(IMG)|' | $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: ## Remove the operator and the CRDs.
	$(call tool,kustomize) build config/default | $(KUBECTL) delete --ignore-not-found -f -

##@ Tools

.PHONY: tools
tools: tools-test tools-forge ## Fetch or build everything that the other targets need.
	$(FETCH) controller-gen kustomize helm golangci-lint

.PHONY: tools-test
tools-test:
	$(FETCH) assets kwok

# Gitea, for pull requests. It is built here, where one sees its progress, and not within a test, whose time is limited.
.PHONY: tools-forge
tools-forge:
	$(FETCH) gitea
