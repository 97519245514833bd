"""Errors of the post's own network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from border_agent.errors import BorneError

if TYPE_CHECKING:
    from border_agent.agent.post.values import ClaimView, PostProblemCode


class PostError(BorneError):
    """Base of every error of the post's network."""

    code = "post"


class HeldElsewhere(PostError):
    """Another counter of the post has this inspection in hand."""

    code = "post.held_elsewhere"

    def __init__(self, where: str, claim: ClaimView) -> None:
        super().__init__(where, " ".join(part for part in (claim.officer, claim.counter, claim.device) if part))
        self.claim = claim

    @property
    def officer(self) -> str:
        return self.claim.officer

    @property
    def counter(self) -> str:
        return self.claim.counter

    @property
    def device(self) -> str:
        return self.claim.device


class DecidedElsewhere(PostError):
    """Another counter has decided already; `detail` says what."""

    code = "post.decided_elsewhere"


class PostAway(PostError):
    """The post's network does not answer: nothing can be said to another device now."""

    code = "post.away"


class NoSuchRemoteCall(PostError):
    """No open call of this id is known at the post."""

    code = "post.call_unknown"


class NotBelieved(PostError):
    """A statement that this device does not believe: `why` says on what ground, `where` whose it claims to be."""

    code = "post.not_believed"

    def __init__(self, where: str, why: PostProblemCode, detail: str = "") -> None:
        super().__init__(where, f"{why.value}: {detail}" if detail else why.value)
        self.why = why
