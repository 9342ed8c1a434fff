"""The protocol of WooCommerce around the neutral shop, as measured on real 11.0.1 and 8.2.2. Read `site.py` first."""
