"""What the demo shop sells. Prices are cents including VAT; pictures are inline SVG, a file per stock keeping unit."""

from pathlib import Path

from demo.shop.entities import Product

SHOP_NAME = "Fernway"
SHIPPING = 500
SHIPPING_TITLE = "Courier"
PICTURES = Path(__file__).parent / "pictures"

# id, slug, name, sku, price, category, summary, is a download
ROWS: tuple[tuple[int, str, str, str, int, str, str, bool], ...] = (
    (11, "stoneware-mug", "Stoneware mug", "MUG-1", 1210, "Kitchen", "Holds 350 ml and a long morning.", False),
    (12, "everyday-tee", "Everyday tee", "TEE-1", 2420, "Clothing", "Heavy organic cotton.", False),
    (13, "slow-coffee-e-book", "Slow coffee (e-book)", "EBOOK-1", 990, "Books", "Forty recipes.", True),
    (14, "house-blend-coffee", "House blend coffee", "COFFEE-500", 1390, "Kitchen", "Cocoa, plum, almond.", False),
    (15, "linen-tote", "Linen tote", "TOTE-1", 1890, "Bags", "Carries a week, folds into a pocket.", False),
    (16, "beeswax-candle", "Beeswax candle", "CANDLE-1", 1650, "Home", "Forty hours that smell of honey.", False),
    (17, "dotted-notebook", "Dotted notebook", "NOTE-A5", 1150, "Desk", "160 pages that open flat.", False),
    (18, "wool-blanket", "Wool blanket", "BLANKET-1", 7900, "Home", "Woven from the wool of one valley.", False),
    (19, "herb-planter", "Herb planter", "PLANTER-1", 3290, "Home", "Terracotta, with a saucer.", False),
    (20, "steel-bottle", "Steel bottle, 0.7 l", "BOTTLE-07", 2790, "Outdoor", "Cold for a day, hot for a hike.", False),
)

PRODUCTS: tuple[Product, ...] = tuple(
    Product(id_, slug, name, sku, price, category, summary, (PICTURES / f"{sku}.svg").read_text(), virtual)
    for id_, slug, name, sku, price, category, summary, virtual in ROWS
)
