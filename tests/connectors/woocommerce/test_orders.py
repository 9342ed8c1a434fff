"""Reading orders and customers: what is asked for, pages that shift, rows that cannot be read."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from connectors import registry
from connectors.woocommerce.connector import capabilities_of
from core.commerce import Gone, Order, OrderState
from core.errors import InvalidInput, Unreadable
from core.ports import Capability, Installation, Platform
from tests.connectors.woocommerce.shops import API, BASE, KEY, SECRET, connector, recording, refusal

SINCE = datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=UTC)


def row(number: int, *, modified: str = "2026-11-21T10:00:00", **changes: Any) -> dict[str, Any]:
    return {**recording("rest_order_created"), "id": number, "date_modified_gmt": modified, **changes}


def asked() -> list[dict[str, str]]:
    """The query of each call so far."""
    return [
        {name: values[-1] for name, values in parse_qs(urlsplit(str(call.request.url)).query).items()}
        for call in responses.calls
    ]


@responses.activate
def test_an_order_with_refunds_is_read_with_their_lines() -> None:
    responses.get(f"{API}/orders/15", json=recording("rest_order_fully_refunded"))
    responses.get(
        f"{API}/orders/15/refunds", json=[recording("rest_refund_amount_only"), recording("rest_refund_partial")]
    )

    order = connector().orders.get_order("15")

    assert isinstance(order, Order)
    assert [(refund.external_id, refund.gross) for refund in order.refunds] == [("16", 1044), ("17", 3796)]
    assert order.state is OrderState.REFUNDED


@responses.activate
def test_an_order_without_refunds_is_read_with_one_call() -> None:
    responses.get(f"{API}/orders/15", json=recording("rest_order_created"))

    connector().orders.get_order("15")

    assert len(responses.calls) == 1


@responses.activate
def test_an_order_that_vanishes_between_two_reads_is_no_statement() -> None:
    responses.get(f"{API}/orders/15", json=recording("rest_order_fully_refunded"))
    responses.get(f"{API}/orders/15/refunds", **refusal("woocommerce_rest_order_invalid_id", 404))

    with pytest.raises(Unreadable):
        connector().orders.get_order("15")


@responses.activate
def test_an_answer_about_another_order_is_no_statement() -> None:
    responses.get(f"{API}/orders/16", json=recording("rest_order_created"))

    with pytest.raises(Unreadable):
        connector().orders.get_order("16")


@responses.activate
def test_an_order_that_cannot_be_understood_is_no_statement() -> None:
    responses.get(f"{API}/orders/15", json={**recording("rest_order_created"), "total": "a lot"})

    with pytest.raises(Unreadable, match="15"):
        connector().orders.get_order("15")


@responses.activate
def test_the_trash_is_gone_and_what_is_not_there_is_deleted() -> None:
    responses.get(f"{API}/orders/15", json=row(15, status="trash"))
    responses.get(f"{API}/orders/16", **refusal("woocommerce_rest_shop_order_invalid_id", 404, "Invalid ID."))

    assert connector().orders.get_order("15") == Gone(external_id="15", reason="trashed")
    assert connector().orders.get_order("16") == Gone(external_id="16", reason="deleted")


@pytest.mark.parametrize("text", ["", "abc", "../coupons/5", "5?force=true", "-1", "1 OR 1"])
@responses.activate
def test_an_id_that_is_none_is_never_asked_for(text: str) -> None:
    with pytest.raises(InvalidInput):
        connector().orders.get_order(text)
    with pytest.raises(InvalidInput):
        connector().customers.get_customer(text)
    assert len(responses.calls) == 0


@responses.activate
def test_polling_asks_for_changes_in_utc_and_then_for_the_trash() -> None:
    responses.get(f"{API}/orders", json=[row(1)])
    responses.get(f"{API}/orders", json=[row(2, status="trash")])
    orders = connector().orders

    first = orders.list_orders(changed_since=SINCE)
    second = orders.list_orders(changed_since=SINCE, cursor=first.cursor)

    assert ([each.external_id for each in first.items], [each.state for each in second.items]) == (
        ["1"],
        [OrderState.CANCELLED],
    )
    assert second.cursor is None
    asked_first, asked_second = asked()
    # The shop's filter is "later than", in whole seconds: one second before says "at or after".
    assert asked_first["modified_after"] == asked_second["modified_after"] == "2026-11-21T09:59:59"
    assert asked_first["dates_are_gmt"] == "true"
    assert (asked_first["orderby"], asked_first["order"]) == ("modified", "asc")
    assert (asked_first["status"], asked_second["status"]) == ("any", "trash")


@responses.activate
def test_polling_goes_on_from_the_last_change_seen_so_that_shifting_pages_hide_nothing() -> None:
    full = [row(number, modified=f"2026-11-21T10:{number // 60:02}:{number % 60:02}") for number in range(100)]
    responses.get(f"{API}/orders", json=full)
    responses.get(f"{API}/orders", json=[row(100, modified="2026-11-21T10:01:39")])
    orders = connector().orders

    page = orders.list_orders(changed_since=SINCE)
    orders.list_orders(changed_since=SINCE, cursor=page.cursor)

    assert asked()[1]["page"] == "1"
    assert asked()[1]["modified_after"] == "2026-11-21T10:01:38"


@responses.activate
def test_more_changes_in_one_second_than_a_page_holds_are_all_read() -> None:
    same = "2026-11-21T10:00:00"
    responses.get(f"{API}/orders", json=[row(number, modified=same) for number in range(100)])
    responses.get(f"{API}/orders", json=[row(number, modified=same) for number in range(100, 200)])
    responses.get(f"{API}/orders", json=[row(200, modified=same)])
    responses.get(f"{API}/orders", json=[])
    orders = connector().orders

    seen: list[str] = []
    page = orders.list_orders(changed_since=SINCE)
    seen += [each.external_id for each in page.items]
    while page.cursor:
        page = orders.list_orders(changed_since=SINCE, cursor=page.cursor)
        seen += [each.external_id for each in page.items]

    assert seen == [str(number) for number in range(201)]
    assert [query["page"] for query in asked()] == ["1", "2", "3", "1"]


@responses.activate
def test_a_row_that_cannot_be_read_is_named_and_stops_nothing() -> None:
    responses.get(f"{API}/orders", json=[row(1), row(2, total="?"), row(3, currency="BITCOIN"), row(4)])

    page = connector().orders.list_orders(changed_since=SINCE)

    assert [each.external_id for each in page.items] == ["1", "4"]
    assert page.unreadable == ("2", "3")


@responses.activate
def test_the_backfill_reads_by_id_and_refunds_only_where_there_are_some() -> None:
    responses.get(
        f"{API}/orders", json=[row(1), recording("rest_order_partially_refunded")], headers={"X-WP-Total": "2"}
    )
    responses.get(f"{API}/orders/15/refunds", json=[recording("rest_refund_partial")])

    page = connector().orders.list_placed_orders(placed_since=SINCE)

    assert [len(each.refunds) for each in page.items] == [0, 1]
    assert (page.cursor, page.total, len(responses.calls)) == (None, 2, 2)
    assert (asked()[0]["orderby"], asked()[0]["after"], asked()[0]["status"]) == ("id", "2026-11-21T09:59:59", "any")
    assert "line_items" in asked()[0]["_fields"]


@responses.activate
def test_a_full_page_of_the_backfill_has_a_next_one() -> None:
    responses.get(f"{API}/orders", json=[row(number) for number in range(100)])
    responses.get(f"{API}/orders", json=[])
    orders = connector().orders

    first = orders.list_placed_orders(placed_since=None)
    second = orders.list_placed_orders(placed_since=None, cursor=first.cursor)

    assert (asked()[1]["page"], second.items, second.cursor) == ("2", [], None)
    assert "after" not in asked()[0]


@responses.activate
def test_customers_are_listed_whatever_their_role() -> None:
    responses.get(f"{API}/customers", json=[recording("rest_customer"), {"id": None}], headers={"X-WP-Total": "2"})

    page = connector().customers.list_customers()

    assert [each.external_id for each in page.items] == ["2"]
    assert (asked()[0]["role"], asked()[0]["orderby"], page.unreadable) == ("all", "id", ("None",))


@pytest.mark.parametrize("cursor", ["x", "0", "-1", "[1]", '["any", 1]', '["draft", 1, 1]', '["any", 1, 0]', "null"])
@responses.activate
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        connector().orders.list_orders(changed_since=SINCE, cursor=cursor)
    with pytest.raises(InvalidInput):
        connector().orders.list_placed_orders(placed_since=None, cursor=cursor)


@pytest.mark.parametrize(
    ("version", "safe"),
    [("11.0.1", True), ("9.6.0", True), ("9.6", True), ("10.0.0-beta.1", True), ("9.5.9", False), ("8.2.2", False),
     ("", False), (None, False), ("new", False)],
)  # fmt: skip
def test_single_use_is_safe_only_where_the_version_says_so(version: str | None, safe: bool) -> None:
    assert (Capability.SINGLE_USE_IS_SAFE in capabilities_of(version)) is safe


def test_an_installation_without_keys_is_refused_before_any_call() -> None:
    for credentials in ({}, {"consumer_key": KEY}, {"consumer_key": "", "consumer_secret": SECRET}):
        installation = Installation(shop_key="s", platform=Platform.WOOCOMMERCE, base_url=BASE, credentials=credentials)
        with pytest.raises(InvalidInput):
            registry.connect(installation, policy=registry.AddressPolicy())
