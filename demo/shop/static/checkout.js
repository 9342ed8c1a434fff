// The checkout page: the address goes to the cart as it is typed, the order by one call.
import { call, element, listenForCodes, money, showCount, showCoupons, showTotals, sum } from "./store.js";

const form = document.querySelector("[data-place]");
const error = document.querySelector("[data-error]");
const FIELDS = ["email", "first_name", "last_name", "address_1", "city", "postcode", "phone"];

function address() {
  const values = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
  return { ...values, country: "CZ" };
}

function fail(message) {
  error.textContent = message;
  error.hidden = false;
  error.scrollIntoView({ block: "center" });
}

function show(cart) {
  const empty = cart.items.length === 0;
  document.querySelector("[data-checkout]").hidden = empty;
  document.querySelector("[data-empty]").hidden = !empty;
  document.querySelector("[data-summary]").replaceChildren(
    ...cart.items.map((item) =>
      element("li", {}, element("span", { textContent: `${item.quantity} × ${item.name}` }), element("span", { textContent: money(sum(item.totals.line_subtotal, item.totals.line_subtotal_tax)) })),
    ),
  );
  showTotals(cart);
  showCoupons(cart, change);
  showCount(cart);
}

async function change(route, body) {
  error.hidden = true;
  try {
    show(await call("POST", route, body));
  } catch (refused) {
    fail(refused.message);
  }
}

async function place(event) {
  event.preventDefault();
  const missing = FIELDS.map((name) => form.elements[name]).find((field) => !field.checkValidity());
  if (missing) {
    fail(`Please fill in: ${missing.labels[0].textContent.trim()}.`);
    missing.focus();
    return;
  }
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const { email, ...shipping } = address();
  try {
    const done = await call("POST", "checkout", {
      billing_address: { email, ...shipping },
      shipping_address: shipping,
      payment_method: form.elements.payment_method.value,
      create_account: form.elements.create_account?.checked || false,
    });
    location.assign(done.payment_result.redirect_url);
  } catch (refused) {
    if (refused.body?.data?.cart) show(refused.body.data.cart);
    fail(refused.message);
    button.disabled = false;
  }
}

form.addEventListener("submit", place);
form.elements.email.addEventListener("change", () => change("cart/update-customer", { billing_address: address() }));
listenForCodes(show);
document.addEventListener("wc-blocks_added_to_cart", async () => show(await call("GET", "cart")));
// Opening the checkout is what makes older shops write a draft order.
call("GET", "checkout").catch(() => undefined);
show(await call("GET", "cart"));
