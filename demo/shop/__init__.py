"""The neutral shop: what is sold, to whom, for how much, and what happened to it since. Read `entities.py` first."""
