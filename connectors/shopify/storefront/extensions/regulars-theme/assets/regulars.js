// What the three blocks do. It asks this shop's own /apps/regulars/token, through Shopify, which signs who is asking;
// the answer stays in this closure. Whatever fails here fails silently: the shop must not notice.
(() => {
  const SERVER = "@server_url@";
  const IDENTITY = "/apps/regulars/token";
  const TIMEOUT_MS = 8000;
  const KEY = /^[0-9a-f]{32}$/;

  const ask = (address, options) =>
    fetch(address, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS), ...options })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((body) => body || {})
      .catch(() => ({}));

  let asked;
  /** {shop_key, token, earn}: asked once per page, however many blocks it has. */
  const identity = () =>
    (asked = asked || ask(IDENTITY, { headers: { "X-Regulars": "1" }, credentials: "same-origin" }));

  /** One of the forms that the block brings along, with the number in it. */
  const say = ({ lang, one, few, other }, points) => {
    const form = { one, few }[new Intl.PluralRules(lang || "en").select(points)] || other;
    return form.replace("{points}", new Intl.NumberFormat(lang || "en").format(points));
  };

  const show = (block, text) => {
    const line = block.querySelector("[role=status]");
    if (line) line.textContent = text;
  };

  let loading;
  class Launcher extends HTMLElement {
    async connectedCallback() {
      if (loading) return; // the theme editor draws blocks anew; the widget needs to be loaded once
      loading = true;
      const { shop, account, lang, apply = "" } = this.dataset;
      const key = shop || (await identity()).shop_key;
      if (!KEY.test(key)) return;
      const script = document.createElement("script");
      script.async = true;
      script.src = `${SERVER}/widget/v1/loader.js`;
      Object.assign(script.dataset, { shop: key, identity: IDENTITY, account, lang, apply });
      document.body.append(script);
    }
  }

  class ProductPoints extends HTMLElement {
    connectedCallback() {
      this.look = () => setTimeout(() => this.paint(), 100); // themes note the new variant after the event
      document.addEventListener("change", this.look);
      this.paint();
    }

    disconnectedCallback() {
      document.removeEventListener("change", this.look);
    }

    async paint() {
      const { earn } = await identity();
      const { currency, variant } = this.dataset;
      const prices = JSON.parse(this.querySelector("script").textContent);
      const field = this.form() && this.form().elements.namedItem("id");
      const price = prices[(field && field.value) || variant];
      show(this, "");
      if (!earn || earn.currency != currency || !(price >= 0)) return;
      const minor = Math.floor((price * 10 ** earn.digits) / 100);
      const points = Math.floor((minor * earn.points) / earn.per_minor);
      if (points > 0) show(this, say(this.dataset, points));
    }

    /** The form that puts this very product into the cart. */
    form() {
      const section = this.closest(".shopify-section") || document;
      return section.querySelector('form[action*="/cart/add"]');
    }
  }

  class Account extends HTMLElement {
    async connectedCallback() {
      const { shop_key: key, token } = await identity();
      if (!KEY.test(key) || !token) return;
      const { lang, join } = this.dataset;
      const me = await ask(`${SERVER}/widget/v1/api/${key}/me?lang=${encodeURIComponent(lang || "en")}`, {
        headers: { Authorization: `Bearer ${token}` },
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      if (me.points) show(this, say(this.dataset, me.points.available));
      else if (me.points === null) show(this, join);
    }
  }

  const define = (name, element) => customElements.get(name) || customElements.define(name, element);
  define("regulars-launcher", Launcher);
  define("regulars-product-points", ProductPoints);
  define("regulars-account", Account);
})();
