"""POST /admin/api/<version>/graphql.json: the token, the bucket, the run, and all the ways in which it does not come to that."""

import json
import secrets
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)

from demo.shopify import access, cost
from demo.shopify.bulk import Bulk
from demo.shopify.mutations import Mutation
from demo.shopify.queries import QueryRoot
from demo.shopify.site import VERSIONS, Site

DEAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"
SUPPORTED = VERSIONS[:-2]
THROTTLED = {
    "message": "Throttled",
    "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
}
BODIES = {
    "frozen": (402, {"errors": "Unavailable Shop"}),
    "locked": (423, {"errors": "Locked"}),
    "forbidden": (403, {"errors": "[API] This action requires merchant approval."}),
}
PAGE = "<!DOCTYPE html>\n<html><head><title>Something went wrong</title></head><body><h1>{}</h1></body></html>"


class Door:
    def __init__(self, site: Site, schema: GraphQLSchema, bulk: Bulk) -> None:
        self.site = site
        self.schema = schema
        self.bulk = bulk

    def blueprint(self) -> Blueprint:
        door = Blueprint("graphql", __name__)
        door.add_url_rule("/admin/api/<version>/graphql.json", "admin", self.answer, methods=["POST"])
        return door

    def answer(self, version: str) -> Response:
        broken = _broken(self.site)
        if broken is not None:
            return self._headed(broken, version)
        scopes = self.site.tokens.scopes_of(request.headers.get("X-Shopify-Access-Token", ""))
        if scopes is None or self.site.faults.rest_mode == "revoked":
            return self._headed(_json({"errors": DEAD_TOKEN}, 401), version)
        given = request.get_json(silent=True)
        if not isinstance(given, dict) or not isinstance(given.get("query"), str):
            return self._headed(_json({"errors": {"query": "Required parameter missing or invalid"}}, 400), version)
        body = self._run(given, scopes)
        if self.site.faults.lose_answers and body.pop("mutated", False):
            _hang_up()
        body.pop("mutated", None)
        return self._headed(_json(body, 200, notice=self.site.faults.rest_mode == "notice"), version)

    def _run(self, given: Mapping[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
        try:
            document = parse(given["query"])
        except GraphQLError as error:
            return {"errors": [_shown(error)]}
        if errors := validate(self.schema, document):
            return {"errors": [_shown(error, "undefinedField") for error in errors]}
        operation = _operation(document, given.get("operationName"))
        if operation is None:
            return {"errors": [{"message": "No operation of that name", "extensions": {"code": "BAD_REQUEST"}}]}
        variables = given.get("variables") or {}
        points = cost.requested(self.schema, document, operation, variables)
        refused = self._over_budget(points)
        if refused is not None:
            return refused
        return self._executed(document, operation, variables, scopes, points)

    def _over_budget(self, points: int) -> dict[str, Any] | None:
        mode = self.site.faults.api_mode
        if points > cost.MOST or mode == "max_cost":
            message = f"Query cost is {points}, which exceeds the single query max cost limit ({cost.MOST})."
            error = {
                "message": message,
                "extensions": {"code": "MAX_COST_EXCEEDED", "cost": points, "maxCost": cost.MOST},
            }
            return {"errors": [error]}
        if mode == "internal_error":
            message = f"Internal error. Looks like something went wrong on our end. Request ID: {secrets.token_hex(8)}"
            return {"errors": [{"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
        if mode == "throttled" or not self.site.bucket.take(points):
            return {"errors": [THROTTLED], "extensions": {"cost": self._cost(points, None)}}
        return None

    def _executed(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any],
        scopes: tuple[str, ...], points: int,
    ) -> dict[str, Any]:  # fmt: skip
        is_mutation = operation.operation.value == "mutation"
        query = QueryRoot(self.site, self.bulk, scopes)
        root = Mutation(self.site, self.bulk, scopes) if is_mutation else query
        name = operation.name.value if operation.name is not None else None
        with self.site.store.lock:
            result = execute_sync(
                self.schema, document, root_value=root, variable_values=variables, operation_name=name,
                field_resolver=partial(_resolve, self.site, scopes), type_resolver=_type_of,
            )  # fmt: skip
        spent = points if is_mutation else min(points, _objects(result.data))
        self.site.bucket.give_back(points - spent)
        body = _body(result)
        body["extensions"] = {"cost": self._cost(points, spent)}
        if query.warnings:
            body["extensions"]["search"] = query.warnings
        return {**body, "mutated": is_mutation}

    def _cost(self, points: int, spent: int | None) -> dict[str, Any]:
        return {
            "requestedQueryCost": points,
            "actualQueryCost": spent,
            "throttleStatus": self.site.bucket.status(),
        }

    def _headed(self, response: Response, version: str) -> Response:
        """An expired version is served by the oldest one that lives."""
        known = version if version in VERSIONS else SUPPORTED[0]
        response.headers["X-Shopify-API-Version"] = known
        response.headers["X-Request-Id"] = secrets.token_hex(16)
        response.headers["X-ShopId"] = "1"
        return response


def _resolve(site: Site, scopes: tuple[str, ...], source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    denied = access.denial(site, scopes, f"{info.parent_type.name}.{info.field_name}")
    if denied is not None:
        raise denied
    value = getattr(source, info.field_name)
    return value(**arguments) if callable(value) else value


def _type_of(value: Any, info: GraphQLResolveInfo[Any], abstract: object) -> str:
    return str(value.TYPE)


def _operation(document: DocumentNode, name: object) -> OperationDefinitionNode | None:
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name:
        found = [node for node in found if node.name is not None and node.name.value == name]
    return found[0] if len(found) == 1 else None


def _body(result: ExecutionResult) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_shown(error) for error in result.errors]
    return body


def _shown(error: GraphQLError, code: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = dict(error.formatted)
    if code and "code" not in (shown.get("extensions") or {}):
        shown["extensions"] = {**(shown.get("extensions") or {}), "code": code}
    return shown


def _objects(data: object) -> int:
    """About what an answer really cost: its objects."""
    if isinstance(data, dict):
        return 1 + sum(_objects(each) for each in data.values())
    return sum(_objects(each) for each in data) if isinstance(data, list) else 0


def _broken(site: Site) -> Response | None:
    if site.faults.api_mode in BODIES:
        status, body = BODIES[site.faults.api_mode]
        return _json(body, status)
    match site.faults.rest_mode:
        case "html":
            return _html(200, "Welcome")
        case "maintenance":
            response = _html(503, "We'll be back soon")
            response.headers["Retry-After"] = "600"
            return response
        case "fatal":
            return _html(500, "Something went wrong")
        case "error500":
            return _json({"errors": "Internal Server Error"}, 500)
        case "no_route":
            return _json({"errors": "Not Found"}, 404)
        case "timeout":
            end = time.monotonic() + site.faults.rest_timeout_s
            while time.monotonic() < end and site.faults.rest_mode == "timeout":
                time.sleep(0.05)
            return _html(504, "Gateway Timeout")
    return None


def _hang_up() -> None:
    """The answer is lost on its way: the client sees a connection that ends."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


def _html(status: int, title: str) -> Response:
    return Response(PAGE.format(title), status, content_type="text/html; charset=utf-8")


def _json(body: object, status: int, *, notice: bool = False) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(
        f"<!-- notice -->{text}" if notice else text, status, content_type="application/json; charset=utf-8"
    )
