"""One thing that is wrong with an inventory."""

from __future__ import annotations

from dataclasses import dataclass

NO_BREAK = "\u00a0"
POST_GROUP = "poste_"


@dataclass(frozen=True)
class Finding:
    """One thing wrong: a stable code, where, and words in French and English."""

    code: str
    where: str
    french: str
    english: str

    def __str__(self) -> str:
        return f"{self.where}{NO_BREAK}: {self.french} / {self.english} [{self.code}]"
