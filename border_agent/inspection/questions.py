"""What a traveller is asked by the policy, and what counts as an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from border_agent.inspection.errors import NotAsked
from border_agent.inspection.evidence import Evidence
from mqtt_schemas.entries import Direction
from mqtt_schemas.records import Policy, Question, QuestionKey

LONGEST_ANSWER = 200
"""Characters."""


def askable(policy: Policy) -> tuple[Question, ...]:
    """The policy's questions that this software can ask, each once, in the policy's order."""
    first: dict[QuestionKey, Question] = {}
    for question in policy.questions:
        if question.key is QuestionKey.ADDRESS or (question.key is QuestionKey.PURPOSE and question.choices):
            first.setdefault(question.key, question)
    return tuple(first.values())


def asked(evidence: Evidence, policy: Policy) -> tuple[Question, ...]:
    """What this traveller is asked: nobody is asked anything to leave."""
    return () if evidence.direction is Direction.EXIT else askable(policy)


def unanswered(evidence: Evidence, policy: Policy) -> tuple[Question, ...]:
    """What is still to be asked. A purpose that was given at the start is not asked again."""
    return tuple(
        question
        for question in asked(evidence, policy)
        if question.key not in evidence.answers and not (question.key is QuestionKey.PURPOSE and evidence.purpose)
    )


def checked_answer(questions: Iterable[Question], key: str, value: str) -> str:
    """The answer as it is kept, without spaces around it. Raises NotAsked, which never repeats what was written."""
    question = next((question for question in questions if question.key == key), None)
    if question is None:
        raise NotAsked("key", "no such question is asked")
    answer = value.strip()
    if question.choices:
        if answer not in question.choices:
            raise NotAsked(question.key, "none of the choices")
    elif not 1 <= len(answer) <= LONGEST_ANSWER or not all(map(_writable, answer)):
        raise NotAsked(question.key, f"one line of 1 to {LONGEST_ANSWER} characters that can be seen")
    return answer


def _writable(character: str) -> bool:
    """Control, direction and other invisible characters, and line and paragraph ends, are not."""
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")
