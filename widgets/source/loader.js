// What every page of the shop loads: it asks for the program's looks, who the shopper is, and shows one button.
// The panel comes on the first sign of interest. Whatever fails here fails silently: the shop must not notice.
import { GIFT, addStyle, el, icon } from "./dom.js";
import { translator } from "./format.js";
import css from "./loader.css";

const PREVIEW = "regulars_preview";
const TIMEOUT_MS = 8000;
// After a purchase: when to look whether the points have arrived. Six looks in about ten seconds.
const LOOKS_MS = [600, 1000, 1500, 2000, 2400, 2500];

const script = document.currentScript;
const settings = script.dataset;
const base = new URL(".", script.src);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** An address in the shop itself, or nothing: identity and cart never go to another host. */
const inShop = (address) => {
  const url = address && new URL(address, location);
  return url && url.origin == location.origin ? url.href.replace(/\/$/, "") : null;
};

/** Only what leads to a page: nothing that would run. */
const webAddress = (address) => (/^https?:\/\//.test(address) ? address : null);

const send = (url, options) =>
  fetch(url, { referrerPolicy: "no-referrer", signal: AbortSignal.timeout(TIMEOUT_MS), ...options });

class Failure extends Error {
  constructor(status, error) {
    super((error && error.message) || "");
    this.status = status;
    this.code = error && error.code;
  }
}

const readJson = async (response) => {
  const body = response.status == 204 ? {} : await response.json().catch(() => null);
  if (!response.ok || !body) throw new Failure(response.status, body && body.error);
  return body;
};

/** The widget's link to the server and the shop. The proof of identity lives in this closure only. */
const connect = (preview) => {
  const identityAddress = inShop(settings.identity);
  let identity;
  const fromShop = async () =>
    identityAddress
      ? readJson(
          await send(identityAddress, {
            headers: { "X-Regulars": "1" },
            credentials: "same-origin",
            cache: "no-store",
          }),
        )
      : {};
  const whoIs = () =>
    (identity = (link.mailed ? link.mailed.whoIs() : fromShop()).catch(() => {
      identity = null; // asked again at the next need
      return {};
    }));
  const address = (path) => {
    const url = new URL(`api/${settings.shop}/${path}`, base);
    url.searchParams.set("lang", settings.lang || document.documentElement.lang || "en");
    if (preview) url.searchParams.set("preview", preview);
    return url;
  };
  /** `open`: for those whom nobody has proven yet. */
  const call = async (path, { method = "GET", body, again = true, open } = {}) => {
    const { token } = open ? {} : await (identity || whoIs());
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    const response = await send(address(path), {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: "omit",
    });
    if (response.status == 401 && token && again) {
      whoIs();
      return call(path, { method, body, again: false });
    }
    return readJson(response);
  };
  const link = {
    call,
    config: () => send(address("config"), { credentials: "omit" }).then(readJson),
    identity: (anew) => (!anew && identity) || whoIs(),
    store: inShop(settings.store),
    apply: inShop(settings.apply),
    coupon: inShop(settings.coupon),
    send,
  };
  return link;
};

class RegularsWidget extends HTMLElement {
  async begin() {
    const preview = previewToken();
    const link = connect(preview);
    const config = await link.config();
    if (config.state == "hidden") return;
    if (config.mailed) link.mailed = (await import(new URL(config.mailed, base).href)).mailed(link, settings, el);
    this.config = config;
    this.link = link;
    this.account = inShop(settings.account) || webAddress(config.links.account);
    this.lang = config.lang;
    this.dir = config.dir;
    this.dataset.side = config.theme.side;
    this.dataset.scheme = config.theme.scheme;
    for (const [name, value] of Object.entries(config.theme.colours)) this.style.setProperty(`--${name}`, value);
    this.say = translator(config.words, config.lang);
    this.root = this.attachShadow({ mode: "open" });
    addStyle(this.root, css);
    this.note = el("div", { class: "note", role: "status" });
    this.root.append(this.note);
    document.body.append(this);
    await this.refresh().catch(() => {});
    if (config.launcher) this.paint();
    this.listen();
    if (settings.order) this.afterPurchase(settings.order);
  }

  /** Who the shopper is and what they have; `me` stays null for someone who is not signed in. */
  async refresh(query = "") {
    const { token } = await this.link.identity();
    this.me = token ? await this.link.call(`me${query}`) : null;
    if (this.button) this.paint();
    return this.me;
  }

  /** A new button each time: one that grew in place would move, and that counts as a shift of the page. */
  paint() {
    const member = this.me && this.me.points;
    const count = member && this.say("points", { points: member.available });
    const name = this.say("launcher");
    const before = this.button;
    const focused = before && this.root.activeElement == before;
    this.button = el(
      "button",
      {
        class: "launcher",
        type: "button",
        "aria-haspopup": "dialog",
        "aria-expanded": String(!!this.isOpen),
        "aria-label": count ? `${name}, ${count}` : name,
        onclick: () => this.open(),
        onpointerenter: () => this.load(),
        onfocus: () => this.load(),
      },
      icon(GIFT),
      el("span", { class: count ? "" : "guest" }, count || name),
    );
    before ? before.replaceWith(this.button) : this.root.append(this.button);
    if (focused) this.button.focus();
  }

  load() {
    const { panel, texts } = this.config;
    this.loading =
      this.loading ||
      Promise.all([import(new URL(panel, base).href), send(new URL(texts, base)).then(readJson)]).catch((failure) => {
        this.loading = null;
        throw failure;
      });
    this.loading.catch(() => {});
    return this.loading;
  }

  async open() {
    if (this.isOpen) return;
    this.isOpen = true;
    this.note.textContent = "";
    try {
      const [panel, texts] = await this.load();
      const from = this.root.activeElement || document.activeElement;
      this.expand();
      panel.open(this, texts, () => {
        this.isOpen = false;
        this.expand();
        (this.button && (from == document.body || !from.isConnected) ? this.button : from).focus();
      });
    } catch {
      this.isOpen = false;
      this.note.textContent = this.say("failed");
    }
  }

  expand() {
    if (this.button) this.button.setAttribute("aria-expanded", String(this.isOpen));
  }

  listen() {
    const openByLink = (event) => {
      if (event.composedPath().some((node) => node.hash == "#regulars" && node.origin == location.origin)) {
        event.preventDefault();
        this.open();
      }
    };
    document.addEventListener("click", openByLink);
    if (location.hash == "#regulars") this.open();
    let timer;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.lift(), 250);
    };
    for (const name of ["scroll", "resize", "click"]) addEventListener(name, later, { passive: true });
    [0, 1500, 4000].forEach((ms) => setTimeout(later, ms));
  }

  /** Step above a cookie bar or a buy button that is fixed to the lower edge. By transform: nothing shifts. */
  lift() {
    if (!this.button || this.isOpen) return;
    const { left, right } = this.button.getBoundingClientRect();
    let height = 0;
    for (const x of [left, right]) {
      for (let node of document.elementsFromPoint(x, innerHeight - 24)) {
        for (; node && node != this; node = node.parentElement) {
          const box = node.getBoundingClientRect();
          if (
            /fixed|sticky/.test(getComputedStyle(node).position) &&
            box.bottom > innerHeight - 8 &&
            box.height < innerHeight / 2
          ) {
            height = Math.max(height, innerHeight - box.top);
          }
        }
      }
    }
    this.style.setProperty("--lift", `${-height}px`);
  }

  /** Tell the server which order to look at, then look a few times whether its points have come. */
  async afterPurchase(order) {
    this.link.call("hint", { method: "POST", body: { order } }).catch(() => {});
    if (!this.me) return; // the first order may well make a member, so `points` may still be missing
    for (const ms of LOOKS_MS) {
      await sleep(ms);
      const me = await this.refresh(`?order=${encodeURIComponent(order)}`).catch(() => null);
      const points = me && me.order && me.order.points;
      if (points > 0) {
        this.note.textContent = this.say("earned", { points });
        await sleep(20000);
        this.note.textContent = "";
        return;
      }
    }
  }
}

/** Staff see the widget before shoppers do: by a token in the address, kept for this tab. */
const previewToken = () => {
  try {
    const token = new URLSearchParams(location.search).get(PREVIEW);
    if (token) sessionStorage.setItem(PREVIEW, token);
    return sessionStorage.getItem(PREVIEW);
  } catch {
    return null;
  }
};

const begin = () => {
  try {
    customElements.define("regulars-widget", RegularsWidget);
    document
      .createElement("regulars-widget")
      .begin()
      .catch(() => {});
  } catch {
    // An old browser, or a second copy of this script: the page is left as it is.
  }
};
document.body ? begin() : document.addEventListener("DOMContentLoaded", begin);
