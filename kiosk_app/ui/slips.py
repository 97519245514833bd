"""A slip's code as people read it."""

from __future__ import annotations


def grouped(code: str) -> str:
    """K7Q2FD as K7Q-2FD: two short groups are read out and typed without a mistake."""
    return f"{code[:3]}-{code[3:]}" if len(code) == 6 else code
