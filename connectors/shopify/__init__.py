"""The adapter of Shopify: installation, tokens, signed requests, its Admin API. Read domains.py and session_tokens.py first."""
