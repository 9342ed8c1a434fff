"""The door for shoppers: storefront widget (source/) and the HTTP behind it. Read presenters.py first: the shapes."""
