# Everything a developer does by name. `make` alone lists the targets.
GO      ?= go
FUZZ    ?= 5s
COUNT   ?= 10
BIN     := dist/xpcpolicy

.PHONY: help build test race lint cross fuzz fuzz-million bench bench-command c-abi soak grpc fixtures real real-small differential update ci clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build dist/xpcpolicy
	$(GO) build -trimpath -o $(BIN) ./cmd/xpcpolicy

test: ## run all tests
	$(GO) test ./...

race: ## run all tests with the race detector
	$(GO) test -race ./...

lint: ## gofmt, go vet (also for macOS), staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted: $$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags real ./internal/real
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	$(GO) tool staticcheck -tags real ./...

cross: ## build for macOS without cgo
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build ./...
	GOOS=darwin GOARCH=amd64 CGO_ENABLED=0 $(GO) build ./...

fuzz: ## run every fuzz target for FUZZ
	@GO="$(GO)" FUZZ="$(FUZZ)" sh .ci/fuzz

fuzz-million: ## run every fuzz target of macho a million times, at low priority (hours)
	@GO="nice -n 19 $(GO)" FUZZ=1000000x DIRS=macho sh .ci/fuzz

bench: ## benchmarks with allocations, COUNT runs each
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) . . ./requirement ./requirement/lint ./policy ./macho ./internal/plist

bench-command: build ## whole commands, side by side with openssl where a large program is named: make bench-command PROGRAM=FILE
	@sh .ci/bench-command $(BIN) $(PROGRAM)

c-abi: ## the C library: 100,000 calls by 8 threads under the address sanitizer, and what a call from C costs
	XPCPOLICY_C_CALLS=100000 XPCPOLICY_C_BENCH=1 $(GO) test -count 1 -v ./cmd/libxpcpolicy

soak: ## 5 minutes of 8 callers while the policy changes ten times a second
	XPCPOLICY_SOAK=5m $(GO) test -race -count 1 -timeout 10m -run TestSoak -v .

grpc: ## the gRPC credentials, a module of their own
	cd grpccreds && $(GO) vet ./... && $(GO) test -count 1 ./...

fixtures: ## write the test programs again
	$(GO) run ./cmd/mkfixtures

real: ## compare with every really signed package of the corpus (downloads about 1 GB)
	XPCPOLICY_REAL=all $(GO) test -tags real -timeout 60m -count 1 -v ./internal/real

real-small: ## the same for five small packages
	XPCPOLICY_REAL=small $(GO) test -tags real -timeout 20m -count 1 -v ./internal/real

differential: ## compare with relic, go-macho and fullsailor/pkcs7 over all that `make real` fetched
	cd internal/differential && $(GO) vet ./... && $(GO) test -count 1 -timeout 30m -v ./...

update: ## rewrite golden files; review the difference
	$(GO) test $$(grep -rl --include="*_test.go" "\"update\"" . | xargs -n1 dirname | sort -u) -update

ci: ## what continuous integration runs
	bash .ci/run

clean: ## remove what was built
	rm -rf dist
