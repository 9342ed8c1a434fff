"""Bulk operations: a query that runs beside the shop's work into a file, row by row, and says so when it is done."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, parse, validate

from demo.shopify import access, projection
from demo.shopify.entities import BulkOperation
from demo.shopify.ids import gid
from demo.shopify.node_views import UserErrorView
from demo.shopify.projection import Pick, Unfit
from demo.shopify.site import Site
from demo.shopify.times import local, local_or_none

AT_ONCE = 5
OPEN = frozenset({"CREATED", "RUNNING"})
# A poll waits this long for an operation that is nearly done, so that small ones end at the second poll.
PATIENCE_S = 0.3
FAILS_AFTER = 3

Announce = Callable[[str, dict[str, Any]], None]
MakeRoot = Callable[[tuple[str, ...]], object]


class Bulk:
    """`make_root(scopes)` gives what a query starts from; `announce(topic, body)` queues a webhook. `eager`: operations end
    by themselves; else when they are polled, settled or finished.
    """

    def __init__(self, site: Site, schema: GraphQLSchema, announce: Announce, *, eager: bool = False) -> None:
        self.site = site
        self.eager = eager
        self.make_root: MakeRoot = lambda scopes: None
        self._schema = schema
        self._announce = announce
        self._folder = Path(tempfile.mkdtemp(prefix="demo-shopify-"))
        self._threads: dict[int, threading.Thread] = {}
        self._stopped = threading.Event()

    def start(self, query: str, scopes: tuple[str, ...], *, grouped: bool) -> BulkOperation | UserErrorView:
        if sum(1 for each in self.site.bulk.values() if each.status in OPEN) >= AT_ONCE:
            return UserErrorView(f"At most {AT_ONCE} bulk operations can run at a time.", "LIMIT_REACHED", ("query",))
        try:
            document = parse(query)
            errors = validate(self._schema, document)
            if errors:
                raise Unfit(f"Invalid bulk query: {errors[0].message}")
            picks = projection.compiled(self._schema, document)
        except (GraphQLError, Unfit) as error:
            return UserErrorView(str(error), "INVALID", ("query",))
        operation = BulkOperation(self.site.next("bulk"), grouped, self.site.now())
        self.site.bulk[operation.id] = operation
        denied = access.first_denied(self.site, scopes, projection.coordinates(picks))
        thread = threading.Thread(target=self._run, args=(operation, picks, scopes, denied), name="bulk", daemon=True)
        self._threads[operation.id] = thread
        thread.start()
        return operation

    def polled(self, operation: BulkOperation) -> None:
        """Each poll takes an operation a step on: CREATED, RUNNING, then its end once the file is written."""
        operation.polls += 1
        if operation.status == "CREATED":
            operation.status = "RUNNING"
        elif operation.status in OPEN:
            self._threads[operation.id].join(timeout=PATIENCE_S)
            self._end(operation)

    def finish(self) -> None:
        """Let every operation come to its end, as it would with time."""
        for operation in list(self.site.bulk.values()):
            if operation.status in OPEN:
                self._threads[operation.id].join()
                self._end(operation)

    def settle(self) -> None:
        """End those whose file is written."""
        for operation in list(self.site.bulk.values()):
            if operation.status in OPEN:
                self._end(operation)

    def path(self, operation_id: int) -> Path | None:
        operation = self.site.bulk.get(operation_id)
        return operation.file if operation is not None else None

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads.values():
            thread.join(timeout=5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, operation: BulkOperation, picks: tuple[Pick, ...], scopes: tuple[str, ...], denied: str) -> None:
        operation.file = self._folder / f"{operation.id}.jsonl"
        with operation.file.open("w", encoding="utf-8") as file:
            if denied:
                operation.error_code = "ACCESS_DENIED"
            else:
                for row, is_root in projection.lines(self.make_root(scopes), picks, grouped=operation.grouped):
                    file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
                    operation.objects += 1
                    operation.roots += is_root
                    if self._stopped.is_set():
                        break
                    if self.site.faults.bulk_fails and operation.roots >= FAILS_AFTER:
                        operation.error_code = "INTERNAL_SERVER_ERROR"
                        break
        operation.written = True
        if self.eager:
            self._end(operation)

    def _end(self, operation: BulkOperation) -> None:
        with self.site.bulk_lock:
            if not operation.written or operation.status not in OPEN:
                return
            operation.completed_at = self.site.now()
            operation.status = "FAILED" if operation.error_code else "COMPLETED"
        self._announce("bulk_operations/finish", finished_body(operation))


def finished_body(operation: BulkOperation) -> dict[str, Any]:
    return {
        "admin_graphql_api_id": gid("BulkOperation", operation.id),
        "completed_at": local_or_none(operation.completed_at),
        "created_at": local(operation.created_at),
        "error_code": operation.error_code.lower() if operation.error_code else None,
        "status": operation.status.lower(),
        "type": "query",
    }
