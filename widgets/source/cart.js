// The shop's own cart, through its Store API, as the shopper's own browser: same origin, the shop's cookie and nonce.
// Amounts there are strings in minor units. A shop without that API may have an address that takes a code: its share link.
import { el } from "./dom.js";

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

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

/**
 * Leave a code with the cart by the shop's share link; true if the shop took it. Nothing is known of totals.
 * The redirect of the answer is followed: it may lead to the link in another language first, and only its end
 * tells whether all went well. In a URL's path the braces of `{code}` are percent-encoded, in its query they are not.
 */
export const leaveCode = async (link, code) => {
  try {
    const address = link.apply.replace(/%7Bcode%7D|{code}/, encodeURIComponent(code));
    return (await link.send(address, { credentials: "same-origin", cache: "no-store" })).ok;
  } catch {
    return false;
  }
};

/** What Shoptet's page says of its cart: a list or one of them, as the template has it. */
const onPage = () =>
  [].concat(window.getShoptetDataLayer("cartInfo").discountCoupon || []).map(({ code }) => code.toUpperCase());

/**
 * Put a code on a Shoptet cart by the shop's own functions, which draw the cart anew and say on their page what they do
 * not like. True once the code lies there. A template without them leaves the code to be typed.
 */
export const leaveCoupon = async ({ coupon }, code) => {
  try {
    const { cart, csrf } = window.shoptet;
    const form = el("form", {}, el("input", { name: "discountCouponCode", value: code }));
    csrf.injectToken(form);
    await cart.ajaxSubmitForm(coupon, form, "functionsForCart", "cart", true);
    for (let looks = 12; looks--; await sleep(400)) if (onPage().includes(code)) return true;
  } catch {
    // See above.
  }
};

/** The codes that lie in the cart now, upper case; none where the shop cannot be asked. */
export const codesInCart = async (link) => {
  try {
    if (link.coupon) return onPage();
    const { body } = await ask(link, "cart");
    return body.coupons.map((coupon) => coupon.code.toUpperCase());
  } catch {
    return [];
  }
};
