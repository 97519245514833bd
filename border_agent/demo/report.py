"""The demo's end: who, verdict, findings, times, then the proof. A table for people, one object for programs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from border_agent.demo.counter import Passage
from border_agent.demo.proof import Proof
from border_agent.words import format_number, has, text

STEPS = ("document", "page", "visa", "face", "decide", "commit")
_COLOURS = {"admit": "green", "refer": "yellow", "refuse": "red"}


class Result(Struct, frozen=True, kw_only=True):
    """Everything the demo found out."""

    passages: tuple[Passage, ...]
    proof: Proof
    outage_seconds: float
    kills: int
    memory: dict[str, int]
    """Resident bytes at rest: `agent`, `decoders`, `cameras`."""
    seconds: float

    @property
    def as_expected(self) -> bool:
        return all(passage.as_expected for passage in self.passages)

    @property
    def good(self) -> bool:
        return self.proof.holds and self.as_expected


def chips_read(passages: Sequence[Passage]) -> dict[str, int]:
    """How many chips there were an answer from, by what came of it; `copies`: of those read, how many were copies."""
    outcomes = Counter(str(passage.chip["outcome"]) for passage in passages if passage.chip is not None)
    copies = sum(any(finding["code"] == "chip.cloned" for finding in passage.findings) for passage in passages)
    return {**outcomes, "copies": copies}


def step_times(passages: Sequence[Passage]) -> dict[str, dict[str, float]]:
    """p50 and p95 of each step's machine time, in milliseconds."""
    times = {step: sorted(p.step_ms[step] for p in passages if step in p.step_ms) for step in STEPS}
    times["total"] = sorted(sum(p.step_ms.values()) for p in passages)
    return {
        step: {"p50": round(statistics.median(values), 2), "p95": round(_percentile(values, 0.95), 2)}
        for step, values in times.items()
        if values
    }


def as_json(result: Result) -> dict[str, Any]:
    """The object that `borne demo --json` prints; its keys are stable."""
    proof = result.proof
    return {
        "travellers": len(result.passages),
        "verdicts": {str(passage.number): passage.verdict for passage in result.passages},
        "as_expected": result.as_expected,
        "entries_decided": proof.entries_decided,
        "entries_at_centre": proof.entries_at_centre,
        "lost": proof.lost,
        "duplicated": proof.duplicated,
        "chain_ok": proof.chain_ok and proof.same_bytes,
        "outage_seconds": round(result.outage_seconds, 2),
        "kills": result.kills,
        "step_ms": step_times(result.passages),
        "findings": {str(p.number): [finding["code"] for finding in p.findings] for p in result.passages},
        "chips": chips_read(result.passages),
        "memory_bytes": result.memory,
        "seconds": round(result.seconds, 1),
    }


def show(result: Result, console: Console, language: str) -> None:
    """The tables and the proof, in a person's language."""

    def word(key: str, **params: object) -> str:
        return text(key, language, **params)

    console.print(_travellers(result, language, word))
    console.print(_steps(result, language, word))
    console.print(_proof(result, language, word))
    good = result.good
    console.print(f"[bold {'green' if good else 'red'}]{word('demo.good' if good else 'demo.bad')}[/]")


def _travellers(result: Result, language: str, word: Any) -> Table:
    table = Table(title=word("demo.title"), title_justify="left", title_style="bold")
    for name in ("number", "who", "case", "verdict", "findings"):
        table.add_column(word(f"demo.column.{name}"), justify="right" if name == "number" else "left")
    for passage in result.passages:
        verdict = word(f"verdict.{passage.verdict}")
        mark = "" if passage.as_expected else " [bold red]≠[/]"
        findings = [f for f in passage.findings if f["severity"] != "info"] or list(passage.findings)
        table.add_row(
            str(passage.number),
            passage.name,
            word(f"demo.case.{passage.case}") if has(f"demo.case.{passage.case}") else "",
            f"[{_COLOURS[passage.verdict]}]{verdict}[/]{mark}",
            "\n".join(finding["title"][language] for finding in findings),
        )
    return table


def _steps(result: Result, language: str, word: Any) -> Table:
    table = Table(title=word("demo.steps"), title_justify="left", title_style="bold")
    table.add_column(word("demo.column.step"))
    columns = (*STEPS, "total")
    for step in columns:
        table.add_column(word(f"demo.column.{step}"), justify="right")

    def row(name: str, times: dict[str, float], *, end: bool = False) -> None:
        cells = (format_number(times[step], language, decimals=1) if step in times else "" for step in columns)
        table.add_row(name, *cells, end_section=end)

    for passage in result.passages:
        times = {**passage.step_ms, "total": sum(passage.step_ms.values())}
        row(f"{passage.number:>2}  {passage.name}", times, end=passage is result.passages[-1])
    summary = step_times(result.passages)
    for share in ("p50", "p95"):
        row(share, {step: numbers[share] for step, numbers in summary.items()})
    return table


def _proof(result: Result, language: str, word: Any) -> Table:
    proof = result.proof
    table = Table(title=word("demo.proof"), title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right")

    def answer(good: bool) -> str:
        return f"[green]{word('demo.yes')}[/]" if good else f"[bold red]{word('demo.no')}[/]"

    def seconds(value: float) -> str:
        return str(word("demo.seconds", value=format_number(value, language, decimals=1)))

    megabytes = " / ".join(
        format_number(result.memory.get(part, 0) / 1e6, language, decimals=0)
        for part in ("agent", "decoders", "cameras")
    )
    table.add_row(word("demo.proof.decided"), str(proof.entries_decided))
    table.add_row(word("demo.proof.centre"), str(proof.entries_at_centre))
    table.add_row(word("demo.proof.lost"), str(proof.lost))
    table.add_row(word("demo.proof.duplicated"), str(proof.duplicated))
    table.add_row(word("demo.proof.chain"), answer(proof.chain_ok and proof.same_bytes))
    table.add_row(word("demo.proof.expected"), answer(result.as_expected))
    chips = chips_read(result.passages)
    if chips.get("read"):
        told = word("demo.chips", read=chips["read"], copies=chips["copies"])
        table.add_row(word("demo.proof.chips"), told)
    table.add_row(word("demo.proof.outage"), seconds(result.outage_seconds))
    table.add_row(word("demo.proof.memory"), word("demo.megabytes", value=megabytes))
    table.add_row(word("demo.proof.time"), seconds(result.seconds))
    return table


def _percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; `values` are sorted and not empty."""
    return values[min(len(values) - 1, int(share * len(values)))]
