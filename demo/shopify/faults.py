"""What can go wrong at Shopify, beside what can go wrong in any shop (demo/shop/faults.py)."""

from dataclasses import dataclass

from demo.shop.faults import Faults

API_MODES = ("", "frozen", "locked", "forbidden", "throttled", "max_cost", "internal_error")


@dataclass
class ShopifyFaults(Faults):
    """`api_mode`: one of API_MODES. `unapproved`: coordinates (Customer.firstName ...) that the app may not read, with
    commas between; `level_1` and `level_2` stand for the usual ones. `lose_answers`: mutations are carried out, and then
    the connection breaks. `usage_lags`: nobody has used a code yet, says the platform. `bulk_fails`: bulk operations end
    as FAILED with part of the data. `refuse_tokens`: the token endpoint refuses whatever comes.
    """

    api_mode: str = ""
    unapproved: str = ""
    lose_answers: bool = False
    bulk_fails: bool = False
    usage_lags: bool = False
    refuse_tokens: bool = False
