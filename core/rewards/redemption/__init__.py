"""One redemption from quote to the end. quote.py and effect.py are pure; commands.py writes; fulfil.py talks to the shop."""
