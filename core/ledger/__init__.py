"""How points move: an append-only double-entry book, a hash chain per member. Read ../../docs/ledger.md, book.py (pure), commands.py."""
