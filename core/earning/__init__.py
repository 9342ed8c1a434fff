"""From orders to points. snapshot.py and assess.py are pure; settlement.py books; reading.py reads orders back from the shop."""
