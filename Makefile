# Every target does its own set-up (.ci/setup: Debian packages and .venv), so any of them may be the first.
.DEFAULT_GOAL := help
.PHONY: help setup setup-provisioning setup-vm post card medium release dossier test-provisioning test-vm demo console shift kiosk kiosk-faults kiosk-thousand screens screens-console test test-whole lint format bench bench-mrz proof-powercut proof-chaos proof-thirty-days fuzz ocrb specimens schemas lock clean
BIN := .venv/bin
UV ?= uv
# Two files at a time, in the order of `tests/conftest.py`.
TWO = -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/machines --ignore tests/vm
EXPORT = $(UV) export --frozen --no-emit-project --format requirements-txt --no-header

help: ## Cette liste / this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: ## Paquets Debian et .venv / Debian packages and .venv
	@bash .ci/setup

setup-provisioning: ## La machine de contrôle : Ansible / the controlling machine: Ansible
	@bash .ci/setup provisioning

setup-vm:
	@bash .ci/setup vm

demo: setup ## Un vol, 15 voyageurs, une coupure / one flight, 15 travellers, an outage  (STAY=1, ARGS=--json)
	@$(BIN)/borne demo $(if $(STAY),--stay) $(ARGS)

console: setup ## Un poste ouvert : pages des agents / an open post: the officers' pages
	@$(BIN)/borne post demo $(ARGS)

shift: setup ## 200 voyageurs, deux bornes, un guichet, une coupure / two kiosks, a counter, an outage  (10 min)
	@$(BIN)/borne post shift $(ARGS)

kiosk: setup ## La borne : fenêtre, ou écran privé et images / the kiosk: a window, or a private screen and pictures
	@$(BIN)/borne kiosk demo $(if $(DISPLAY),,--scripted --questions --pictures build/screens/visit) $(ARGS)

kiosk-thousand: setup ## 1 000 voyageurs à la borne, mémoire suivie / 1,000 travellers, memory watched  (35 min)
	@$(BIN)/borne kiosk demo --scripted --travellers 1000 --size 1280x800 --json $(ARGS)

kiosk-faults: setup ## La borne et toutes ses pannes / the kiosk and all its faults  (2 min)
	@$(BIN)/borne kiosk demo --scripted --travellers 1 --size 1280x800 >/dev/null
	@$(BIN)/python -m tests.kiosk.drive build/specimens

screens: setup ## Tous les écrans, borne et console, vérifiés / every screen, kiosk and console, checked  (build/screens)
	@$(BIN)/python -m tests.kiosk.all_screens $(ARGS)
	@$(BIN)/python -m tests.console.all_pages

screens-console: setup ## Toutes les pages de la console, vérifiées / every page of the console, checked
	@$(BIN)/python -m tests.console.all_pages $(ARGS)

test: setup ## Tous les tests / all tests  (ARGS='tests/store -k journal')
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest $(TWO)
endif

test-whole: setup ## Tous les tests, sans échantillons / all tests, nothing sampled
	@$(BIN)/python -m pytest --whole $(TWO)

post: setup ## Un nouveau poste dans l’inventaire / a new post in the inventory  (NAME=nord-7)
	@$(BIN)/python provisioning/tools/new_post.py $(NAME) $(ARGS)

card: setup ## La fiche de terrain, A4 / the field card, A4  (build/card; ARGS='--key borne.pub')
	@$(BIN)/python provisioning/tools/card.py $(ARGS)

release: setup ## Une version signée pour un rôle / a signed release for a role  (ARGS='build --role post --key … --keys … --out …')
	@$(BIN)/python provisioning/tools/release.py $(ARGS)

medium: setup-provisioning ## Le support signé, sans réseau ensuite / the signed medium, no line needed afterwards  (build/medium)
	@$(BIN)/python provisioning/tools/medium.py build $(ARGS)

dossier: setup-provisioning ## Le dossier de validation / the validation dossier  (build/dossier)
	@$(BIN)/python provisioning/tools/dossier $(ARGS)

test-provisioning: setup-provisioning ## Les rôles dans des racines Debian / the roles in Debian roots
	@.venv-provisioning/bin/ansible-lint --offline --profile production provisioning
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/machines $(ARGS)

test-vm: setup-vm ## La machine virtuelle : installée, coupée, mise à jour / the virtual machine: provisioned, cut, updated
	@$(BIN)/python -m pytest -s tests/vm $(ARGS)

lint: setup ## Style, types, sens des imports / style, types, import direction
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m mqtt_schemas.publish --check

format: setup ## Mise en forme du code / format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## Mesures, sans verdict / measurements, no verdict
	@$(BIN)/python tests/bench

bench-mrz: ## Lecture de la MRZ, avec tesserocr et PassportEye / reading the MRZ, beside tesserocr and PassportEye
	@bash .ci/setup bench
	@.venv-bench/bin/python tests/bench/mrz.py $(ARGS)

proof-powercut: setup ## Le courant coupé 10 000 fois / the power cut 10,000 times  (IMAGES=10000, 15 to 45 min; build/proofs)
	@$(BIN)/python tests/powercut --images $(or $(IMAGES),10000) $(ARGS)

proof-chaos: setup ## kill -9 de tout, au hasard / kill -9 of everything, at random  (KILLS=1000, 20 min; build/proofs)
	@$(BIN)/python -m tests.chaos.proof --kills $(or $(KILLS),1000) $(ARGS)

proof-thirty-days: setup ## La nation trente jours par une ligne de 128 kbit/s / the nation through one line  (DAYS=30, 1 h; build/proofs)
	@$(BIN)/python -m tests.thirty_days.proof --days $(or $(DAYS),30) $(ARGS)

fuzz: ## Entrées hostiles, une minute par cible / hostile input, a minute a target  (ARGS='--seconds 600 tlv')
	@bash .ci/setup fuzz
	@.venv-fuzz/bin/python -m tests.fuzz $(ARGS)

ocrb: setup ## Entraîner à nouveau le lecteur OCR-B / train the OCR-B recogniser anew  (ARGS=--check)
	@$(BIN)/python -m border_agent.decoding.mrz.train $(ARGS)

specimens: setup ## Les voyageurs fictifs en images / the fictional travellers as pictures (build/specimens)
	@$(BIN)/python -m border_agent.specimens build/specimens

schemas: setup ## Récrire les schémas publiés / write the published schemas anew
	@$(BIN)/python -m mqtt_schemas.publish --write

lock: ## Récrire les verrous (outil uv) / write the locks anew (tool: uv)
	$(UV) lock --python /usr/bin/python3
	$(EXPORT) --all-extras --all-groups --no-group build --no-group controller --no-group provisioning --no-group fuzz --no-group bench -o requirements.lock
	$(EXPORT) --only-group build -o build.lock
	$(EXPORT) --only-group provisioning -o provisioning/locks/provisioning.lock
	$(EXPORT) --only-group controller -o provisioning/locks/controller.lock
	$(EXPORT) --only-group centre -o provisioning/locks/centre.lock
	$(EXPORT) --group faces --extra chip -o provisioning/locks/post.lock
	$(EXPORT) --group faces --extra kiosk --extra chip -o provisioning/locks/kiosk.lock
	$(EXPORT) --only-group fuzz -o tests/fuzz/fuzz.lock
	$(EXPORT) --only-group bench -o tests/bench/bench.lock
	rm -f uv.lock

clean: ## Tout ce qui se refait / everything that can be made again
	rm -rf build .venv .venv-bench .venv-fuzz .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
