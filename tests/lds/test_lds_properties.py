"""Whatever the bytes, a reader gives a value or raises its own error."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from border_agent.documents.lds import LdsError, read_card_security, read_image, read_public_key, read_signed_data
from tests.lds.lds_samples import FILES, codestream, ec_info, face_39794, jp2, jpeg

READERS = [reader for reader, _ in FILES.values()]
NAMES = st.sampled_from(sorted(FILES))


def read(name: str, content: bytes) -> None:
    try:
        FILES[name][0](content)
    except LdsError as error:
        assert error.code.startswith("lds")


@given(name=NAMES, content=st.binary(max_size=300))
@example(name="DG14", content=b"\x6e\x82\x40\x00" + b"\x31\x80" * 0x2000)
@example(name="EF.CardAccess", content=b"\x31\x80" * 4000)
def test_random_bytes(name: str, content: bytes) -> None:
    read(name, content)


@given(name=NAMES, data=st.data())
def test_good_files_with_bytes_changed_cut_or_doubled(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name][1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                content[at] = data.draw(st.integers(0, 255))
            case 1:
                del content[at : at + data.draw(st.integers(1, 8))]
            case 2:
                content[at:at] = content[at : at + 16]
        if not content:
            break
    read(name, bytes(content))


@given(st.sampled_from([jpeg(), jp2(), codestream(), face_39794(jpeg())]), st.data())
def test_pictures_changed(picture: bytes, data: st.DataObject) -> None:
    content = bytearray(picture)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    image = read_image(bytes(content))
    assert image is None or (0 < image.width <= 10_000 and 0 < image.height <= 10_000)


@given(st.data())
def test_keys_changed(data: st.DataObject) -> None:
    content = bytearray(ec_info(explicit=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_public_key("key", bytes(content))
    except LdsError:
        pass


@given(st.binary(max_size=400))
def test_containers_of_random_bytes(content: bytes) -> None:
    for prefix in (b"", b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80"):
        with pytest.raises(LdsError):
            read_signed_data(prefix + content, "container")
        with pytest.raises(LdsError):
            read_card_security(prefix + content)
