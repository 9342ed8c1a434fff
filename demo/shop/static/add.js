// "Add to cart" buttons of the catalogue and the product page.
import { call, showCount } from "./store.js";

async function add(id, quantity, name) {
  const toast = document.querySelector("[data-toast]");
  try {
    showCount(await call("POST", "cart/add-item", { id, quantity }));
    toast.replaceChildren(`${name} is in your cart. `, Object.assign(document.createElement("a"), { href: "/cart/", textContent: "See the cart" }));
  } catch (error) {
    toast.textContent = error.message;
  }
}

for (const button of document.querySelectorAll("[data-add]"))
  button.addEventListener("click", () => add(Number(button.dataset.add), 1, button.dataset.name));

for (const form of document.querySelectorAll("[data-buy]"))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(Number(form.dataset.buy), Number(form.elements.quantity.value) || 1, form.dataset.name);
  });
