"""`POST {resource}/batch`: up to 100 creations, changes and deletions; failed ones are told item by item, with 200."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError
from demo.woocommerce.site import Site

MOST = 100


@dataclass(frozen=True, slots=True)
class Batch:
    """The three handlers of one resource, and the name its id has in their path."""

    name: str
    create: Callable[[Site, Call], Reply]
    update: Callable[[Site, Call], Reply]
    delete: Callable[[Site, Call], Reply]


def batch(handlers: Batch, site: Site, call: Call) -> Reply:
    work = {verb: list(call.params.get(verb) or []) for verb in ("create", "update", "delete")}
    if sum(len(items) for items in work.values()) > MOST:
        message = f"Unable to accept more than {MOST} items for this request."
        raise WpError("woocommerce_rest_request_entity_too_large", message, 413)
    answer: dict[str, list[object]] = {}
    if work["create"]:
        answer["create"] = [_one(handlers.create, site, call, item, 0) for item in work["create"]]
    if work["update"]:
        answer["update"] = [
            _one(
                handlers.update,
                site,
                replace(call, ids={handlers.name: int(item.get("id", 0))}),
                item,
                item.get("id", 0),
            )
            for item in work["update"]
        ]
    if work["delete"]:
        answer["delete"] = [
            _one(handlers.delete, site, replace(call, ids={handlers.name: int(id_)}), {"force": True}, id_)
            for id_ in work["delete"]
        ]
    return Reply(answer)


def _one(handler: Callable[[Site, Call], Reply], site: Site, call: Call, params: Mapping[str, Any], id_: int) -> object:
    try:
        return handler(site, replace(call, params=params)).body
    except WpError as error:
        return {"id": id_, "error": error.body()}
