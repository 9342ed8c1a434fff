"""Are our .graphql files valid against a platform's schema? The schema comes from outside: no vendor file is kept here.

A platform's contract test calls `problems(operations_of("saleor"), schema_from(text))` and wants an empty list.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    build_client_schema,
    build_schema,
    parse,
    specified_rules,
    validate,
)

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"


def operations_of(platform: str, *, connectors: Path = CONNECTORS) -> Mapping[str, DocumentNode]:
    """Every operation's file of a platform, by name. Raises GraphQLSyntaxError; FileNotFoundError where there is none."""
    found = {
        file.stem: parse(file.read_text()) for file in sorted((connectors / platform).glob("operations/*.graphql"))
    }
    if not found:
        raise FileNotFoundError(f"{platform} has no operations")
    return found


def schema_from(text: str) -> GraphQLSchema:
    """From SDL, or from the JSON of an introspection."""
    if text.lstrip().startswith("{"):
        answer = json.loads(text)
        return build_client_schema(answer.get("data", answer))
    # Shopify's own SDL does not pass graphql-core's check of schemas; that is not ours to judge.
    return build_schema(text, assume_valid=True)


def problems(operations: Mapping[str, DocumentNode], schema: GraphQLSchema) -> list[str]:
    """One sentence for each thing that the schema does not know, or has deprecated."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    return [
        f"{name}: {error.message}"
        for name, document in operations.items()
        for error in validate(schema, document, rules)
    ]
