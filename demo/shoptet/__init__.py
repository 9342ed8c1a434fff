"""A fake Shoptet on top of the neutral shop: its API, its OAuth servers, its webhooks, its storefront and its admin."""
