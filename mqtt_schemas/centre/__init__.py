"""The reference data centre, on SQLite or PostgreSQL: see README.md."""
