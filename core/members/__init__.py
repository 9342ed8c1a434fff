"""Members: who is enrolled, under which customers of which shops. Read tables.py, then commands.py."""
