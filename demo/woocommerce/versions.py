"""The two measured generations of WooCommerce and every difference between them that the demo shop keeps."""

from dataclasses import dataclass, field

from demo.shop.store import Rules


@dataclass(frozen=True, slots=True)
class Version:
    """The defaults are a current shop; an old one overrides them. Comments name the version that changed it."""

    woocommerce: str = "11.0.1"
    wordpress: str = "7.1"
    hpos: bool = True
    rules: Rules = field(default_factory=Rules)
    # WordPress 6.7: links carry targetHints; WooCommerce 9.8: orders link to e-mail templates.
    link_hints: bool = True
    # 8.7: coupon lines have discount_type, nominal_amount, free_shipping and coupon_info instead of coupon_data.
    coupon_info: bool = True
    # 9.0: GET /refunds
    refunds_route: bool = True
    # 9.1: line items have global_unique_id
    global_unique_id: bool = True
    # 9.3: the Store API takes a Cart-Token instead of a Nonce
    cart_token_alone: bool = True
    # 10.9: refunds[].total_tax in orders, _refund_type on refunds, item taxes rounded to cents
    refund_total_tax: bool = True
    rounded_item_taxes: bool = True
    # Old shops write a checkout-draft when the checkout page opens.
    drafts_at_checkout: bool = False
    # Old posts storage: trashing an order also announces coupon.deleted with the order's id.
    order_trash_deletes_coupon: bool = False
    # Old: trashing a coupon works and answers 500; PUT status "draft" does nothing.
    coupon_trash_answers_500: bool = False
    coupon_status_writable: bool = True
    spaced_postcodes: bool = True
    cart_item_type: bool = True
    cart_token_issuer: str = "store-api"
    # Empty objects inside an error of an old shop come out as empty lists.
    objects_in_errors: bool = True


CURRENT = Version()
LEGACY = Version(
    woocommerce="8.2.2",
    wordpress="6.4.10",
    hpos=False,
    rules=Rules(
        coupons_reserved=False,
        emails_checked_in_cart=False,
        emails_checked_on_staff_orders=False,
        usage_restored_on=frozenset({"cancelled"}),
        edits_move_modified=False,
        remainder_goes_round=False,
    ),
    link_hints=False,
    coupon_info=False,
    refunds_route=False,
    global_unique_id=False,
    cart_token_alone=False,
    refund_total_tax=False,
    rounded_item_taxes=False,
    drafts_at_checkout=True,
    order_trash_deletes_coupon=True,
    coupon_trash_answers_500=True,
    coupon_status_writable=False,
    spaced_postcodes=False,
    cart_item_type=False,
    cart_token_issuer="wc/store/v1",
    objects_in_errors=False,
)

VERSIONS: dict[str, Version] = {version.woocommerce: version for version in (CURRENT, LEGACY)}
