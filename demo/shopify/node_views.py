"""The small things of the Admin API: products, and what has only an id. Attributes are named as in the schema."""

from demo.shop.entities import Product
from demo.shopify.connections import Connection, listed
from demo.shopify.ids import gid

# A collection for each category of the catalogue.
COLLECTIONS = ("Kitchen", "Clothing", "Books", "Bags", "Home", "Desk", "Outdoor")


class IdView:
    """Anything of which only the id is in use."""

    def __init__(self, kind: str, local: int) -> None:
        self.TYPE = kind
        self.id = gid(kind, local)


class ProductView:
    TYPE = "Product"
    vendor = "Fernway"

    def __init__(self, product: Product) -> None:
        self._product = product
        self.id = gid("Product", product.id)
        self.title = product.name
        self.handle = product.slug
        self.productType = product.category
        self.isGiftCard = False
        self.tags = [product.category.lower(), *(["digital"] if product.virtual else [])]

    def collections(self, first: int | None = None, after: str | None = None) -> Connection[IdView]:
        return listed([IdView("Collection", COLLECTIONS.index(self._product.category) + 1)], first, after)


class UserErrorView:
    """`field` is a path; `code` a word of the mutation's own list."""

    TYPE = "UserError"
    extraInfo = None

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
