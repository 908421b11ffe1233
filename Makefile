# The work is in cargo, npm and .config/; each script there says what it does.
SEEDS ?= 100000

.PHONY: run test demo sim planted check doctor screenshots

run: ## opens the window; without a display, serves the page and prints the address
	@.config/run.sh $(ARGS)

test: ## everything that gates
	@.config/test.sh

demo: ## two people on this computer; HEADLESS=1 without a window
	@.config/demo.sh

sim: ## simulated worlds: make sim SEEDS=1000000 for short histories, make sim SEEDS=2000 LONG=1 for long ones
	@cargo run --locked --release -p shoal-tests --bin sim -- --seeds $(SEEDS) $(if $(LONG),--long)

planted: ## plants each known fault in turn: the simulation must find it within 10,000 histories
	@cargo run --locked --release -p shoal-tests --bin planted

check: ## format, lints, types, dependencies
	@.config/check.sh

doctor: ## what is needed, what was found, and the mend
	@.config/doctor.sh

screenshots: ## pictures of every screen and of the real window
	@.config/screenshots.sh
