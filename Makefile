# The work is in cargo, npm and .config/; each script there says what it does.
SEEDS ?= 100000
CASES ?= 100000
POINTS ?= 1000
IMAGES ?= 10000
RUNS ?= 100
SEED ?= 1
KIND ?= all

.PHONY: run test demo sim properties planted kill blackbox power check doctor screenshots

run: ## opens the window; without a display, serves the page and prints the address
	@.config/run.sh $(ARGS)

test: ## everything that gates
	@.config/test.sh

demo: ## two people on this computer; HEADLESS=1 without a window
	@.config/demo.sh

sim: ## simulated worlds: make sim SEEDS=1000000 for short histories, make sim SEEDS=2000 LONG=1 for long ones, CROWD=1 for six to eight devices, FOLD=1 with a disk that ignores case
	@cargo run --locked --release -p shoal-tests --bin sim -- --seeds $(SEEDS) $(if $(LONG),--long) $(if $(CROWD),--crowd) $(if $(FOLD),--fold)

properties: ## laws of reconciling and small scenes: make properties CASES=10000000 WHOLE=1 for all scenes of the small scope
	@cargo run --locked --release -p shoal-tests --bin properties -- --cases $(CASES) $(if $(WHOLE),--whole)

planted: ## plants each known fault in turn: the simulation must find it within 10,000 histories
	@cargo run --locked --release -p shoal-tests --bin planted

kill: ## kills the real program and makes its system calls fail: make kill POINTS=5000 SEED=1 KIND=all|moment|call|error
	@cargo build --locked --quiet -p shoal-cli
	@cargo run --locked --quiet -p shoal-tests --bin kill -- --points $(POINTS) --seed $(SEED) --kind $(KIND)

blackbox: ## three real programs, people who do anything: make blackbox RUNS=1000 SEED=1
	@cargo build --locked --quiet -p shoal-cli
	@cargo run --locked --quiet -p shoal-tests --bin blackbox -- --runs $(RUNS) --seed $(SEED)

power: ## recovers from every state that a power cut may leave: make power IMAGES=100000 SEED=1
	@cargo run --locked --quiet -p shoal-tests --bin power -- --images $(IMAGES) --seed $(SEED)

check: ## format, lints, types, dependencies
	@.config/check.sh

doctor: ## what is needed, what was found, and the mend
	@.config/doctor.sh

screenshots: ## pictures of every screen and of the real window
	@.config/screenshots.sh
