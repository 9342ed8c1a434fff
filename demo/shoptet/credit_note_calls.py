"""/api/credit-notes, /api/invoices, /api/proof-payments"""

from collections.abc import Iterable, Mapping

from demo.shoptet import jobs, order_deeds, order_views
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View, between, changes, paged, yes_or_no
from demo.shoptet.entities import CreditNote, Document
from demo.shoptet.envelope import not_found
from demo.shoptet.site import Site

MOST = 20


def listed(call: Call) -> Done:
    site = call.site
    return paged(call, "creditNotes", _chosen(call), lambda each: order_views.credit_note_listed(site, each), most=MOST)


def changed(call: Call) -> Done:
    living = {code: note.changed_at for code, note in call.site.credit_notes.items()}
    return changes(call, "credit note", "code", living, most=MOST)


def detail(call: Call) -> Done:
    return Done({"creditNote": order_views.credit_note(call.site, _note(call))})


def delete(call: Call) -> Done:
    order_deeds.delete_credit_note(call.site, _note(call))
    return Done()


def snapshot(call: Call) -> Done:
    _chosen(call)
    return Done({"jobId": jobs.start(call.site, "/api/credit-notes/snapshot", dict(call.query)).id}, 202)


def snapshot_rows(site: Site, query: dict[str, str]) -> Iterable[Json]:
    call = Call(site, lambda event, instance: None, "GET", None, query, {})
    return (order_views.credit_note(site, each) for each in _chosen(call))


def invoices(call: Call) -> Done:
    site = call.site
    first, last, created = call.query.get("codeFrom", ""), call.query.get("codeTo", ""), between(call, "creationTime")
    rows = [
        each
        for each in _documents(call, site.invoices)
        if each.code >= first and (not last or each.code <= last) and created(each.created_at)
    ]
    return paged(call, "invoices", rows, lambda each: order_views.invoice(site, each), most=1000)


def proofs(call: Call) -> Done:
    rows = _documents(call, call.site.proofs)
    return paged(call, "items", rows, lambda each: order_views.proof_of_payment(call.site, each), most=100)


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/credit-notes": {"GET": listed},
    "/api/credit-notes/changes": {"GET": changed},
    "/api/credit-notes/snapshot": {"GET": snapshot},
    "/api/credit-notes/<code>": {"GET": detail, "DELETE": delete},
    "/api/invoices": {"GET": invoices},
    "/api/proof-payments": {"GET": proofs},
}


def _note(call: Call) -> CreditNote:
    code = call.values["code"]
    found = call.site.credit_notes.get(code)
    if found is None:
        raise not_found("credit-note", f'Credit note with code "{code}" not found.', code)
    return found


def _documents(call: Call, known: Mapping[int, Document]) -> list[Document]:
    """Those of one order, or all."""
    wanted, orders = call.query.get("orderCode", ""), call.site.store.orders
    return [each for each in known.values() if wanted in {"", call.site.code(orders[each.order_id])}]


def _chosen(call: Call) -> list[CreditNote]:
    created, changed_then = between(call, "creationTime"), between(call, "changeTime")
    valid, invoice, proof = (
        yes_or_no(call, "isValid"),
        call.query.get("invoiceCode"),
        call.query.get("proofPaymentCode"),
    )
    return [
        note
        for note in call.site.credit_notes.values()
        if created(note.created_at)
        and changed_then(note.changed_at)
        and (valid is None or note.is_valid == valid)
        and (invoice is None or note.invoice_code == invoice)
        and (proof is None or note.proof_code == proof)
    ]
