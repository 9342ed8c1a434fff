"""What a shop already knows of a customer when the first page opens."""

from dataclasses import replace

from demo.shop.entities import Address, Cart
from demo.shop.store import Store

HOME_COUNTRY = "CZ"


def first_cart(store: Store, customer_id: int) -> Cart:
    """An empty cart, with the account's address on it where there is one."""
    customer = store.customers.get(customer_id)
    if customer is None:
        return Cart(billing=Address(country=HOME_COUNTRY), shipping=Address(country=HOME_COUNTRY))
    billing = replace(customer.billing, email=customer.billing.email or customer.email)
    shipping = customer.shipping if customer.shipping.city else replace(billing, email="")
    if not billing.country:
        billing, shipping = replace(billing, country=HOME_COUNTRY), replace(shipping, country=HOME_COUNTRY)
    return Cart(billing=billing, shipping=shipping, address_known=bool(billing.city))
