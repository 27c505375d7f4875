# make demo    run the demo with sample data
# make test    the tests
# make bench   measure speed, as ratios to a limit of the same run
# make check   lint, types, import contract, migrations and deployment settings
# make simulate   randomized fault-injection test; SEED=7 OPERATIONS=10000 repeats a run
# make pictures   screenshot every page state in light and dark, on desktop and phone; needs Chromium
# Needed: Python 3.11 or newer with venv, git, make. Everything else is installed into .venv.

PORT ?= 8000
UV := uv==0.13.8
BIN := .venv/bin
export PORT
unexport PYTHONDONTWRITEBYTECODE  # each of the many processes would compile everything anew

.PHONY: setup demo test bench simulate pictures check check-code check-templates check-types check-imports check-migrations check-deployment clean

setup: .venv/.development

demo: .venv/.runtime
	@exec $(BIN)/python manage.py demo

test: .venv/.development
	$(BIN)/pytest --durations=10 $(ARGS)

simulate: .venv/.development
	@$(BIN)/python -m tests.simulator

# Some or all: make pictures ARGS="thread login"
pictures: .venv/.development
	@$(BIN)/python -m tests.e2e.pictures $(ARGS)

# Some or all: make bench ARGS=delivery
bench: .venv/.development
	@$(BIN)/python -m bench $(ARGS)

# Apart, so that `make --keep-going check` tells everything at once.
check: check-code check-templates check-types check-imports check-migrations check-deployment

check-code: .venv/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

check-templates: .venv/.development
	$(BIN)/djlint --lint --quiet templates

check-types: .venv/.development
	$(BIN)/mypy

check-imports: .venv/.development
	$(BIN)/lint-imports

# The warning says that no database was asked, and none is meant to be.
check-migrations: .venv/.development
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

check-deployment: .venv/.development
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

# What a production machine would say; nothing of it is connected to.
PRODUCTION := env \
	DATABASE_URL=postgres://mh_app:unused@database.example/messagehub \
	MIGRATE_DATABASE_URL=postgres://mh_owner:unused@database.example/messagehub \
	REDIS_URL=redis://valkey.example/0 \
	PUBLIC_BASE_URL=https://hub.example \
	SECRET_KEY=only-for-this-check-$$(printf '%050d' 0 | tr 0 k)-of-settings \
	FIELD_ENCRYPTION_KEYS=dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA=

clean:
	rm -rf .venv .local

# python3 may be older than MessageHub needs, or newer than the packages were tried with: then another one is better.
pythons = $(foreach candidate,$(1),$(shell $(candidate) -c \
	'import sys; $(2) and print("$(candidate)")' 2>/dev/null))
PYTHON ?= $(firstword \
	$(call pythons,python3 python3.13 python3.12 python3.11,(3, 11) <= sys.version_info < (3, 14)) \
	$(call pythons,python3,sys.version_info >= (3, 14)))

.venv/.created:
	@test -n "$(PYTHON)" || { echo "MessageHub needs Python 3.11 or newer on the PATH." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check $(UV) || echo "Going on with pip, which is slower."
	@touch $@

# Newer than the files that it was installed from: then there is nothing to do.
.venv/.runtime: requirements.txt .venv/.created
	$(call install,requirements.txt)
	@touch $@

.venv/.development: requirements-dev.txt .venv/.runtime
	$(call install,requirements-dev.txt)
	@touch $@

# The second attempt is for machines whose proxy signs with a certificate of its own.
define install
	@echo "Installing $(1) ..."
	@$(BIN)/uv pip install -qq --compile-bytecode --python $(BIN)/python -r $(1) \
		|| $(BIN)/uv pip install -qq --compile-bytecode --system-certs --python $(BIN)/python -r $(1) \
		|| $(BIN)/pip install --quiet --disable-pip-version-check -r $(1)
endef
