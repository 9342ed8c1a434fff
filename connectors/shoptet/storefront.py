"""What stands on every page of the shop: a few lines that load our widget, put there by Shoptet's template include.

Shoptet shows the same lines to everybody. Who the shopper is they take from the page's data layer, which anyone can
forge: it is a hint, and proves nothing.
"""

import html
import json
import re

LOCATION = "common-footer"
MOST_LETTERS = 8192
_KEY = re.compile(r"[0-9a-f]{32}")

# The data layer is a function or is not there; a coupon goes to the cart at the address that the template knows.
_SCRIPT = """
(function (d) {
  var l = {}, c = {};
  try { l = getShoptetDataLayer() || {}; } catch (e) {}
  try { c = shoptet.config || {}; } catch (e) {}
  var s = d.createElement("script"), a = s.dataset, u = l.customer || {}, o = l.order || {};
  s.async = true;
  s.src = %(src)s;
  a.shop = %(shop)s;
  a.platform = "shoptet";
  a.lang = String(l.language || d.documentElement.lang || "").slice(0, 2);
  if (u.guid && u.registered !== false) a.customer = u.guid;
  if (c.addDiscountCouponUrl) a.coupon = c.addDiscountCouponUrl;
  if (l.pageType === "thankYou" && o.orderNo) a.order = String(o.orderNo);
  d.body.appendChild(s);
})(document);
"""


def snippet(server_url: str, shop_key: str) -> str:
    """The lines for one shop. Raises ValueError for a key that is none."""
    if not _KEY.fullmatch(shop_key):
        raise ValueError("not a shop key")
    values = {"src": _text(f"{server_url.rstrip('/')}/widget/v1/loader.js"), "shop": _text(shop_key)}
    script = "\n".join(line.strip() for line in (_SCRIPT % values).strip().splitlines())
    found = f'<script data-regulars="{html.escape(shop_key)}">\n{script}\n</script>'
    if len(found.encode()) > MOST_LETTERS:
        raise ValueError("the address of this server is too long")
    return found


def _text(value: str) -> str:
    """A string of JavaScript that no page can end early."""
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
