.PHONY: demo test serve rules lock

demo:
	python3 infra/bootstrap.py demo

test:
	python3 infra/bootstrap.py test

serve:
	python3 infra/bootstrap.py serve

rules:
	python3 infra/bootstrap.py rules

# For developers with uv: pins every dependency with its hashes, for every Python and platform, and no address.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" --extra embedded pyproject.toml
lock:
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock
