"""What the shop's pages need from the platform around them: who is there, their cart, and the plugin's HTML."""

from typing import Protocol

from werkzeug.wrappers import Response

from demo.shop.entities import Cart
from demo.shop.faults import Faults
from demo.shop.store import Store


class Desk(Protocol):
    """Each method speaks about the request at hand."""

    @property
    def store(self) -> Store: ...

    @property
    def faults(self) -> Faults: ...

    def customer_id(self) -> int:
        """The signed-in customer, 0 for a guest."""

    def cart(self) -> Cart: ...

    def sign_in(self, response: Response, customer_id: int) -> None: ...

    def sign_out(self, response: Response) -> None: ...

    def plugin_html(self, order_id: int | None) -> str:
        """What the loyalty plugin prints into the footer; an order id on the thank-you page only."""
