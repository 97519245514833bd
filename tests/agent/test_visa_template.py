"""A visa whose record holds a face as a template only: compared like a portrait, by the network that made it."""

from __future__ import annotations

from datetime import date

from msgspec import structs

from border_agent.agent.references import References
from border_agent.faces import ReferenceKind, Zone
from border_agent.faces.templates import template_of
from mqtt_schemas.records import VisaRecord
from tests.agent.conftest import Start
from tests.agent.desk_kit import of_kiosk
from tests.agent.face_kit import live_frames
from tests.agent.test_promises import until


def test_a_template_of_the_list_is_compared_with_the_live_face(start: Start) -> None:
    agent, client = start()
    until(lambda: client.capabilities()["ready"])
    eyes, answers = agent.desk._eyes, agent.desk._answers
    faces = [eyes.stored_face(live_frames(traveller)[0].read_bytes()) for traveller in (2, 3)]
    mine, another = [face for face in faces if face is not None]
    template, scale = template_of(mine.embedding)
    model = answers._model()
    assert model is not None
    record = VisaRecord(
        visa_id="00112233445566aa",
        issuer="UTO",
        document_issuer="BFA",
        document_number="P1234567",
        valid_from=date(2026, 1, 1),
        valid_until=date(2036, 1, 1),
        entries=1,
        template=template,
        template_scale=scale,
        template_model=model.sha256,
    )
    references = References(answers)
    references.record = answers.face_of(record)
    zones = []
    for live in (mine, another):
        (compared,) = references.compared(of_kiosk(agent), (live,)).comparisons
        assert compared.reference is ReferenceKind.visa_record
        zones.append(compared.zone)
    assert zones[0] is Zone.match
    assert zones[1] is not Zone.match
    assert answers.face_of(structs.replace(record, template_model="0" * 64)) is None
