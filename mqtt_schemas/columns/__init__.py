"""Journal entries by field instead of by row (`columns+zstd`)."""

from __future__ import annotations

from mqtt_schemas.columns.rows import pack, unpack

__all__ = ["pack", "unpack"]
