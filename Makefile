# On a fresh machine `make demo` and `make test` do everything; both create .venv first.

PYTHON ?= $(firstword $(wildcard $(foreach v,3.11 3.12 3.13,$(shell command -v python$(v)))) python3)
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: demo people test test_kernels chromium lint clean

demo: .venv/ready
	$(BIN)/python -c "from qaconv_tf.commands.program import run_program; run_program('demo')" --output_dir=demo

# The stronger recipe: about an hour. Run it again to go on where it was stopped.
people: .venv/ready
	$(BIN)/python -c "from qaconv_tf.commands.program import run_program; run_program('people')" --output_dir=people

test: .venv/ready .venv-addons/ready
	$(BIN)/python -m pytest -n 2 -rs

# The kernels of native/ against plain loops, under the sanitizers. Flags as in setup.py: each file says its own.
SANITIZED := -std=c++17 -O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all
TESTED := $(filter-out native/binding.cpp,$(wildcard native/*.cpp))
ifeq ($(shell uname -m),x86_64)
FLAGS = $(shell sed -n 's,^// flags: ,,p' $<)
endif
build/sanitized/%.o: native/%.cpp $(wildcard native/*.h)
	mkdir -p build/sanitized
	$(CXX) $(SANITIZED) $(FLAGS) -c $< -o $@
build/sanitized/test_kernels: $(TESTED:native/%.cpp=build/sanitized/%.o)
	$(CXX) $(SANITIZED) $^ -pthread -o $@

test_kernels:
	@if command -v $(CXX) >/dev/null; then \
	    $(MAKE) --no-print-directory build/sanitized/test_kernels && build/sanitized/test_kernels; \
	else \
	    echo "No C++ compiler ($(CXX)): the native kernels are not tested by themselves."; \
	fi

# The browser of tests/explain/test_report_page.py, which are skipped where it cannot be installed.
chromium:
	@if { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then :; \
	elif command -v apt-get >/dev/null; then \
	    sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
	    echo "Installing Debian's Chromium: about 300 MB."; \
	    { $$sudo apt-get update -qq && $$sudo apt-get install -qq --no-install-recommends chromium fonts-dejavu-core; } \
	        >/dev/null || echo "Chromium could not be installed: the report's page will not be tested."; \
	else \
	    echo "No apt-get here; install Chromium yourself, or the report's page will not be tested."; \
	fi

lint: .venv/ready
	$(BIN)/ruff check

.venv/ready: setup.py pyproject.toml constraints.txt $(wildcard native/*)
	@mkdir -p .venv && date +%s > .venv/started
	$(PYTHON) -m venv .venv
	@echo "Installing TensorFlow and the rest into .venv: about 2 GB, a minute or two."
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@ls qaconv_tf/matching/_native*.so >/dev/null 2>&1 && echo "The native matching engine is built." \
	    || echo "The native matching engine is not built, for want of a C++ compiler: XLA will match instead, slower."
	@# Its seconds, for the demo's account of its minutes.
	@echo $$(($$(date +%s) - $$(cat .venv/started))) > .venv/ready

# TensorFlow Addons, the oracle of tests/addons, which are skipped where it cannot be installed.
.venv-addons/ready: tests/addons/constraints.txt
	@if $(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))"; then \
	    echo "Installing TensorFlow Addons into .venv-addons: about 1.3 GB."; \
	    $(PYTHON) -m venv .venv-addons && .venv-addons/bin/python -m pip install --disable-pip-version-check --quiet \
	        --constraint $< tensorflow-cpu tensorflow-addons && touch $@ \
	    || echo "TensorFlow Addons could not be installed: tests/addons will be skipped."; \
	else \
	    echo "TensorFlow Addons needs Python 3.11: tests/addons will be skipped."; \
	fi

clean:
	rm -rf .venv .venv-addons build *.egg-info qaconv_tf/matching/_native*.so

flags.md: qaconv_tf/flags.py .venv/ready
	$(BIN)/python -c "from qaconv_tf import flags; print(flags.flags_markdown(), end='')" > flags.md
