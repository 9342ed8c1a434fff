"""Reading orders: how the lists are walked, what one broken thing stops and what it does not, whose notes are an order's."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from connectors.shoptet.client import Client
from connectors.shoptet.customers import ShoptetCustomers
from connectors.shoptet.gate import Gate
from connectors.shoptet.notes import CreditNotes
from connectors.shoptet.orders import ShoptetOrders
from connectors.shoptet.snapshots import LOOKS_S, PAGES, Snapshot
from connectors.transport import AddressPolicy, Transport
from core.commerce import Gone, Order
from core.errors import InvalidInput, Unreadable
from tests.connectors.scripted import ScriptedServer, answer
from tests.connectors.shoptet.bodies import item, note, order

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Say = Callable[[str, Mapping[str, str]], Any]
Ask = Callable[[ShoptetOrders], Any]


class Shop:
    """Answers by path and query what `say` says: data, or an error's code. Remembers what was asked."""

    def __init__(self, say: Say) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._say = say

    def run(self, ask: Callable[[Client, Transport], Any]) -> Any:
        transport = Transport(AddressPolicy(allow_loopback=True), sleep=lambda seconds: None)
        with ScriptedServer([]) as server:
            self.url = server.url
            server.answers = [lambda connection: connection.sendall(self._answer(server.asked[-1].target))]
            client = Client({"access_token": "1"}, transport, Gate(sleep=lambda seconds: None), origin=server.url)
            return ask(client, transport)

    def orders(self, ask: Ask) -> Any:
        def with_client(client: Client, transport: Transport) -> Any:
            snapshot = Snapshot(client, transport, "/api/orders/snapshot")
            return ask(ShoptetOrders(client, CreditNotes(client), snapshot, now=lambda: NOW))

        return self.run(with_client)

    def customers(self, ask: Callable[[ShoptetCustomers], Any]) -> Any:
        return self.run(
            lambda client, files: ask(ShoptetCustomers(client, Snapshot(client, files, "/api/customers/snapshot")))
        )

    def _answer(self, target: str) -> bytes:
        url = urlsplit(target)
        path, query = unquote(url.path), {name: values[0] for name, values in parse_qs(url.query).items()}
        self.asked.append((path, query))
        said = self._say(path, query)
        if isinstance(said, bytes):
            return said
        if isinstance(said, str):
            error = {"errorCode": said, "message": said, "instance": path.split("/")[-1]}
            return answer("404 No", json.dumps({"data": None, "errors": [error]}).encode())
        return answer(body=json.dumps({"data": said, "errors": None}).encode())


def pages(count: int) -> dict[str, int]:
    return {"totalCount": count * 20, "page": 1, "pageCount": count, "itemsOnPage": 20, "itemsPerPage": 20}


def no_notes(path: str, query: Mapping[str, str]) -> Any:
    return {"creditNotes": [], "paginator": pages(0)} if path == "/api/credit-notes" else "order-not-found"


# One order ----------------------------------------------------------------------------------------------------------


def test_an_order_that_answers_by_another_code_is_no_statement() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        return (
            {"order": order([], "0.00", code="2026999999")}
            if path.startswith("/api/orders/")
            else no_notes(path, query)
        )

    with pytest.raises(Unreadable, match="another order"):
        Shop(say).orders(lambda orders: orders.get_order("2026000123"))


def test_an_order_that_is_not_understood_is_no_statement_and_says_why() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        return (
            {"order": order([], "0.00") | {"items": "none"}}
            if path.startswith("/api/orders/")
            else no_notes(path, query)
        )

    with pytest.raises(Unreadable, match="items"):
        Shop(say).orders(lambda orders: orders.get_order("2026000123"))


def test_statuses_are_asked_for_only_where_an_order_does_not_say_and_then_remembered() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/orders/statuses":
            return {"statuses": [{"id": 7, "markAsPaid": True}]}
        paid = True if path.endswith("1") else None
        code = path.split("/")[-1]
        return (
            {"order": order([], "0.00", code=code, paid=paid, status={"id": 7})}
            if path.startswith("/api/orders/")
            else no_notes(path, query)
        )

    shop = Shop(say)
    shop.orders(lambda orders: [orders.get_order(code) for code in ("A1", "A2", "A3")])

    assert [path for path, _ in shop.asked].count("/api/orders/statuses") == 1


# Credit notes -------------------------------------------------------------------------------------------------------


def notes_of(say: Say) -> tuple[list[str], list[str]]:
    """The refunds of one order, and what was asked to find them."""

    def whole(path: str, query: Mapping[str, str]) -> Any:
        if path.startswith("/api/orders/"):
            return {"order": order([item("product", 1, "100.00")], "100.00")}
        if path.startswith("/api/credit-notes/"):
            return {"creditNote": note([], "10.00", path.split("/")[-1])}
        return say(path, query)

    shop = Shop(whole)
    found = shop.orders(lambda orders: orders.get_order("2026000123"))
    assert isinstance(found, Order)
    return [refund.external_id for refund in found.refunds], [path for path, _ in shop.asked]


def row(code: str, order_code: str | None = "2026000123", **more: Any) -> dict[str, Any]:
    return {"code": code, "isValid": True, "orderCode": order_code, **more}


def test_of_few_notes_those_of_the_order_are_taken_page_by_page() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        assert query["creationTimeFrom"] == "2026-11-21T09:19:58+0000"
        found = {"1": [row("D1"), row("X1", "2026000999"), row("X2", isValid=False)], "2": [row("D2"), row("X3", None)]}
        return {"creditNotes": found[query["page"]], "paginator": pages(2)}

    refunds, asked = notes_of(say)

    assert refunds == ["D1", "D2"]
    assert asked.count("/api/credit-notes") == 2


def test_of_many_notes_those_of_its_invoices_and_proofs_of_payment_are_taken() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/invoices":
            return {
                "invoices": [{"code": "F1", "orderCode": query["orderCode"]}, {"code": "F9", "orderCode": "2026000999"}]
            }
        if path == "/api/proof-payments":
            return {"items": [{"code": "P1", "orderCode": query["orderCode"]}]}
        mine = row("D1", None, invoiceCode="F1") if "invoiceCode" in query else row("D2", proofPaymentCode="P1")
        others = [row("X1", "2026000999", invoiceCode="F1"), row("X2", None, invoiceCode="F9")]
        asked_for = "invoiceCode" in query or "proofPaymentCode" in query
        return {"creditNotes": [mine, *others] if asked_for else [], "paginator": pages(1 if asked_for else 9)}

    refunds, asked = notes_of(say)

    assert refunds == ["D1", "D2"]
    assert asked.count("/api/credit-notes") == 3


@pytest.mark.parametrize("code", ["invalid-token-no-rights", "missing-module"])
def test_where_documents_may_not_be_read_all_notes_since_are_looked_through(code: str) -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path != "/api/credit-notes":
            error = {"errorCode": code, "message": "No.", "instance": "access-token"}
            return answer("403 No", json.dumps({"data": None, "errors": [error]}).encode())
        last = query["page"] == "5"
        return {"creditNotes": [row("D5")] if last else [row("X", "2026000999")], "paginator": pages(5)}

    refunds, asked = notes_of(say)

    assert refunds == ["D5"]
    assert asked.count("/api/credit-notes") == 5


DOCUMENTS = {
    "/api/invoices/F1": {"invoice": {"code": "F1", "orderCode": "2026000123"}},
    "/api/invoices/F2": {"invoice": {"code": "F2", "orderCode": None}},
    "/api/invoices/F9": {"invoice": {"code": "F9", "orderCode": "2026000999"}},
    "/api/proof-payments/P1": {"proofPayments": {"code": "P1", "orderCode": "2026000123"}},
}


def test_a_note_without_an_order_is_of_the_order_of_its_invoice_or_else_of_its_proof_of_payment() -> None:
    rows = [
        row("D1", None, invoiceCode="F1", proofPaymentCode="P9"),
        row("D2", None, proofPaymentCode="P1"),
        row("D3", None, invoiceCode="F2", proofPaymentCode="P1"),
        row("D4", None, invoiceCode="gone", proofPaymentCode="P1"),
        row("D5", None, invoiceCode="F1"),
        row("X1", None, invoiceCode="F9"),
        row("X2", None, invoiceCode="gone"),
        row("X3", None, invoiceCode="F1", isValid=False),
    ]

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes":
            return {"creditNotes": rows, "paginator": pages(1)}
        missing = "invoice-not-found" if "invoices" in path else "proof-payments-not-found"
        return DOCUMENTS.get(path, missing)

    refunds, asked = notes_of(say)

    assert refunds == ["D1", "D2", "D3", "D4", "D5"]
    documents = [path for path in asked if path.startswith(("/api/invoices/", "/api/proof-payments/"))]
    assert len(documents) == len(set(documents))


def test_no_more_documents_are_remembered_than_there_is_room_for() -> None:
    rows = [row(f"D{place}", None, invoiceCode=code) for place, code in enumerate(["F1", "F1", "F9", "F9", "F1"])]
    documents: Mapping[str, Any] = {"/api/credit-notes": {"creditNotes": rows, "paginator": pages(1)}, **DOCUMENTS}
    shop = Shop(lambda path, query: documents[path])

    found = shop.run(lambda client, files: CreditNotes(client, most_remembered=1).by_order())

    assert found == {"2026000123": ["D0", "D1", "D4"], "2026000999": ["D2", "D3"]}
    assert [path[-2:] for path, _ in shop.asked[1:]] == ["F1", "F9", "F1"]


@pytest.mark.parametrize("code", ["invalid-token-no-rights", "missing-module"])
def test_where_a_document_may_not_be_read_its_note_is_of_no_order(code: str) -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes":
            return {"creditNotes": [row("X1", None, invoiceCode="F1"), row("D1")], "paginator": pages(1)}
        error = {"errorCode": code, "message": "No.", "instance": "documents"}
        return answer("403 No", json.dumps({"data": None, "errors": [error]}).encode())

    assert notes_of(say)[0] == ["D1"]


def test_a_document_that_cannot_be_read_for_now_is_no_statement_about_the_order() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes":
            return {"creditNotes": [row("D1", None, invoiceCode="F1")], "paginator": pages(1)}
        return answer("502 Bad", b"")

    with pytest.raises(Unreadable):
        notes_of(say)


# What changed -------------------------------------------------------------------------------------------------------


def changed(say: Say, since: datetime) -> tuple[list[str], list[tuple[str, dict[str, str]]]]:
    shop = Shop(say)

    def ask(orders: ShoptetOrders) -> list[str]:
        page = orders.list_orders(changed_since=since)
        found = [each.external_id for each in page.items]
        while page.cursor:
            page = orders.list_orders(changed_since=since, cursor=page.cursor)
            found += [each.external_id for each in page.items]
        return found

    return shop.orders(ask), shop.asked


def at(seconds: int) -> str:
    return (NOW - timedelta(hours=1) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S+0000")


def change(code: str, seconds: int | None) -> dict[str, Any]:
    return {"code": code, "changeTime": None if seconds is None else at(seconds), "changeType": "edit"}


def test_a_list_in_the_order_of_time_is_gone_on_with_by_time() -> None:
    rows = [change(f"A{number}", number) for number in range(7)]

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path != "/api/orders/changes":
            return {"changes": [], "paginator": pages(0)}
        there = [each for each in rows if each["changeTime"] >= query["from"]]
        assert query["page"] == "1"
        return {"changes": there[:3], "paginator": pages(-(-len(there) // 3))}

    found, _ = changed(say, NOW - timedelta(hours=1))

    assert list(dict.fromkeys(found)) == [f"A{number}" for number in range(7)]


@pytest.mark.parametrize("times", [[5, 4, 3, 2, 1, 0], [1, 1, 1, 1, 1, 1], [None, 1, None, 2, 3, 4]])
def test_any_other_list_is_gone_on_with_by_pages(times: list[int | None]) -> None:
    rows = [change(f"A{number}", seconds) for number, seconds in enumerate(times)]

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path != "/api/orders/changes":
            return {"changes": [], "paginator": pages(0)}
        there = [each for each in rows if each["changeTime"] is None or each["changeTime"] >= query["from"]]
        begin = 2 * (int(query["page"]) - 1)
        return {"changes": there[begin : begin + 2], "paginator": pages(-(-len(there) // 2))}

    found, _ = changed(say, NOW - timedelta(hours=1))

    assert set(found) == {f"A{number}" for number, seconds in enumerate(times) if seconds is not None}


def test_of_what_shoptet_has_forgotten_the_last_page_comes_first_so_that_none_slips_through() -> None:
    """An order of the first page changes while the second is read, and all behind it move up."""
    there = [f"A{number}" for number in range(120)]

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path != "/api/orders":
            return {"changes": [], "paginator": pages(0)}
        assert query["changeTimeTo"] == "2026-10-25T12:00:00+0000"
        begin = 50 * (int(query["page"]) - 1)
        rows = [{"code": code, "changeTime": "2026-01-01T00:00:00+0100"} for code in there[begin : begin + 50]]
        if query["page"] == "2":
            there.remove("A0")
        return {"orders": rows, "paginator": pages(-(-len(there) // 50))}

    found, asked = changed(say, NOW - timedelta(days=60))

    assert set(found) == {f"A{number}" for number in range(1, 120)}
    froms = [query["from"] for path, query in asked if path.endswith("changes")]
    assert froms == ["2026-10-25T12:00:00+0000"] * 2


def test_a_note_that_is_gone_or_of_no_order_changes_none() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes/changes":
            return {"changes": [change("D1", 1), change("D2", 2), change("D3", 3)], "paginator": pages(1)}
        if path == "/api/orders/changes":
            return {"changes": [], "paginator": pages(0)}
        said = {"D1": {"creditNote": {"orderCode": "A1"}}, "D2": {"creditNote": {"orderCode": None}}}
        return said.get(path.split("/")[-1], "credit-note-not-found")

    assert changed(say, NOW - timedelta(hours=1))[0] == ["A1"]


def changed_notes(rows: list[dict[str, Any]], notes: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Orders of changed notes, and what was asked. `notes`: the list of those made since."""

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes":
            assert query["creationTimeFrom"] == at(0)
            mine = notes[2 * (int(query["page"]) - 1) :][:2]
            return {"creditNotes": mine, "paginator": pages(-(-len(notes) // 2))}
        if path.startswith("/api/credit-notes/D"):
            return {"creditNote": {"code": path[-2:], "orderCode": f"A{path[-1]}"}}
        there = {"/api/credit-notes/changes": rows, "/api/orders/changes": []}
        return {"changes": there[path], "paginator": pages(1)} if path in there else DOCUMENTS[path]

    found, asked = changed(say, NOW - timedelta(hours=1))
    return found, [path for path, _ in asked if path not in ("/api/orders/changes", "/api/credit-notes/changes")]


def test_the_orders_of_changed_notes_are_taken_from_the_list_and_only_of_the_others_one_by_one() -> None:
    rows = [change(f"D{number}", number) for number in range(1, 6)]
    notes = [row(f"D{number}", f"A{number}", isValid=number != 1) for number in (1, 2, 3)]

    found, asked = changed_notes(rows, [*notes, row("D4", None, invoiceCode="F1")])

    assert found == ["A1", "A2", "A3", "2026000123", "A5"]
    assert asked == ["/api/credit-notes"] * 2 + ["/api/invoices/F1", "/api/credit-notes/D5"]


def test_the_list_of_notes_is_looked_through_no_further_than_it_is_worth() -> None:
    many = [row(f"D{number}", f"A{number}") for number in range(9, 0, -1)]

    found, asked = changed_notes([change(f"D{number}", number) for number in (9, 8, 7, 1)], many)
    _, of_new = changed_notes([change(f"D{number}", number) for number in (9, 8, 7, 6)], many)
    _, of_few = changed_notes([change("D1", 1)], many)

    assert found == ["A9", "A8", "A7", "A1"]
    assert asked == ["/api/credit-notes"] * 3 + ["/api/credit-notes/D1"]
    assert of_new == ["/api/credit-notes"] * 2
    assert of_few == ["/api/credit-notes/D1"]


def test_the_order_of_a_changed_note_without_one_is_that_of_its_invoice() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes/X1":
            return {"creditNote": {"code": "X1", "orderCode": None, "invoiceCode": "F9"}}
        rows = [change("X1", 1)] if path == "/api/credit-notes/changes" else []
        return DOCUMENTS.get(path, {"changes": rows, "paginator": pages(1)})

    assert changed(say, NOW - timedelta(hours=1))[0] == ["2026000999"]


def test_what_changed_at_a_time_that_nobody_says_is_to_be_read() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/credit-notes/D2":
            return {"creditNote": {"orderCode": "A2"}}
        code = {"/api/orders/changes": "A1", "/api/credit-notes/changes": "D2"}[path]
        return {"changes": [change(code, None), change(code, None)], "paginator": pages(1)}

    def ask(orders: ShoptetOrders) -> list[Any]:
        first = orders.list_orders(changed_since=NOW)
        second = orders.list_orders(changed_since=NOW, cursor=first.cursor)
        return [(list(page.items), page.unreadable) for page in (first, second)]

    assert Shop(say).orders(ask) == [([], ("A1",)), ([], ("A2",))]


@pytest.mark.parametrize(
    "cursor", ["", "[]", "x", '["new", "a", "b", 1]', '["orders", "a", "b", 0]', '["orders", "a"]', "[" * 9999]
)
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    shop = Shop(no_notes)
    asks: list[Ask] = [
        lambda orders: orders.list_orders(changed_since=NOW, cursor=cursor or "{}"),
        lambda orders: orders.list_placed_orders(placed_since=None, cursor=cursor or "{}"),
    ]
    for ask in asks:
        with pytest.raises(InvalidInput):
            shop.orders(ask)


# The past -----------------------------------------------------------------------------------------------------------


def test_one_broken_order_stops_no_page_and_does_not_vanish() -> None:
    rows = [order([], "0.00", code="A1"), order([], "0.00", code="A2", price=None), order([], "0.00", code="A3")]
    lines = b"\n".join(json.dumps(each).encode() for each in rows)

    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/file":
            return answer("206 Part", lines)
        if path == "/api/credit-notes":
            return {"creditNotes": [row("D3", "A3")], "paginator": pages(1)}
        if path == "/api/credit-notes/D3":
            return {"creditNote": {"code": None}}
        return {"job": {"status": "completed", "resultUrl": f"{shop.url}/file"}}

    shop = Shop(say)
    page = shop.orders(lambda orders: orders.list_placed_orders(placed_since=None, cursor='["j1", 0, 0, 1]'))

    assert [each.external_id for each in page.items] == ["A1"]
    assert (set(page.unreadable), page.cursor) == ({"A2", "A3"}, None)


def test_of_the_past_too_a_note_without_an_order_is_of_that_of_its_invoice() -> None:
    rows = [row("D1", None, invoiceCode="F1"), row("X1", None, invoiceCode="F1", isValid=False)]

    def say(path: str, query: Mapping[str, str]) -> Any:
        said = {
            "/api/orders": {"orders": [{"code": "2026000123"}], "paginator": pages(1)},
            "/api/orders/2026000123": {"order": order([item("product", 1, "100.00")], "100.00")},
            "/api/credit-notes": {"creditNotes": rows, "paginator": pages(1)},
            "/api/credit-notes/D1": {"creditNote": note([], "10.00", orderCode=None)},
        }
        return {**said, **DOCUMENTS}[path]

    page = Shop(say).orders(lambda orders: orders.list_placed_orders(placed_since=None, cursor=PAGES.write()))

    assert [[refund.external_id for refund in each.refunds] for each in page.items] == [["D1"]]


def test_orders_of_a_page_that_go_away_while_they_are_read_are_left_out() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/orders":
            return {"orders": [{"code": "A1"}, {"code": "A2"}], "paginator": pages(2)}
        if path == "/api/orders/A1":
            return {"order": order([], "0.00", code="A1")}
        return no_notes(path, query)

    page = Shop(say).orders(lambda orders: orders.list_placed_orders(placed_since=None, cursor=PAGES.write()))

    assert ([each.external_id for each in page.items], page.cursor, page.total) == (["A1"], "[null, 2, 0, 1]", 40)


def test_a_job_at_work_is_asked_ever_more_seldom_and_fewer_than_ten_times() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        return {"jobId": "j1"} if path == "/api/orders/snapshot" else {"job": {"status": "running", "resultUrl": None}}

    def ask(orders: ShoptetOrders) -> list[int | None]:
        page = orders.list_placed_orders(placed_since=NOW)
        waits = [page.wait_s]
        while page.cursor != PAGES.write():
            page = orders.list_placed_orders(placed_since=NOW, cursor=page.cursor)
            waits.append(page.wait_s)
        return waits

    shop = Shop(say)
    waits = shop.orders(ask)

    assert waits == [*LOOKS_S, 0]
    assert list(LOOKS_S) == sorted(LOOKS_S)
    assert [path for path, _ in shop.asked].count("/api/system/jobs/j1") == len(LOOKS_S) < 10
    assert shop.asked[0][1] == {"creationTimeFrom": "2026-11-23T12:00:00+0000"}


@pytest.mark.parametrize("code", ["webhook-not-registered", "invalid-token-no-rights"])
def test_where_no_job_may_be_begun_there_are_pages(code: str) -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        error = {"errorCode": code, "message": "No.", "instance": "job:finished"}
        return answer("403 No", json.dumps({"data": None, "errors": [error]}).encode())

    page = Shop(say).orders(lambda orders: orders.list_placed_orders(placed_since=None))

    assert (page.cursor, page.wait_s) == (PAGES.write(), 0)


def test_a_job_that_shoptet_knows_no_more_is_begun_anew_and_at_last_given_up() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        return {"jobId": "j2"} if path == "/api/orders/snapshot" else "job-not-found"

    def ask(orders: ShoptetOrders) -> list[str | None]:
        cursors: list[str | None] = ['["j1", 300, 2, 1]']
        for _ in range(3):
            cursors.append(orders.list_placed_orders(placed_since=None, cursor=cursors[-1]).cursor)
        return cursors[1:]

    assert Shop(say).orders(ask) == ['["j2", 0, 0, 2]', '["j2", 0, 0, 3]', PAGES.write()]


def test_one_broken_customer_stops_no_page() -> None:
    def say(path: str, query: Mapping[str, str]) -> Any:
        if path == "/api/customers":
            return {"customers": [{"guid": "g1"}, {"guid": "g2"}, {"guid": "g3"}], "paginator": pages(1)}
        said = {"g1": {"customer": {"guid": "g1"}}, "g2": {"customer": {"guid": None, "accounts": 7}}}
        return said.get(path.split("/")[-1], "customer-not-found")

    page = Shop(say).customers(lambda customers: customers.list_customers(cursor=PAGES.write()))

    assert ([each.external_id for each in page.items], page.unreadable, page.cursor) == (["g1"], ("g2",), None)


def test_gone_needs_shoptets_word_of_that_very_order() -> None:
    assert Shop(no_notes).orders(lambda orders: orders.get_order("A1")) == Gone(external_id="A1")
