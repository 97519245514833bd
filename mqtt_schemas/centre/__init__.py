"""The reference data centre on SQLite: see README.md."""
