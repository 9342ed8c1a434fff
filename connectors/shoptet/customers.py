"""Customers of one shop, and what a tier can give them there: a group, a price list, a price ratio.

The list holds no e-mail, so that each customer is read whole. One customer may have several accounts to sign in with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from connectors.shoptet import mapping
from connectors.shoptet.client import SHAPE, Client, segment
from connectors.shoptet.shapes import (
    CustomerAnswer,
    CustomerRows,
    Group,
    Groups,
    Named,
    Pricelists,
    RawCustomer,
    read,
    rows_of,
)
from connectors.shoptet.snapshots import PAGES, Place, Snapshot
from core.commerce import Customer
from core.errors import ExternalNotFound, InvalidInput, Unreadable
from core.ports import Page

log = structlog.get_logger(__name__)

CUSTOMERS_AT_ONCE = 50


@dataclass(frozen=True)
class CustomerGroup:
    """A group of customers. `code`: by what a customer is put into it; None: nobody can be put into it by API."""

    group_id: str
    name: str
    code: str | None
    pricelist_id: str | None


@dataclass(frozen=True)
class Pricelist:
    pricelist_id: str
    name: str


@dataclass(frozen=True)
class Standing:
    """Where a customer stands in the shop's own order of things."""

    group_id: str | None
    pricelist_id: str | None


class ShoptetCustomers:
    def __init__(self, client: Client, snapshot: Snapshot) -> None:
        self._client, self._snapshot = client, snapshot

    def get_customer(self, external_id: str) -> Customer:
        """By the customer's GUID. Raises ExternalNotFound."""
        return mapping.customer_from(self._whole(external_id))

    def emails_of(self, external_id: str) -> Sequence[str]:
        """Of the accounts that may sign in, the main one's first; empty for who is not there."""
        try:
            found = self._whole(external_id)
        except ExternalNotFound:
            return ()
        # Spelt in another way it would be another customer to whoever counts how often they are written to.
        return mapping.emails_from(found) if found.guid == external_id else ()

    def list_customers(self, *, cursor: str | None = None) -> Page[Customer]:
        """All customers, from the file of a job, or by pages. The first pages may be empty: the file is being made."""
        if cursor is None:
            begun = self._snapshot.begin({})
            return Page([], begun.cursor, wait_s=begun.wait_s)
        place = Place.read(cursor)
        if place.job is None:
            return self._by_pages(place)
        piece = self._snapshot.piece(place, {})
        customers: list[Customer] = []
        unreadable: list[str] = []
        for row in piece.rows:
            body = rows_of(row, "customer")
            try:
                customers.append(mapping.customer_from(read(RawCustomer, body)))
            except InvalidInput:
                unreadable.append(str(body.get("guid"))[:100])
        return Page(customers, piece.cursor, unreadable=tuple(unreadable), wait_s=piece.wait_s)

    def standing(self, external_id: str) -> Standing:
        """Raises ExternalNotFound."""
        raw = self._whole(external_id)
        return Standing(_id(raw.customer_group), _id(raw.price_list))

    def groups(self) -> list[CustomerGroup]:
        found = self._client.get("/api/customers/groups", Groups).customer_groups
        return [_group(raw) for raw in found]

    def pricelists(self) -> list[Pricelist]:
        found = self._client.get("/api/pricelists", Pricelists).pricelists
        return [Pricelist(str(raw.id), raw.name) for raw in found]

    def put_into_group(self, external_id: str, *, group_code: str) -> None:
        """Raises ExternalNotFound, PlatformRefused for a group that is not there."""
        self._change(external_id, {"customerGroupCode": group_code})

    def put_on_pricelist(self, external_id: str, *, pricelist_id: str) -> None:
        """Raises ExternalNotFound, PlatformRefused for a price list that is not there."""
        if not (pricelist_id.isascii() and pricelist_id.isdigit() and len(pricelist_id) <= 18):
            raise InvalidInput("Ids of price lists are numbers", field="pricelist_id")
        self._change(external_id, {"pricelistId": int(pricelist_id)})

    def set_price_ratio(self, external_id: str, *, per_mille: int) -> None:
        """What of each price the customer pays: 950 is a discount of 5 %."""
        if not 0 <= per_mille <= 1000:
            raise InvalidInput("A price ratio is between 0 and 1000 per mille", field="per_mille")
        self._change(external_id, {"priceRatio": f"{Decimal(per_mille) / 1000:.4f}"})

    def _change(self, external_id: str, change: dict[str, object]) -> None:
        self._client.call("PATCH", f"/api/customers/{segment(external_id)}", body={"data": change})

    def _whole(self, external_id: str) -> RawCustomer:
        return self._client.get(f"/api/customers/{segment(external_id)}", CustomerAnswer).customer

    def _by_pages(self, place: Place) -> Page[Customer]:
        asked = {"page": str(place.offset), "itemsPerPage": str(CUSTOMERS_AT_ONCE)}
        found = self._client.get("/api/customers", CustomerRows, params=asked)
        customers: list[Customer] = []
        unreadable: list[str] = []
        for row in found.customers:
            try:
                customers.append(self.get_customer(row.guid))
            except ExternalNotFound:
                continue
            except Unreadable as error:
                if error.code != SHAPE:
                    raise
                unreadable.append(row.guid)
        more = place.offset < found.paginator.page_count and found.customers
        cursor = replace(PAGES, offset=place.offset + 1).write() if more else None
        total = found.paginator.total_count or None
        return Page(customers, cursor, total=total, unreadable=tuple(unreadable))


def _group(raw: Group) -> CustomerGroup:
    pricelist = str(raw.default_pricelist_id) if raw.default_pricelist_id is not None else None
    return CustomerGroup(str(raw.id), raw.name, raw.customer_group_code or None, pricelist)


def _id(raw: Named | None) -> str | None:
    return str(raw.id) if raw else None
