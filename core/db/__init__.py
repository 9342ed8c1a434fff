"""All that knows the database engine. Read engine.py (connections, transactions), types.py (columns), migrate.py."""
