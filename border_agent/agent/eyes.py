"""The camera steps: one look each, so that whoever asks can stop between two looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from border_agent.config import CameraRole
from border_agent.decoding import DecodedCode, EmbeddingMode, EncodedPicture, FoundFace
from border_agent.decoding.camera import CameraProcess
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import Calibration, choose_face, quality_issues

FRAME_SECONDS = 1.0
"""How long one look waits for a frame."""
FACE_SECONDS = 5.0
"""How long the worker may take for one picture: many times what it needs on a loaded machine."""


PATIENCE = 4
"""After so many times the frames a calibration wishes for, poor ones are compared rather than none."""


def choose_probes(probes: Sequence[FoundFace], calibration: Calibration) -> list[FoundFace] | None:
    """The live frames to compare: as many good ones as the calibration averages; None: look again."""
    wanted = calibration.probe_mode.frames
    good = [probe for probe in probes if not quality_issues(probe)]
    if len(good) >= wanted:
        return good[-wanted:]
    if len(probes) >= PATIENCE * wanted:
        return sorted(probes, key=lambda probe: probe.sharpness)[-wanted:]
    return None


class Eyes:
    """What the cameras show, as codes and faces. Every call raises DecoderError where the worker fails."""

    def __init__(self, worker: DecodingWorker, cameras: Mapping[CameraRole, CameraProcess]) -> None:
        self._worker = worker
        self._cameras = cameras

    def sees(self, role: CameraRole) -> bool:
        """Whether this device has such a camera at all."""
        return role in self._cameras

    def codes(self) -> Sequence[DecodedCode]:
        """Codes in the document camera's next frame."""
        frame = self._cameras[CameraRole.DOCUMENT].latest(FRAME_SECONDS)
        return self._worker.find_codes(frame) if frame is not None else ()

    def faces(self, role: CameraRole) -> Sequence[FoundFace]:
        """The faces in a camera's next frame, with their embeddings."""
        frame = self._cameras[role].latest(FRAME_SECONDS)
        return self._worker.find_faces(frame, FACE_SECONDS, upsample=0) if frame is not None else ()

    def stored_face(self, picture: bytes) -> FoundFace | None:
        """The face in a stored portrait, small ones included."""
        encoded = EncodedPicture(picture)
        return choose_face(self._worker.find_faces(encoded, FACE_SECONDS, embedding=EmbeddingMode.mirrored))
