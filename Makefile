# Everything here is a short name for a command you could type yourself;
# .ci/run calls the same commands in the order of a full check.

# A static binary: no cgo, so no C library to match on the target machine.
export CGO_ENABLED = 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION)
TOOL     = go tool -modfile=tools/go.mod
IMAGE   ?= baryon

.DEFAULT_GOAL := help
.PHONY: build test lint bench cover generate image help

build: ## Build bin/baryon, static and stamped with the version
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/baryon ./cmd/baryon

test: ## Run every test
	go test ./...

lint: ## Check style, mistakes and import lines (builds the linter the first time)
	$(TOOL) golangci-lint run

bench: ## Run every benchmark; ratios against the tools we compare with are printed by them
	go test -run '^$$' -bench . -benchmem ./...

cover: ## Test with coverage and write cover.html
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -html=cover.out -o cover.html
	go tool cover -func=cover.out | tail -n 1

generate: ## Rewrite generated code (sqlc, templ)
	.ci/generate

image: ## Build the two container images (needs docker)
	docker build --build-arg VERSION=$(VERSION) --target baryon -t $(IMAGE):$(VERSION) .
	docker build --build-arg VERSION=$(VERSION) --target baryon-engines -t $(IMAGE)-engines:$(VERSION) .

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
