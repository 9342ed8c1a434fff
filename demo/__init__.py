"""A small online shop to try Regulars on, and the stateful fake our tests run against.

`shop/` is the neutral shop (catalogue, cart, orders, refunds, back office); each other folder is the protocol of
one platform and nothing else. Nothing here imports the product: it is talked to over HTTP, as any shop would.
Start with README.md, then `server.py`.
"""
