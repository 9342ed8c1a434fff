"""Bulk operations as the Admin API shows them. Attributes are named as in the schema."""

from demo.shopify.entities import BulkOperation
from demo.shopify.ids import gid
from demo.shopify.site import Site


class BulkOperationView:
    TYPE = "BulkOperation"

    def __init__(self, site: Site, operation: BulkOperation) -> None:
        self.id = gid("BulkOperation", operation.id)
        self.status = operation.status
        self.errorCode = operation.error_code
        self.objectCount, self.rootObjectCount = str(operation.objects), str(operation.roots)
        # A file without a row is no file.
        there = operation.file is not None and operation.objects > 0
        address = f"{site.url}/bulk/{operation.id}.jsonl"
        self.url = address if there and operation.status == "COMPLETED" else None
        self.partialDataUrl = address if there and operation.status == "FAILED" else None
        self.fileSize = str(operation.file.stat().st_size) if self.url and operation.file is not None else None
