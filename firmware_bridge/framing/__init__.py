"""Protocols without input or output: bytes in, frames out. One protocol a file."""
