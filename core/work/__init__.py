"""The ways through the house that talk to a shop: read orders, run discounts' effects, poll, reconcile, backfill, hooks.

Each is: a short transaction that takes a lease, the call to the shop outside any transaction, a transaction that records.
"""
