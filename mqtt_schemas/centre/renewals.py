"""Certificates by line: a device that is enrolled asks with the keys it is enrolled with, and gets new ones.

Nothing more than it has: its own name, the server's names it was handed before. Once a day at most; who asks again
gets the same answer again, since it may have been lost on the way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mqtt_schemas.centre.authority import Authority
from mqtt_schemas.centre.database import Database
from mqtt_schemas.centre.enrolment import Bench, hand_over, require_same
from mqtt_schemas.centre.enrolment_book import Answer, What
from mqtt_schemas.centre.errors import BadEnrolment
from mqtt_schemas.centre.folder import CentreFolder
from mqtt_schemas.centre.ingest import refusal
from mqtt_schemas.centre.keys import RoleKeys
from mqtt_schemas.centre.values import AlarmCode, AlarmNote, DeviceStatus
from mqtt_schemas.enrolment import EnrolmentAnswer, EnrolmentBundle, OpenedRequest, open_request
from mqtt_schemas.errors import ContractError
from mqtt_schemas.keys import key_id
from mqtt_schemas.messages import Signed, decode, decode_body

PAUSE = timedelta(days=1)


class Issuer:
    """Answers renewals. Used by the worker's thread, inside its transaction."""

    def __init__(self, folder: CentreFolder, keys: RoleKeys) -> None:
        self._folder = folder
        self._keys = keys

    def answer(self, owner: str, payload: bytes, database: Database, at: datetime) -> bytes | AlarmNote:
        """What to send on `down/certificate`, or the alarm for a request that is refused. Raises StoreFailed."""
        database.alone()
        bench = Bench(self._folder, database, at)
        device = bench.store.device(owner)
        if device is None or device.status is not DeviceStatus.ENROLLED:
            return refusal(device, "a renewal")
        try:
            # Before anything that costs more: a stranger to the journal key is refused at the price of reading.
            if decode(Signed, payload).key != key_id(device.journal_key):
                raise BadEnrolment(owner, "asks with other keys than it is enrolled with")
            opened = open_request(payload)
            if opened.request.device != owner:
                return AlarmNote(AlarmCode.FOREIGN_DEVICE, f"a renewal of {opened.request.device}")
            require_same(device, opened)
            newest = bench.book.newest(owner)
            if newest is not None and _answers(newest, opened, at):
                return newest.answer
            held = newest.names if newest is not None else ()
            if more := sorted(set(opened.names) - set(held)):
                raise BadEnrolment(owner, f"asks for names it was never handed: {', '.join(more)}")
            return self._issue(bench, opened)
        except ContractError as error:
            return AlarmNote(AlarmCode.RENEWAL, str(error))

    def _issue(self, bench: Bench, opened: OpenedRequest) -> bytes:
        authority, request = Authority.load(self._folder.path), opened.request
        number = bench.book.write(
            What.RENEWED,
            request.device,
            request.post,
            request.journal_key,
            person="",
            reason="by line",
            at=bench.at,
        )
        answer, _ = hand_over(bench, self._keys, authority, number, opened)
        return answer


def _answers(newest: Answer, opened: OpenedRequest, at: datetime) -> bool:
    """Whether what was handed a moment ago is still the answer: for the same keys, and not long since."""
    handed = decode(Signed, decode(EnrolmentAnswer, newest.answer).bundle)
    bundle = decode_body(EnrolmentBundle, handed.body)
    return (
        timedelta(0) <= at - bundle.issued < PAUSE
        and bundle.journal_key == opened.request.journal_key
        and bundle.post == opened.request.post
        and set(opened.names) <= set(newest.names)
    )
