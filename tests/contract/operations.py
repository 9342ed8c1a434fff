"""Are our .graphql files valid against a platform's schema? The schema comes from outside: no vendor file is kept here.

A platform's contract test calls `problems(operations_of("saleor"), schema_from(text))` and wants an empty list.
"""

import json
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    Source,
    build_client_schema,
    build_schema,
    concat_ast,
    parse,
    specified_rules,
    validate,
)

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"


def operations_of(platform: str, *, connectors: Path = CONNECTORS) -> DocumentNode:
    """All files of a platform as one document: so a fragment is defined once and in use, wherever it stands.

    Raises GraphQLSyntaxError; FileNotFoundError where there is none.
    """
    found = sorted((connectors / platform).glob("operations/*.graphql"))
    if not found:
        raise FileNotFoundError(f"{platform} has no operations")
    return concat_ast([parse(Source(file.read_text(), file.stem)) for file in found])


def schema_from(text: str) -> GraphQLSchema:
    """From SDL, or from the JSON of an introspection."""
    if text.lstrip().startswith("{"):
        answer = json.loads(text)
        return build_client_schema(answer.get("data", answer))
    # Shopify's own SDL does not pass graphql-core's check of schemas; that is not ours to judge.
    return build_schema(text, assume_valid=True)


def problems(document: DocumentNode, schema: GraphQLSchema) -> list[str]:
    """One sentence, opened by its file, for each thing that the schema does not know, or has deprecated, or that is idle."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    return [f"{_file(error)}: {error.message}" for error in validate(schema, document, rules)]


def _file(error: GraphQLError) -> str:
    places = [node.loc for node in error.nodes or () if node.loc]
    return places[0].source.name if places else "?"
