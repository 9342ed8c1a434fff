// The shop's own cart, through its Store API, as the shopper's own browser: same origin, the shop's cookie and nonce.
// Amounts there are strings in minor units.

const total = (cart) => ({
  minor: Number(cart.totals.total_price),
  currency: cart.totals.currency_code,
  digits: cart.totals.currency_minor_unit,
});

/** The shop's words come with entities and tags in them; parsed as a document of its own, nothing in it can run. */
const plain = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent.trim();

const ask = async (link, path, options) => {
  const response = await link.send(`${link.store}/${path}`, {
    credentials: "same-origin",
    cache: "no-store",
    ...options,
  });
  const body = await response.json();
  return { ok: response.ok, body, nonce: response.headers.get("Nonce") };
};

const change = async (link, path, code) => {
  const before = await ask(link, "cart");
  const nonce = before.nonce || (await link.identity()).nonce;
  const after = await ask(link, `cart/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(nonce && { Nonce: nonce }) },
    body: JSON.stringify({ code }),
  });
  if (!after.ok) return { refused: plain(after.body.message || "") };
  // The shop's page draws its cart anew from the answer, see the plugin.
  const detail = { code, applied: path == "apply-coupon", cart: after.body };
  document.dispatchEvent(new CustomEvent("regulars:applied", { detail }));
  return { before: total(before.body), after: total(after.body) };
};

/** {before, after} with the cart's totals, or {refused} in the shop's own words. */
export const applyCode = (link, code) => change(link, "apply-coupon", code);

export const removeCode = (link, code) => change(link, "remove-coupon", code);

/** The codes that lie in the cart now, upper case; none where the shop cannot be asked. */
export const codesInCart = async (link) => {
  try {
    const { body } = await ask(link, "cart");
    return body.coupons.map((coupon) => coupon.code.toUpperCase());
  } catch {
    return [];
  }
};
