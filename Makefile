# Everything is built and checked through these targets, the same by hand and in CI.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -X github.com/koppelfeld/koppelfeld/internal/version.Version=$(VERSION)
SUDO        := $(if $(filter 0,$(shell id -u)),,sudo)
RUN_DIR     ?= $(CURDIR)/var
CONFIG      ?= $(RUN_DIR)/koppelfeld.toml
FUZZTIME    ?= 60s
SOAK        ?= 1h
SOAK_RATE   ?= 50
SHOTS       ?= $(RUN_DIR)/screenshots

# Peers that tests call: real phones, servers and tools from Debian.
TEST_PACKAGES  := baresip-core sip-tester mariadb-server prometheus curl sipsak sipvicious chromium tshark nftables iproute2 kamailio kamailio-outbound-modules zbar-tools
# Peers that the benchmark compares with.
BENCH_PACKAGES := $(TEST_PACKAGES) kamailio kamailio-tls-modules rtpengine-daemon

# What makes packages and a repository of them.
PACKAGE_PACKAGES := debhelper dpkg-dev fakeroot lintian reprepro gnupg
# What boots a Debian machine for the tests of the package, and what is in that machine; its file system is made once a month.
MACHINE_PACKAGES := mmdebstrap systemd-container zstd
MACHINE_INCLUDE  := ca-certificates,systemd-sysv,adduser,dbus,curl,iproute2
# DEBIAN=13 takes the machine to another release.
DEBIAN           ?= 12
DEBIAN_SUITE     := $(DEBIAN:12=bookworm)
DEBIAN_SUITE     := $(DEBIAN_SUITE:13=trixie)
MACHINE          := .cache/machine/debian-$(DEBIAN)-$(shell date +%Y%m).tar.zst
# The same with what 4.5 needs.
MACHINE_DB       := .cache/machine/debian-$(DEBIAN)-mariadb-$(shell date +%Y%m).tar.zst
DEB_ARCHS        ?= amd64 arm64
DIST             ?= $(CURDIR)/dist

.DEFAULT_GOAL := help
.PHONY: deb apt-repo legacy45 e2e-package e2e-upgrade check-arm64 setup-package setup-machine help run test build gen fmt lint race pages check-pages fuzz-short fuzz-corpus complexity e2e e2e-ui screenshots bench bench-pages soak pgo check clean setup-test setup-bench

help: ## show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and serve the example company on loopback
	@mkdir -p $(RUN_DIR)/data && chmod 700 $(RUN_DIR) $(RUN_DIR)/data
	@test -f $(CONFIG) || sed 's|@DATA_DIR@|$(RUN_DIR)/data|' cmd/koppelfeld/example.toml > $(CONFIG)
	exec bin/koppelfeld serve --config $(CONFIG) --example

build: pages ## build bin/koppelfeld with its pages
	CGO_ENABLED=0 $(GO) build -tags devlicence -trimpath -ldflags '$(LDFLAGS)' -o bin/koppelfeld ./cmd/koppelfeld

PAGES_NPM := admin/ui/node_modules/.package-lock.json
PAGES_SRC := $(shell find admin/ui/src admin/ui/public -type f ! -name schema.d.ts 2>/dev/null) $(wildcard admin/ui/*.json admin/ui/*.ts admin/ui/index.html) admin/testdata/openapi.json

pages: admin/ui/dist/app/index.html ## build the pages into admin/ui/dist/app, which the program embeds

admin/ui/dist/app/index.html: $(PAGES_NPM) $(PAGES_SRC)
	cd admin/ui && npm run --silent build -- --logLevel warn
	@touch $@

$(PAGES_NPM): admin/ui/package.json admin/ui/package-lock.json
	@command -v npm >/dev/null || { echo "node and npm are missing: the pages need them"; exit 1; }
	cd admin/ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

check-pages: pages ## types, style and tests of the pages
	cd admin/ui && npm run --silent types && npm run --silent lint && npm run --silent test

test: setup-test check check-pages ## set up what the tests need and run every test
	$(GO) test -timeout 10m ./...
	$(MAKE) --no-print-directory e2e

e2e: setup-test setup-browser build ## calls between real phones through the daemon
	$(GO) test -tags e2e -count 1 -timeout 25m ./e2e/...

e2e-ui: setup-test setup-browser build ## the pages in Chromium against the running daemon, with real phones
	$(GO) test -tags e2e -count 1 -timeout 15m -run '^TestPages' ./e2e

screenshots: setup-test setup-browser build ## every page in both languages, light, dark and on a phone, drawn into SHOTS (default var/screenshots)
	@mkdir -p $(SHOTS)
	KOPPELFELD_SHOTS=$(abspath $(SHOTS)) $(GO) test -tags e2e -count 1 -timeout 15m -run '^TestPagesEvery$$' ./e2e

race: ## every unit test under the race detector
	$(GO) test -race -timeout 20m ./...

fuzz-short: ## every fuzz target for FUZZTIME (default 60s)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -parallel 2 $$pkg; \
	  done; \
	done

fuzz-corpus: ## keep what fuzzing has found, for the tests: the smallest inputs of the go command's cache into testdata/corpus
	$(GO) run ./internal/corpus/pack -cache "$$($(GO) env GOCACHE)/fuzz/$$($(GO) list -m)" $(if $(ONLY),-only $(ONLY))

complexity: ## no message within the size limit may cost more than a millisecond: fails when one does
	$(GO) test -run '^$$' -bench Costly -benchtime 50x -timeout 10m ./sip/...

bench: setup-bench build ## measure against Kamailio and rtpengine, writes the figures to standard output
	$(GO) run ./bench

bench-pages: setup-test setup-browser build ## measure the pages in Chromium: 10,000 users, a matrix of 20 x 20
	$(GO) test -tags e2e -run '^$$' -bench '^BenchmarkPages$$' -benchtime 1x -timeout 15m ./e2e

soak: build ## mixed calls for SOAK (default 1h) at SOAK_RATE (default 50) per second, then memory, sockets and timers back where they were
	$(GO) run ./bench -soak $(SOAK) -rate $(SOAK_RATE) $(SOAK_FLAGS)

pgo: setup-bench build ## record a load profile to cmd/koppelfeld/default.pgo, which builds use while it is there
	$(GO) run ./bench -users 3000 -pgo cmd/koppelfeld/default.pgo

check: lint ## formatting, vet, staticcheck, generated files up to date
	@out=$$($(GO) tool gofumpt -l .); test -z "$$out" || { echo "not formatted (make fmt):"; echo "$$out"; exit 1; }

lint: ## vet and staticcheck
	$(GO) vet ./...
	$(GO) vet -tags "e2e pkg" ./e2e/...
	$(GO) tool staticcheck -tags "e2e,pkg" ./...

fmt: ## format the code
	$(GO) tool gofumpt -w .

gen: ## write golden files anew: the OpenAPI description and the answers of the API
	$(GO) test ./admin -run "TestSpec|TestAnswers|TestActs|TestMessages" -update

deb: setup-package pages ## Debian packages for DEB_ARCHS (default amd64 arm64) into DIST (default dist/), checked by lintian
	packaging/build-deb.sh $(DIST) $(DEB_ARCHS)
	lintian --allow-root --pedantic --fail-on error,warning $(DIST)/*.changes

apt-repo: setup-package ## a signed repository of the packages in DIST, in DIST/apt; SIGN_KEY names the key, URI where it will be found
	packaging/apt-repo.sh $(DIST)/apt koppelfeld-5 $(DIST)/*.deb

check-arm64: pages ## the program for arm64, run by emulation: configuration, database, calls between the built-in phones
	$(call install,qemu-user-static iproute2)
	CGO_ENABLED=0 GOARCH=arm64 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/koppelfeld-arm64 ./cmd/koppelfeld
	$(SUDO) packaging/check-arm64.sh bin/koppelfeld-arm64

legacy45: setup-package ## the 4.5 to upgrade from, a fixture of tests: its packages in a repository of their own, .cache/legacy45
	rm -rf .cache/legacy45 && mkdir -p .cache/legacy45
	packaging/legacy45/build.sh .cache/legacy45/deb
	packaging/apt-repo.sh .cache/legacy45/apt koppelfeld-4.5 .cache/legacy45/deb/*.deb

e2e-package: setup-test setup-package setup-machine pages $(MACHINE) ## the package on a Debian machine: built twice the same, installed, in use, rebooted, upgraded, removed, purged
	rm -rf .cache/package && mkdir -p .cache/package
	VERSION=5.0.0 packaging/build-deb.sh .cache/package/first $$(dpkg --print-architecture)
	VERSION=5.0.0 packaging/build-deb.sh .cache/package/second $$(dpkg --print-architecture)
	cmp .cache/package/first/*.deb .cache/package/second/*.deb
	lintian --allow-root --pedantic --fail-on error,warning .cache/package/first/*.changes
	KOPPELFELD_ROOT=$(abspath $(MACHINE)) KOPPELFELD_PACKAGE=$$(echo $(CURDIR)/.cache/package/first/*.deb) \
	  $(GO) test -tags "e2e pkg" -count 1 -timeout 20m -run '^TestPackage$$' -v ./e2e

e2e-upgrade: setup-test setup-package setup-machine pages $(MACHINE_DB) ## machines with a 4.5 at work go to 5 with apt: refusals, questions, faults and kills at every step, roll back
	rm -rf .cache/upgrade && mkdir -p .cache/upgrade
	VERSION=5.0.0 packaging/build-deb.sh .cache/upgrade/new $$(dpkg --print-architecture)
	packaging/legacy45/build.sh .cache/upgrade/old
	KOPPELFELD_ROOT=$(abspath $(MACHINE_DB)) KOPPELFELD_PACKAGE=$$(echo $(CURDIR)/.cache/upgrade/new/*.deb) KOPPELFELD_LEGACY=$(CURDIR)/.cache/upgrade/old \
	  $(GO) test -tags "e2e pkg" -count 1 -timeout 30m -run '^TestUpgrade$$' -v ./e2e

$(MACHINE):
	@mkdir -p $(@D) && rm -f $(@D)/debian-$(DEBIAN)-[0-9]*.tar.zst
	$(SUDO) mmdebstrap --quiet --variant=minbase --include=$(MACHINE_INCLUDE) $(DEBIAN_SUITE) $(@D)/new.tar.zst
	mv $(@D)/new.tar.zst $@

$(MACHINE_DB):
	@mkdir -p $(@D) && rm -f $(@D)/debian-$(DEBIAN)-mariadb-*.tar.zst
	$(SUDO) mmdebstrap --quiet --variant=minbase --include=$(MACHINE_INCLUDE),mariadb-server $(DEBIAN_SUITE) $(@D)/new-mariadb.tar.zst
	mv $(@D)/new-mariadb.tar.zst $@

clean: ## remove what was built and the example company's data
	rm -rf bin $(RUN_DIR) $(DIST)

# install NAME LIST: install what is missing of the Debian packages in LIST.
define install
	@missing=$$(for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing" $$missing; \
	  $(SUDO) apt-get -qq update; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=900 install --no-install-recommends $$missing >/dev/null; \
	fi
endef

setup-test:
	$(call install,$(TEST_PACKAGES))

# The browser phone's packages, from its lock file.
.PHONY: setup-browser
setup-browser: e2e/browser/node_modules/.package-lock.json

e2e/browser/node_modules/.package-lock.json: e2e/browser/package.json e2e/browser/package-lock.json
	@command -v npm >/dev/null || { echo "node and npm are missing: the browser phone needs them"; exit 1; }
	cd e2e/browser && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# dh-golang, where it is installed, takes part in builds without being asked: the rules keep it out.
setup-package:
	$(call install,$(PACKAGE_PACKAGES))

setup-machine:
	$(call install,$(MACHINE_PACKAGES))

setup-bench:
	$(call install,$(BENCH_PACKAGES))
