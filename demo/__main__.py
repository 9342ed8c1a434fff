"""`python -m demo`: open the demo shop and print its address."""

import argparse

from demo import server
from demo.shopify import server as shopify


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Open a small made-up shop.")
    parser.add_argument("--platform", default="woocommerce", choices=("woocommerce", "shopify"))
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--orders", type=int, default=400, help="orders of the past year")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same year")
    parser.add_argument("--version", default="11.0.1", choices=("11.0.1", "8.2.2"), help="of WooCommerce")
    given = parser.parse_args()
    if given.platform == "shopify":
        shopify.run(port=given.port, orders=given.orders, seed=given.seed)
    else:
        server.run(port=given.port, version=given.version, orders=given.orders, seed=given.seed)


if __name__ == "__main__":
    main()
