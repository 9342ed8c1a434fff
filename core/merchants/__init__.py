"""Merchants, their shops with sealed credentials, staff with roles, and the audit. Read tables.py, then commands.py."""
