"""`/products` of wc/v3, read only and as far as the demo needs it."""

from demo.shop.entities import Product
from demo.shop.money import text
from demo.woocommerce import shapes
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError
from demo.woocommerce.shapes import Json
from demo.woocommerce.site import Site


def index(site: Site, call: Call) -> Reply:
    size = call.number("per_page", 10, least=1, most=100)
    start = (call.number("page", 1, least=1) - 1) * size
    rows = list(site.store.products.values())
    shown = rows[start : start + size]
    total = len(rows) if shown else 0
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(-(-total // size))}
    return Reply([_shape(site, product) for product in shown], headers=headers)


def show(site: Site, call: Call) -> Reply:
    product = site.store.products.get(call.ids["product"])
    if product is None:
        raise WpError("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
    return Reply(_shape(site, product))


def categories(site: Site, call: Call) -> Reply:
    names = sorted({product.category for product in site.store.products.values()})
    rows = [{"id": 100 + n, "name": name, "slug": name.lower(), "parent": 0} for n, name in enumerate(names)]
    return Reply(rows, headers={"X-WP-Total": str(len(rows)), "X-WP-TotalPages": "1"})


def category_id(site: Site, name: str) -> int:
    return 100 + sorted({product.category for product in site.store.products.values()}).index(name)


def _shape(site: Site, product: Product) -> Json:
    category = {"id": category_id(site, product.category), "name": product.category, "slug": product.category.lower()}
    return {
        "id": product.id,
        "name": product.name,
        "slug": product.slug,
        "permalink": f"{site.home_url}/product/{product.slug}/",
        "type": "simple",
        "status": "publish",
        "sku": product.sku,
        "price": text(product.price),
        "regular_price": text(product.price),
        "sale_price": "",
        "virtual": product.virtual,
        "short_description": product.summary,
        "categories": [category],
        "images": [],
        "_links": shapes.links(site, "products", product.id),
    }
