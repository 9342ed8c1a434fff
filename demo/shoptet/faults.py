"""What can go wrong at Shoptet, beside what can go wrong in any shop (demo/shop/faults.py)."""

from dataclasses import dataclass

from demo.shop.faults import Faults

API_MODES = ("", "throttled", "expired", "no_rights")


@dataclass
class ShoptetFaults(Faults):
    """`api_mode`: one of API_MODES, beside those of `rest_mode`; "throttled" is nginx's 429 without JSON. `triple`: each
    webhook arrives three times. `lose_answers`: writes are carried out, and then the connection breaks. `usage_lags`:
    nobody has used a coupon yet, says the platform. `latency_s`: each answer of the API comes so much later.
    `refuse_tokens`: getAccessToken fails with 500. `jobs_fail`: jobs end as failed. `jobs_hang`: jobs are not processed;
    after three hours they have failed, without a word. `name_left_out`: creating coupons says in `errors` which ones
    were left out.
    """

    api_mode: str = ""
    triple: bool = False
    lose_answers: bool = False
    usage_lags: bool = False
    latency_s: float = 0.0
    refuse_tokens: bool = False
    jobs_fail: bool = False
    jobs_hang: bool = False
    name_left_out: bool = False
