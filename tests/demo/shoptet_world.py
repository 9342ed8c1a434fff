"""The surroundings of a fake Shoptet in tests: a clock to turn, an addon's client of the API, the vendor's contract."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests
from jsonschema import Draft202012Validator
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError

from demo.shop.entities import Customer
from demo.shoptet.addon import AddonConfig
from demo.shoptet.fake_shop import FakeShoptet
from demo.shoptet.server import RunningShoptet, start_in_thread
from tests.demo.world import Clock, Receiver

Json = dict[str, Any]
SERVER = "https://api.myshoptet.com"
# Refusals that the contract tells in prose, not operation by operation.
EVERYWHERE = frozenset({400, 401, 403, 404, 409, 413, 422, 423, 429, 500})


class Contract:
    """The vendor's description of the API, and its recorded samples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.description: Json = json.loads((folder / "openapi.json").read_text())
        self._api = OpenAPI.from_dict(self.description)
        errors = self.description["components"]["schemas"]["Errors"]
        metadata = self.description["components"]["schemas"]["Metadata"]
        refusal = {"type": "object", "required": ["data", "errors", "metadata"], "additionalProperties": False,
                   "properties": {"data": {"type": ["object", "null"]}, "errors": errors, "metadata": metadata}}  # fmt: skip
        self._refusal = Draft202012Validator(refusal)

    def sample(self, name: str) -> Json:
        found: Json = json.loads((self.folder / "samples" / f"{name}.json").read_text())
        return found

    def statuses(self, method: str, path: str) -> set[int]:
        """The statuses that the contract knows for an operation."""
        return {int(code) for code in self.description["paths"][path][method.lower()]["responses"]}

    def wrong_answer(self, sent: requests.Request, answer: requests.Response) -> str:
        """What the contract has against an answer; empty for nothing."""
        asked = RequestsOpenAPIRequest(sent)
        try:
            self._api.validate_response(asked, RequestsOpenAPIResponse(answer))
        except OpenAPIError as error:
            if "Unknown response http status" in str(error) and answer.status_code in EVERYWHERE:
                return "; ".join(each.message for each in self._refusal.iter_errors(answer.json()))
            return _told(error)
        return ""

    def wrong_request(self, sent: requests.Request) -> str:
        try:
            self._api.validate_request(RequestsOpenAPIRequest(sent))
        except OpenAPIError as error:
            return _told(error)
        return ""


class World:
    """One shop with the addon installed, its token in hand. Answers are held against the contract where there is one."""

    def __init__(self, running: RunningShoptet, clock: Clock, contract: Contract | None) -> None:
        self.running = running
        self.clock = clock
        self.contract = contract
        self.shop: FakeShoptet = running.shop
        self.url = running.url
        self.token = self.shop.access_token()

    def call(
        self, method: str, path: str, data: Any = None, *, headers: dict[str, str] | None = None, raw: Any = None
    ) -> requests.Response:
        """`data`: what stands under it in the body; `raw`: a whole body. An answer that breaks the contract fails."""
        head = {"Shoptet-Access-Token": self.token, "Content-Type": "application/json"} if headers is None else headers
        whole = raw if raw is not None else {"data": data} if data is not None else None
        text = json.dumps(whole) if whole is not None else None
        answer = requests.request(method, f"{self.url}{path}", headers=head, data=text, timeout=20)
        if self.contract is not None and answer.headers["Content-Type"].startswith("application/json"):
            wrong = self.contract.wrong_answer(self.request(method, path, whole), answer)
            assert not wrong, f"{method} {path} {answer.status_code}: {wrong}"
        return answer

    def request(self, method: str, path: str, whole: Any = None) -> requests.Request:
        """The same call as the contract knows it: at the vendor's address."""
        head = {"Shoptet-Access-Token": "t", "Content-Type": "application/json"}
        text = json.dumps(whole) if whole is not None else None
        return requests.Request(method, f"{SERVER}{path}", headers=head, data=text)

    def get(self, path: str) -> Any:
        """The data of an answer that went well."""
        answer = self.call("GET", path)
        assert answer.status_code in {200, 202}, answer.text
        return answer.json()["data"]

    def write(self, method: str, path: str, data: Any = None) -> Any:
        """The data of a write that went well, some seconds after whatever came before."""
        self.clock.turn(6)
        answer = self.call(method, path, data)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["data"]

    def refused(self, method: str, path: str, data: Any = None, **more: Any) -> tuple[int, list[str]]:
        """Status and error codes of a call that did not go well."""
        self.clock.turn(6)
        answer = self.call(method, path, data, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, [each["errorCode"] for each in answer.json()["errors"]]

    def order(self, order_id: int) -> Json:
        found: Json = self.get(f"/api/orders/{self.shop.code(order_id)}")["order"]
        return found

    def template(self) -> str:
        """The GUID of a new coupon template."""
        found: str = self.write("POST", "/api/discount-coupons/templates", {"title": "Loyalty"})["guid"]
        return found

    def make(self, code: str | None, **changes: Any) -> list[Json]:
        """The coupons that came of one for 5.00, as changed."""
        made: list[Json] = self.write("POST", "/api/discount-coupons", {"coupons": [self.coupon(code, **changes)]})[
            "coupons"
        ]
        return made

    def coupon(self, code: str | None, **changes: Any) -> Json:
        template = changes.pop("template", None) or self.template()
        return {
            "code": code, "discountType": "fixed", "amount": "5.00", "currency": "EUR", "template": template,
            "shippingPrice": "cart", "reusable": False, **changes,
        }  # fmt: skip

    def listen(self, receiver: Receiver, *events: str) -> str:
        """Register webhooks for events; answers the signature key."""
        url = f"{receiver.url}/hooks"
        self.write("POST", "/api/webhooks", [{"event": event, "url": url} for event in events])
        key: str = self.write("POST", "/api/webhooks/renew-signature-key")["signatureKey"]
        return key

    def somebody(self, email: str = "jana@ex.cz") -> Customer:
        return self.shop.add_customer(email, first_name="Jana", last_name="Nováková", password="demo")


@cache
def contract_in(folder: Path) -> Contract:
    return Contract(folder / "shoptet")


@contextmanager
def opened(contract: Contract | None = None, **options: Any) -> Iterator[World]:
    """An empty shop unless told otherwise, its clock standing still, its figures as the contract writes them."""
    clock = Clock()
    settings = {"order_count": 0, "customer_count": 0, "clock": clock, "figures": "spec", **options}
    running = start_in_thread(**settings)
    try:
        yield World(running, clock, contract)
    finally:
        running.stop()


def _told(error: BaseException) -> str:
    """The innermost causes, in words."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    inner = getattr(cause, "schema_errors", None) or ()
    return (
        "; ".join(f"{'.'.join(map(str, each.absolute_path))}: {each.message}"[:300] for each in inner) or f"{cause!r}"
    )


__all__ = ["AddonConfig", "Contract", "Json", "World", "contract_in", "opened"]
