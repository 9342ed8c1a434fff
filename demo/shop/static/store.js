// The store API of the platform, as the shop's own pages use it: same origin, login cookie, nonce from the last answer.
const BASE = "/wp-json/wc/store/v1/";
let nonce = "";

export class Refused extends Error {
  constructor(body) {
    super(plain(body.message || "Something went wrong. Please try again."));
    this.body = body;
  }
}

export async function call(method, route, body) {
  if (method !== "GET" && !nonce) await call("GET", "cart");
  const answer = await fetch(BASE + route, {
    method,
    headers: { "Content-Type": "application/json", Nonce: nonce },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  nonce = answer.headers.get("Nonce") || nonce;
  const json = await answer.json();
  if (!answer.ok) throw new Refused(json);
  return json;
}

export function plain(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent;
}

export function money(minor) {
  const value = Number(minor);
  return (value < 0 ? "−" : "") + "€" + (Math.abs(value) / 100).toFixed(2);
}

export function sum(...parts) {
  return parts.reduce((total, part) => total + Number(part || 0), 0);
}

export function showCount(cart) {
  for (const place of document.querySelectorAll("[data-cart-count]")) place.textContent = cart.items_count;
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Totals and codes look the same on the cart and the checkout page.
export function showTotals(cart) {
  const totals = cart.totals;
  const put = (name, text) => (document.querySelector(`[data-${name}]`).textContent = text);
  put("items", money(sum(totals.total_items, totals.total_items_tax)));
  const off = sum(totals.total_discount, totals.total_discount_tax);
  document.querySelector("[data-discount-row]").hidden = off === 0;
  put("discount", money(-off));
  const shipping = sum(totals.total_shipping, totals.total_shipping_tax);
  put("shipping", !cart.needs_shipping ? "none" : totals.total_shipping === null ? "€5.00" : shipping ? money(shipping) : "free");
  put("total", money(totals.total_price));
  put("tax", money(totals.total_tax));
}

export function showCoupons(cart, change) {
  const list = document.querySelector("[data-coupons]");
  list.replaceChildren(
    ...cart.coupons.map(({ code, totals }) => {
      const off = money(-sum(totals.total_discount, totals.total_discount_tax));
      const remove = element("button", { type: "button", textContent: "×", ariaLabel: `Remove code ${code}` });
      remove.addEventListener("click", () => change("cart/remove-coupon", { code }));
      return element("li", {}, `${code} ${off}`, remove);
    }),
  );
}

export function listenForCodes(show) {
  const form = document.querySelector("[data-coupon]");
  const error = document.querySelector("[data-coupon-error]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    const code = form.elements.code.value.trim();
    if (!code) return;
    try {
      show(await call("POST", "cart/apply-coupon", { code }));
      form.elements.code.value = "";
    } catch (refused) {
      error.textContent = refused.message;
    }
  });
}
