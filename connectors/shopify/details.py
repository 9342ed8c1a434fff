"""What a shop's details say, beyond what the admin shows: words that install.py writes and connector.py reads."""

NAMES, GRANTED = "names", "granted"  # whether names and e-mail addresses of customers may be read
ORDERS_REACH, ALL = "orders_reach", "all"  # how far back orders can be read; else the last 60 days
