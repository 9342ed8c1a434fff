"""The adapter of WooCommerce: its REST API, its webhooks and our plugin for it. Read connector.py first."""
