# On a fresh machine `make demo` and `make test` do everything; both create .venv first.

PYTHON ?= $(firstword $(wildcard $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v)))) python3)
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: demo test lint clean

demo: .venv/ready
	$(BIN)/python -c "from qaconv_tf.commands.program import run_program; run_program('demo')" --output_dir=demo

test: .venv/ready
	$(BIN)/python -m pytest -n 2

lint: .venv/ready
	$(BIN)/ruff check

.venv/ready: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	@echo "Installing TensorFlow and the rest into .venv: about 2 GB, a minute or two."
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch .venv/ready

clean:
	rm -rf .venv build *.egg-info

flags.md: qaconv_tf/flags.py .venv/ready
	$(BIN)/python -c "from qaconv_tf import flags; print(flags.flags_markdown(), end='')" > flags.md
