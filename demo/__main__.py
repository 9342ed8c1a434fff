"""`python -m demo`: open the demo shop and print its address."""

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Open a small made-up shop.")
    parser.add_argument("--platform", default="woocommerce", choices=("woocommerce", "shopify", "shoptet"))
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--orders", type=int, default=400, help="orders of the past year")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same year")
    parser.add_argument("--version", default="11.0.1", choices=("11.0.1", "8.2.2"), help="of WooCommerce")
    given = parser.parse_args()
    # Only the platform that is asked for is loaded: a demo starts at once.
    match given.platform:
        case "shopify":
            from demo.shopify import server as shopify

            shopify.run(port=given.port, orders=given.orders, seed=given.seed)
        case "shoptet":
            from demo.shoptet import server as shoptet

            shoptet.run(port=given.port, orders=given.orders, seed=given.seed)
        case _:
            from demo import server

            server.run(port=given.port, version=given.version, orders=given.orders, seed=given.seed)


if __name__ == "__main__":
    main()
