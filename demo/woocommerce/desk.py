"""The shop pages' view of the WordPress site around them."""

from flask import g, request
from werkzeug.wrappers import Response

from demo.shop.entities import Cart
from demo.shop.faults import Faults
from demo.shop.store import Store
from demo.woocommerce import visitors
from demo.woocommerce.plugin import Plugin
from demo.woocommerce.site import Site


class WordPressDesk:
    """Implements `demo.shop.desk.Desk` by cookies."""

    def __init__(self, site: Site, plugin: Plugin | None) -> None:
        self.site = site
        self.plugin = plugin

    @property
    def store(self) -> Store:
        return self.site.store

    @property
    def faults(self) -> Faults:
        return self.site.faults

    def customer_id(self) -> int:
        return visitors.customer_of(self.site, request)

    def cart(self) -> Cart:
        """The visitor's cart; one who has none sees an empty one, and nothing is stored."""
        if "cart" not in g:
            visitor = visitors.recognise(self.site, request)
            known = visitor.customer_id or visitor.name in self.site.store.carts
            g.cart = visitors.cart_of(self.site, visitor) if known else Cart()
        cart: Cart = g.cart
        return cart

    def sign_in(self, response: Response, customer_id: int) -> None:
        guest = request.cookies.get(visitors.session_cookie(self.site), "")
        visitors.sign_in(self.site, response, customer_id, guest=guest)

    def sign_out(self, response: Response) -> None:
        visitors.sign_out(self.site, request, response)

    def plugin_html(self, order_id: int | None) -> str:
        return self.plugin.script(order_id=order_id) if self.plugin is not None else ""
