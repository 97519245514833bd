"""Sentences as WAV files, by the program `espeak-ng` of Debian.

Text goes to its standard input and never to a command line. Files lie in a private folder, bounded in number and in
bytes, and only until `forget()`: what was said to one traveller is gone when the next one comes.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import tempfile
import threading
import unicodedata
from collections import OrderedDict
from pathlib import Path

_log = logging.getLogger(__name__)

LANGUAGE = re.compile(r"[a-z]{2,3}")
"""A language's code is the name of its voice; one that espeak-ng does not have stays silent."""

MAX_TEXT = 800
"""Characters of one utterance; what is longer is cut at a word."""

MAX_FILES = 64
MAX_BYTES = 32 * 1024 * 1024
_WAV_HEADER = 44


class Espeak:
    """One thread renders; any thread interrupts, forgets and closes."""

    def __init__(
        self, speed: int = 150, *, program: str = "espeak-ng", timeout: float = 5.0, folder: Path | None = None
    ) -> None:
        """`speed` in words a minute. A private folder is made in `folder` (where temporary files go, by default)."""
        self._speed = speed
        self._program = program
        self._timeout = timeout
        self._within = folder
        self._folder: Path | None = None  # made when needed, and anew if a cleaner of temporary files took it
        self._lock = threading.Lock()
        self._files: OrderedDict[str, int] = OrderedDict()  # name and bytes, the one used last at the end
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False
        self._generation = 0  # counts what was forgotten
        self._complaint = ""
        if shutil.which(program) is None:
            self._complain("not installed")

    @property
    def available(self) -> bool:
        """Whether speech can be made, as far as is known: the newest attempt did not fail."""
        return not self._complaint

    def render(self, text: str, language: str) -> Path | None:
        """The utterance as a file. None for a text or language that cannot be said, when interrupted, on failure."""
        text, voice = speakable(text), language if LANGUAGE.fullmatch(language) else None
        if not text or voice is None:
            return None
        name = hashlib.sha256(f"{voice} {self._speed} {text}".encode()).hexdigest() + ".wav"
        with self._lock:
            generation, self._interrupted = self._generation, False
        try:
            folder = self._private_folder()
            made, kept = folder / "being-made", folder / name
            with self._lock:
                if name in self._files and kept.is_file():
                    self._files.move_to_end(name)
                    return kept
            if not self._make(text, voice, made):
                return None
            with self._lock:
                if generation == self._generation:
                    self._files[name] = made.stat().st_size
                    made.replace(kept)
                    self._tidy(folder)
                    return kept
            made.unlink()
        except OSError as error:
            self._complain(error.strerror or type(error).__name__)
        return None

    def interrupt(self) -> None:
        """End a rendering under way; its `render` gives None."""
        with self._lock:
            self._interrupted = True
            if self._process is not None:
                self._process.kill()

    def forget(self) -> None:
        """Remove everything that was said."""
        with self._lock:
            self._generation += 1
            if self._folder is not None:
                for name in self._files:
                    (self._folder / name).unlink(missing_ok=True)
            self._files.clear()

    def close(self) -> None:
        self.interrupt()
        self.forget()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _private_folder(self) -> Path:
        with self._lock:
            if self._folder is None or not self._folder.is_dir():
                self._files.clear()
                self._folder = Path(tempfile.mkdtemp(prefix="borne-voice-", dir=self._within))
            return self._folder

    def _tidy(self, folder: Path) -> None:
        while len(self._files) > MAX_FILES or (len(self._files) > 1 and sum(self._files.values()) > MAX_BYTES):
            (folder / self._files.popitem(last=False)[0]).unlink(missing_ok=True)

    def _make(self, text: str, voice: str, made: Path) -> bool:
        command = [self._program, "-v", voice, "-s", str(self._speed), "-b", "1", "-z", "-w", str(made), "--stdin"]
        try:
            with self._lock:
                if self._interrupted:
                    return False
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            self._process.communicate(text.encode(), self._timeout)
        except subprocess.TimeoutExpired:
            complaint = f"no answer in {self._timeout:g} s"
        except OSError as error:
            complaint = error.strerror or type(error).__name__
        else:
            complaint = f"ended with {self._process.returncode}" if self._process.returncode else ""
            # It ends well even where it could not write.
            if not complaint and not (made.is_file() and made.stat().st_size > _WAV_HEADER):
                complaint = "made no sound"
        finally:
            with self._lock:
                process, self._process = self._process, None
            if process is not None:
                process.kill()
                process.wait()
        if self._interrupted:
            return False
        self._complain(complaint)
        return not complaint

    def _complain(self, complaint: str) -> None:
        """Log when speech goes and when it comes back, not at every sentence."""
        if complaint and not self._complaint:
            _log.warning("no spoken guidance: %s: %s", self._program, complaint)
        elif self._complaint and not complaint:
            _log.info("spoken guidance is back")
        self._complaint = complaint


def speakable(text: str) -> str:
    """One line without control characters, at most MAX_TEXT characters."""
    kept = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Cn", "Zl", "Zp") else char for char in text)
    # espeak-ng takes what stands in double brackets for phonemes.
    kept = " ".join(kept.replace("[", " ").replace("]", " ").split())
    if len(kept) <= MAX_TEXT:
        return kept
    head, _, _ = kept[: MAX_TEXT + 1].rpartition(" ")
    return head or kept[:MAX_TEXT]
