// The part of a Shoptet shop's own scripts that addons use. Templates before generation 3 have no shoptet.cart.
(() => {
  const script = document.currentScript;
  const fire = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const read = (page) => JSON.parse(page.getElementById("shoptet-data").textContent);

  shoptet.csrf.injectToken = (form) => {
    const into = form.jquery ? form[0] : form;
    let field = into.querySelector('input[name="__csrf__"]');
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = "__csrf__";
      into.append(field);
    }
    field.value = shoptet.csrf.token;
  };
  document.querySelectorAll("form.csrf-enabled").forEach(shoptet.csrf.injectToken);

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["cart-wrapper", "cart-count"]) {
      const fresh = page.getElementById(id);
      if (fresh) document.getElementById(id)?.replaceWith(fresh);
    }
    document.querySelectorAll("form.csrf-enabled").forEach(shoptet.csrf.injectToken);
    dataLayer[0].shoptet = read(page);
    fire("ShoptetDataLayerUpdated", dataLayer[0].shoptet);
    for (const name of ["ShoptetDOMCartContentLoaded", "ShoptetDOMPageContentLoaded", "ShoptetDOMContentLoaded"]) fire(name);
  };

  if (script.dataset.generation !== "3") return;

  shoptet.cart = {
    // As the shop's own forms do it: send, draw the cart again, tell whoever listens.
    ajaxSubmitForm: async (url, form, callbacks, target, replacing) => {
      const sent = new URLSearchParams(new FormData(form.jquery ? form[0] : form));
      const answer = await fetch(url, { method: "POST", body: sent, headers: { "X-Shoptet-XHR": "Shoptet_Coo7ai" } });
      const told = await answer.json();
      const message = document.getElementById("cart-message");
      if (message) message.textContent = told.message;
      if (told.code !== 200) return;
      const deed = new URL(url, location.href).pathname.split("/").filter(Boolean).pop();
      if (replacing) await refresh();
      fire("ShoptetCartUpdated");
      fire(`ShoptetCart${deed[0].toUpperCase()}${deed.slice(1)}`);
    },
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.csrf-enabled[action^='/action/Cart/']");
    if (!form) return;
    event.preventDefault();
    shoptet.cart.ajaxSubmitForm(form.action, form, "functionsForCart", "cart", true);
  });
})();
