// The cart page, drawn from the store API like the cart block of a real shop.
import { call, element, listenForCodes, money, plain, showCount, showCoupons, showTotals, sum } from "./store.js";

const root = document.querySelector("[data-cart]");
const error = document.querySelector("[data-error]");

async function change(route, body) {
  error.hidden = true;
  try {
    show(await call("POST", route, body));
  } catch (refused) {
    error.textContent = refused.message;
    error.hidden = false;
  }
}

function line(item) {
  const picture = document.querySelector(`template[data-picture="${item.id}"]`).content.cloneNode(true);
  const step = (by, label) => {
    const button = element("button", { type: "button", textContent: by > 0 ? "+" : "−", ariaLabel: `${label} ${item.name}` });
    button.disabled = item.quantity + by < 1;
    button.addEventListener("click", () => change("cart/update-item", { key: item.key, quantity: item.quantity + by }));
    return button;
  };
  const remove = element("button", { type: "button", className: "link", textContent: "Remove", ariaLabel: `Remove ${item.name}` });
  remove.addEventListener("click", () => change("cart/remove-item", { key: item.key }));
  return element(
    "li",
    { className: "line" },
    element("div", { className: "picture" }, picture),
    element("div", {}, element("a", { href: new URL(item.permalink).pathname, textContent: plain(item.name) }), element("p", { className: "fine", textContent: `${money(item.prices.price)} each` }), remove),
    element("div", { className: "stepper" }, step(-1, "One less of"), element("span", { textContent: item.quantity }), step(1, "One more of")),
    element("div", { className: "price", textContent: money(sum(item.totals.line_subtotal, item.totals.line_subtotal_tax)) }),
  );
}

function show(cart) {
  const empty = cart.items.length === 0;
  document.querySelector("[data-lines]").replaceChildren(...cart.items.map(line));
  document.querySelector("[data-empty]").hidden = !empty;
  document.querySelector("[data-sum]").hidden = empty;
  showTotals(cart);
  showCoupons(cart, change);
  showCount(cart);
  root.setAttribute("aria-busy", "false");
}

async function refresh() {
  show(await call("GET", "cart"));
}

listenForCodes(show);
// What plugins fire after they changed the cart behind the page's back.
document.addEventListener("wc-blocks_added_to_cart", refresh);
refresh();
