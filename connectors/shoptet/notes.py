"""Credit notes of orders. No address lists those of one order.

So those made since the order are looked through where they are few, and else we go by the order's invoices and proofs of
payment, on which notes hang. For all orders at once the whole list is read, once, and kept as codes only. A note that does
not say its order has it from its invoice or proof of payment.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connectors.shoptet.client import Client, segment
from connectors.shoptet.shapes import (
    Document,
    DocumentOrder,
    InvoiceAnswer,
    Invoices,
    NoteAnswer,
    NoteHead,
    NoteOrigin,
    NoteRow,
    NoteRows,
    ProofPaymentAnswer,
    ProofPayments,
    RawNote,
)
from connectors.shoptet.times import stamp
from core.errors import (
    CredentialsRefused,
    ExternalNotFound,
    PlatformError,
    PlatformRefused,
    ShopUnavailable,
    Unreadable,
)

FEW_PAGES = 3  # of twenty notes: as many calls as the documents of an order take
MOST_PAGES = 10_000
MOST_REMEMBERED = 10_000
_DOCUMENTS = {"itemsPerPage": "50"}


class CreditNotes:
    def __init__(self, client: Client, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self._client, self._most_remembered = client, most_remembered
        self._orders: dict[tuple[str, str], str | None] = {}  # of documents, by kind and code

    def of_order(self, order_code: str, placed_at: datetime) -> list[RawNote]:
        """All of one order, whole. Raises PlatformError."""
        asked = {"creationTimeFrom": stamp(placed_at)}
        first = self._page(asked, 1)
        codes = self._by_documents(order_code) if first.paginator.page_count > FEW_PAGES else None
        if codes is None:
            rows = self._rows(asked, first)
            codes = [row.code for row in rows if row.is_valid and self._order_of(row) == order_code]
        return self.whole(list(dict.fromkeys(codes)))

    def whole(self, codes: Sequence[str]) -> list[RawNote]:
        """The notes under these codes; one that went away meanwhile gives nothing back any more."""
        found = []
        for code in codes:
            try:
                answer = self._client.get(f"/api/credit-notes/{segment(code)}", NoteAnswer)
            except ExternalNotFound:
                continue
            found.append(answer.credit_note)
        return found

    def orders_of(self, codes: Sequence[str], made_since: str) -> Mapping[str, str]:
        """Note -> order, but for notes that are of none, or are gone. Most notes change as they are made: those are in the
        first pages of the list since, `made_since` as Shoptet writes times, and only the others are asked for one by one.
        """
        rows: dict[str, NoteRow] = {}
        for page in range(1, FEW_PAGES + 1) if len(codes) > FEW_PAGES else ():
            found = self._page({"creationTimeFrom": made_since}, page)
            rows |= {row.code: row for row in found.credit_notes}
            if page >= found.paginator.page_count or rows.keys() >= set(codes):
                break
        orders = {code: self._order_of(rows[code]) if code in rows else self._order_of_note(code) for code in codes}
        return {code: order_code for code, order_code in orders.items() if order_code}

    def by_order(self) -> Mapping[str, Sequence[str]]:
        """Of the whole shop: order code -> codes of its notes."""
        found: dict[str, list[str]] = {}
        for row in self._rows({}):
            order_code = self._order_of(row) if row.is_valid else None
            if order_code:
                found.setdefault(order_code, []).append(row.code)
        return found

    def _order_of_note(self, code: str) -> str | None:
        try:
            return self._order_of(self._client.get(f"/api/credit-notes/{segment(code)}", NoteHead).credit_note)
        except ExternalNotFound:
            return None

    def _order_of(self, note: NoteOrigin) -> str | None:
        """As the note says, or else its invoice, or else its proof of payment."""
        documents = (("invoices", note.invoice_code), ("proof-payments", note.proof_payment_code))
        found = (self._order_of_document(kind, code) for kind, code in documents if code)
        return note.order_code or next((order_code for order_code in found if order_code), None)

    def _order_of_document(self, kind: str, code: str) -> str | None:
        """Read once, also where it says none, and kept while there is room."""
        found = self._orders.get((kind, code), "")
        if found == "":
            found = self._read_document(kind, code).order_code or None
            if len(self._orders) >= self._most_remembered:
                self._orders.clear()
            self._orders[kind, code] = found
        return found

    def _read_document(self, kind: str, code: str) -> DocumentOrder:
        """Without an order where it is gone, or the addon may not read it."""
        path = f"/api/{kind}/{segment(code)}"
        try:
            if kind == "invoices":
                return self._client.get(path, InvoiceAnswer).invoice
            return self._client.get(path, ProofPaymentAnswer).proof_payments
        except ExternalNotFound:
            return DocumentOrder()
        except (CredentialsRefused, PlatformRefused, ShopUnavailable) as refusal:
            if not _is_closed(refusal):
                raise
            return DocumentOrder()

    def _by_documents(self, order_code: str) -> list[str] | None:
        """None where the addon may not read the documents."""
        asked = {"orderCode": order_code, **_DOCUMENTS}
        try:
            invoices = self._client.get("/api/invoices", Invoices, params=asked).invoices
            proofs = self._client.get("/api/proof-payments", ProofPayments, params=asked).items
        except (CredentialsRefused, PlatformRefused, ShopUnavailable) as refusal:
            if not _is_closed(refusal):
                raise
            return None
        codes = []
        for name, documents in (("invoiceCode", invoices), ("proofPaymentCode", proofs)):
            for document in _of_order(documents, order_code):
                rows = self._rows({name: document.code})
                codes += [row.code for row in rows if row.is_valid and _belongs(row, order_code, document.code)]
        return codes

    def _rows(self, asked: Mapping[str, str], first: NoteRows | None = None) -> Iterator[NoteRow]:
        for page in range(1, MOST_PAGES + 1):
            found = first if first and page == 1 else self._page(asked, page)
            yield from found.credit_notes
            if page >= found.paginator.page_count or not found.credit_notes:
                return
        raise Unreadable("The shop has more credit notes than we can read.", code="endless_list")

    def _page(self, asked: Mapping[str, str], page: int) -> NoteRows:
        return self._client.get("/api/credit-notes", NoteRows, params={**asked, "page": str(page)})


def _is_closed(refusal: PlatformError) -> bool:
    """Whether the addon may not read the documents."""
    return refusal.http_status in (403, 404)


def _of_order(documents: Sequence[Document], order_code: str) -> list[Document]:
    """A filter that Shoptet does not know is ignored, and everything comes back: trust the code in the row."""
    return [document for document in documents if document.order_code == order_code]


def _belongs(row: NoteRow, order_code: str, document: str) -> bool:
    if row.order_code:
        return row.order_code == order_code
    return document in (row.invoice_code, row.proof_payment_code)
