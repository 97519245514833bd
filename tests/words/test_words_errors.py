"""Every error the packages can raise has words in both languages, and no words are left of errors that are gone."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

from border_agent.errors import BorneError
from border_agent.words import error_text, keys, languages
from firmware_bridge.errors import DeviceError
from mqtt_schemas.errors import ContractError

PACKAGES = ("border_agent", "firmware_bridge", "mqtt_schemas")
BASES: tuple[type[Exception], ...] = (BorneError, DeviceError, ContractError)
FOR_ANY_OTHER = "error.unknown"


def error_classes() -> Iterator[type[Exception]]:
    """All errors of the three packages, found by importing every module of them."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    waiting = list(BASES)
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.split(".")[0] in PACKAGES:
            yield found


@pytest.fixture(scope="module")
def codes() -> dict[str, list[type[Exception]]]:
    by_code: dict[str, list[type[Exception]]] = {}
    for error in error_classes():
        by_code.setdefault(error.code, []).append(error)  # type: ignore[attr-defined]
    return by_code


def test_every_error_has_words_in_both_languages(codes: dict[str, list[type[Exception]]]) -> None:
    for language in languages():
        known = set(keys(language, "error."))
        assert not sorted(f"error.{code}" for code in codes if f"error.{code}" not in known), language


def test_no_words_without_an_error(codes: dict[str, list[type[Exception]]]) -> None:
    expected = {f"error.{code}" for code in codes} | {FOR_ANY_OTHER}
    assert not sorted(set(keys("fr", "error.")) - expected)


def test_codes_are_well_formed_and_each_one_class_only(codes: dict[str, list[type[Exception]]]) -> None:
    assert not [code for code in codes if not re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)*", code)]
    shared = {code: classes for code, classes in codes.items() if len(set(classes)) > 1}
    assert not shared


def test_an_error_can_be_told_as_it_stands(codes: dict[str, list[type[Exception]]]) -> None:
    for classes in codes.values():
        error = BorneError("somewhere")
        error.code = classes[0].code  # type: ignore[attr-defined, misc]
        for language in languages():
            assert not re.search(r"[{}]", error_text(error, language))
