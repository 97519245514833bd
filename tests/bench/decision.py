"""From a visa code's bytes to a judged seal, against the bare signature check that cannot be avoided."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from border_agent.documents.mrz import parse_mrz
from border_agent.seals import decode_seal
from border_agent.specimens.cast import cast
from border_agent.specimens.feeds import signer_records
from border_agent.specimens.signing import make_signers, sign_visa
from border_agent.trust import SignerList

ROUNDS = 200


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    today = datetime.now(UTC).date()
    traveller = cast(today)[0]
    signers = make_signers(today)
    assert traveller.visa is not None
    code = sign_visa(traveller.visa, signers, b"\0" * 32).encode()
    listed = SignerList.from_records(signer_records(today, signers))
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(b"x" * 200, ec.ECDSA(hashes.SHA256()))
    bare = _median(lambda: key.public_key().verify(signature, b"x" * 200, ec.ECDSA(hashes.SHA256())))
    baseline = "one P-256 signature check, p50"
    judged = _median(lambda: listed.judge(decode_seal(code), today))
    yield "visa code to judged seal, p50", judged, "ms", baseline, judged / bare
    lines = "\r\n".join(traveller.passport.lines).encode()
    parsed = _median(lambda: parse_mrz(lines, today=today))
    yield "MRZ parsed, p50", parsed, "ms", baseline, parsed / bare


def _median(act: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)
