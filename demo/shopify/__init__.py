"""The protocol of Shopify around the neutral shop. Read fake_shop.py first, then graphql_door.py and the views."""
