"""The loyalty program itself: no web framework, no HTTP, no platform SDK. Read commerce.py (words), then ledger/ (how points move)."""
