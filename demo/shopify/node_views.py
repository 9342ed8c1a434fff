"""The small things of the Admin API: what has only an id, and answers to mutations. Attributes are named as in the schema."""

from demo.shopify.ids import gid


class IdView:
    """Anything of which only the id is in use."""

    def __init__(self, kind: str, local: int) -> None:
        self.TYPE = kind
        self.id = gid(kind, local)


class UserErrorView:
    """`field` is a path; `code` a word of the mutation's own list."""

    TYPE = "UserError"

    def __init__(self, message: str, code: str | None = None, field: tuple[str, ...] | None = None) -> None:
        self.message = message
        self.code = code
        self.field = list(field) if field is not None else None


class Payload:
    """What a mutation answers: named parts and user errors."""

    TYPE = "Payload"

    def __init__(self, errors: list[UserErrorView] | None = None, **parts: object) -> None:
        self.userErrors = errors or []
        self._parts = parts

    def __getattr__(self, name: str) -> object:
        try:
            return self.__dict__["_parts"][name]
        except KeyError:
            raise AttributeError(name) from None
