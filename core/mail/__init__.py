"""Letters that wait to be mailed: written with the work that causes them, sent by the worker. Read tables.py, then commands.py."""
