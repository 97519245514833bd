"""The kiosk's window on its true agent: frames, touch to paint, start, memory, machine time of a traveller.

Each size is a process of its own (`kiosk_window.py`), as Kivy has one window a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


def measure() -> Iterator[tuple[str, float, str, str, float]]:
    for size in ("1080x1920", "1280x800"):
        ran = subprocess.run(
            [sys.executable, HERE / "kiosk_window.py", size], capture_output=True, text=True, cwd=HERE.parent.parent
        )
        if ran.returncode:
            raise RuntimeError(ran.stderr[-2000:])
        found = json.loads(ran.stdout.splitlines()[-1])
        empty = "an empty window's frame, same run"
        frame = 1000 / found["face_frames"]
        yield f"{size}: frame with preview and face search", frame, "ms", empty, frame / found["empty_ms"]
        yield f"{size}: frames a second with preview", found["face_frames"], "/s", "aim 27", found["face_frames"] / 27
        yield f"{size}: previews a second", found["previews"], "/s", "camera's 15", found["previews"] / 15
        yield f"{size}: face searches a second", found["searches"], "/s", "aim 5", found["searches"] / 5
        for share in ("p50", "p95"):
            value = found[f"touch_{share}"]
            yield f"{size}: touch to paint, {share}", value, "ms", "aim 50", value / 50
        yield f"{size}: start to first frame", found["first_frame"], "s", "python -c pass", found["start_ratio"]
        yield (
            f"{size}: window's memory",
            found["memory"] / 1e6,
            "MB",
            "python -c 'import kivy'",
            found["memory_ratio"],
        )
        yield f"{size}: a traveller, p95", found["visit_p95"], "s", "aim 20", found["visit_p95"] / 20
        value = found["machine_p95"]
        yield f"{size}: of it machine time, p95", value, "ms", "aim 2,000", value / 2000
