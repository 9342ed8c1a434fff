// The panel: one native modal dialog in the shadow root, so that the browser makes the page inert and traps the focus.
// Every change draws the whole panel anew from `state`: what is new has not moved, so nothing counts as a layout shift.
import { codesInCart } from "./cart.js";
import { addStyle, el, icon } from "./dom.js";
import { day, instant, money, translator } from "./format.js";
import { guestView, proveView } from "./guest.js";
import { historyView } from "./history.js";
import { homeView } from "./home.js";
import css from "./style.css";

const CLOSE = "M6 6l12 12M18 6 6 18";
const BACK = "M14.500 5 8 12l6.500 7";
const STOPS = "a[href],button,input:not([disabled])";

export const open = (widget, texts, closed) => {
  if (!widget.panel) {
    addStyle(widget.root, css);
    widget.panel = new Panel(widget, texts);
  }
  widget.panel.show(closed);
};

class Panel {
  constructor(widget, texts) {
    const { lang } = widget;
    this.widget = widget;
    this.config = widget.config;
    this.link = widget.link;
    this.t = translator(texts, lang);
    this.money = (amount) => money(lang, amount);
    this.day = (date) => day(lang, date);
    this.instant = (moment) => instant(lang, moment);
    this.signed = (points) => new Intl.NumberFormat(lang, { signDisplay: "always" }).format(points);
    this.status = el("div", { class: "unseen", role: "status" });
    this.frame = el("div", { class: "frame" });
    this.dialog = el("dialog", { "aria-modal": "true", "aria-labelledby": "title" }, this.frame, this.status);
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      this.closed();
    });
    this.dialog.addEventListener("click", (event) => event.target == this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => event.key == "Tab" && this.keepFocus(event));
    this.dialog.addEventListener("pointerdown", () => this.hold());
    this.dialog.addEventListener("click", () => (this.held = false), true);
  }

  show(closed) {
    this.closed = closed;
    this.state = { inCart: [] };
    this.status.textContent = "";
    this.widget.root.append(this.dialog);
    this.load();
    this.dialog.showModal();
    this.focus("close");
  }

  async load() {
    this.set({ view: "loading", problem: null });
    try {
      const me = await this.widget.refresh();
      this.set({ view: me ? "home" : this.entry(), me });
      if (me && (this.link.store || this.link.coupon) && me.codes.length) this.set({ inCart: await codesInCart(this.link) });
    } catch (failure) {
      if (failure.status == 401) return this.signedOut();
      this.set({ view: "error" });
      this.say(this.t("failed"));
    }
  }

  /** The newest balance, into the panel and onto the launcher. */
  async refresh() {
    const me = await this.widget.refresh();
    this.set({ me, view: me ? this.state.view : this.entry() });
  }

  /** For who is not known: the page names somebody who can prove it, or nobody. */
  entry() {
    const { mailed } = this.link;
    return mailed && mailed.customer() ? "prove" : "guest";
  }

  /** Run work that may fail; `busy` names it for the view, and a failure is shown where the work was started. */
  async run(name, work) {
    this.set({ busy: name, problem: null });
    try {
      await work();
      this.set({ busy: null });
    } catch (failure) {
      if (failure.status == 401) return this.signedOut();
      const text = (failure.code && failure.message) || this.t("problem");
      this.set({ busy: null, problem: { name, text } });
      this.say(text);
    }
  }

  signedOut() {
    this.widget.me = null;
    this.set({ view: this.entry(), busy: null, problem: null });
  }

  /** Read out, without moving the focus. */
  say(text) {
    this.status.textContent = text;
  }

  set(change) {
    Object.assign(this.state, change);
    if (this.held) this.late = true;
    else this.draw();
  }

  /** What is being pressed or dragged must not be drawn anew under the finger: news wait until it is let go. */
  hold() {
    this.held = true;
    const letGo = () =>
      setTimeout(() => {
        this.held = false;
        if (this.late) this.draw();
      });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, letGo, { once: true });
  }

  /** Move the focus to what bears this data-key. */
  focus(key) {
    const node = this.frame.querySelector(`[data-key="${key}"]`);
    if (node) node.focus();
    return node;
  }

  draw() {
    const { view } = this.state;
    const { root } = this.widget;
    this.late = false;
    const key = root.activeElement && root.activeElement.dataset.key;
    const before = this.frame.lastChild;
    const scrolled = before && before.dataset.view == view && before.scrollTop;
    const { head, body } = VIEWS[view](this);
    const preview = this.config.state == "staff" && el("p", { class: "notice" }, this.t("preview"));
    this.frame.replaceChildren(
      el("div", { class: "head" }, this.bar(view), head),
      el("div", { class: "body", "data-view": view, tabindex: "-1" }, preview, body),
    );
    if (scrolled) this.frame.lastChild.scrollTop = scrolled;
    if (key && this.dialog.open) this.focus(key) || this.focus("close");
  }

  bar(view) {
    const round = (key, path, label, onclick) =>
      el("button", { type: "button", class: "round", "data-key": key, "aria-label": label, onclick }, icon(path));
    const home = () => {
      this.set({ view: "home", problem: null });
      this.focus("history");
    };
    return el(
      "div",
      { class: "bar" },
      view == "history" && round("back", BACK, this.t("back"), home),
      el("h2", { id: "title" }, this.config.program),
      round("close", CLOSE, this.t("close"), () => this.dialog.close()),
    );
  }

  /** The browser lets Tab leave a modal dialog for its own bars; inside the page the panel is a closed ring. */
  keepFocus(event) {
    const stops = [...this.frame.querySelectorAll(STOPS)].filter((node) => node.offsetParent);
    if (event.shiftKey) stops.reverse();
    if (this.widget.root.activeElement == stops[stops.length - 1]) {
      event.preventDefault();
      stops[0].focus();
    }
  }
}

const errorView = (panel) => ({
  body: el(
    "div",
    { class: "middle" },
    el("p", {}, panel.t("failed")),
    el("button", { type: "button", class: "main", "data-key": "retry", onclick: () => panel.load() }, panel.t("retry")),
  ),
});

const waitView = ({ t }) => ({
  body: el(
    "div",
    { class: "wait", "aria-busy": "true" },
    el("p", { class: "unseen" }, t("loading")),
    el("div"),
    el("div"),
    el("div"),
  ),
});

const VIEWS = { guest: guestView, prove: proveView, home: homeView, history: historyView, error: errorView, loading: waitView };
