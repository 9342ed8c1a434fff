"""Alembic migrations: numbered, one concern each, forward only. env.py wires them; versions/ holds them."""
