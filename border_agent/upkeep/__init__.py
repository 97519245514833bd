"""Keeping a device well: its identity, its releases, its backups, and what is wrong with it."""
