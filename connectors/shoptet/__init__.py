"""The adapter of Shoptet: its addon installation, its REST API, its webhooks. Read connector.py first."""
