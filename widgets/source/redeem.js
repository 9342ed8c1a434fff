// Points into a discount: slider, buttons and number field show one figure; the code goes to the cart by itself.
import { applyCode, leaveCode, leaveCoupon, sleep } from "./cart.js";
import { el, icon } from "./dom.js";

const MINUS = "M6 12h12";
const PLUS = "M6 12h12M12 6v12";
const CHECK = "M5 12.500l4.500 4.500L19 7.500";
// A code that is being prepared at the shop: how often and how long we ask for it.
const LOOKS_MS = [700, 1000, 1500, 2000, 2500, 3000];

const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const redeemCard = (panel) => {
  const { t, state } = panel;
  const { redeem } = state.me;
  if (state.applied) return appliedCard(panel, state.applied);
  if (!redeem.allowed) {
    return el("section", { class: "card" }, el("h3", {}, t("use")), el("p", { class: "soft" }, redeem.message));
  }
  return chooser(panel, redeem);
};

const chooser = (panel, { minimum, maximum, step, unit }) => {
  const { t, state } = panel;
  const busy = state.busy == "redeem";
  const fit = (value) =>
    Math.min(maximum, Math.max(minimum, minimum + Math.floor(((Number(value) || 0) - minimum) / step) * step));
  const worth = (points) => panel.money({ ...unit, minor: (points / step) * unit.minor });
  let points = fit(state.points == null ? maximum : state.points);

  const limits = { min: minimum, max: maximum, step, disabled: busy };
  const slider = el("input", { type: "range", "data-key": "slider", "aria-label": t("how_many"), ...limits });
  const field = el("input", {
    type: "number",
    inputmode: "numeric",
    "data-key": "field",
    id: "points",
    autocomplete: "off",
    ...limits,
  });
  const less = button("less", MINUS, t("less"), () => choose(points - step));
  const more = button("more", PLUS, t("more"), () => choose(points + step));
  const submit = el("button", {
    type: "button",
    class: "main",
    "data-key": "redeem",
    "aria-disabled": busy && "true",
    onclick: () => busy || redeem(panel, points),
  });
  const choose = (value, typing) => {
    points = fit(value);
    state.points = points;
    state.key = null;
    slider.value = points;
    slider.style.setProperty("--part", (points - minimum) / (maximum - minimum || 1));
    slider.setAttribute("aria-valuetext", t("points_worth", { points, value: worth(points) }));
    if (!typing) field.value = points;
    less.setAttribute("aria-disabled", points <= minimum);
    more.setAttribute("aria-disabled", points >= maximum);
    submit.textContent = busy ? t("wait") : t("redeem", { value: worth(points) });
  };
  slider.addEventListener("input", () => choose(slider.value));
  field.addEventListener("input", () => choose(field.value, true));
  field.addEventListener("change", () => choose(field.value));
  const key = state.key;
  choose(points);
  state.key = key;

  const problem = state.problem && state.problem.name == "redeem" && state.problem.text;
  return el(
    "section",
    { class: "card" },
    el("h3", {}, t("use")),
    slider,
    el(
      "div",
      { class: "stepper" },
      less,
      el("label", { for: "points" }, field, el("span", {}, t("unit", { points }))),
      more,
    ),
    submit,
    problem && el("p", { class: "bad" }, problem),
  );
};

const button = (key, path, label, onclick) =>
  el("button", { type: "button", class: "round", "data-key": key, "aria-label": label, onclick }, icon(path));

/** One key per intent: asking again after a lost answer gets the first answer, not a second redemption. */
const redeem = (panel, points) =>
  panel.run("redeem", async () => {
    const { state, link } = panel;
    state.key = state.key || newKey();
    let redemption = await link.call("redemptions", {
      method: "POST",
      body: { points, idempotency_key: state.key },
    });
    for (const ms of LOOKS_MS) {
      if (redemption.state != "preparing") break;
      await sleep(ms);
      redemption = await link.call(`redemptions/${redemption.id}`);
    }
    await apply(panel, redemption);
    state.key = null;
    state.points = null;
    await panel.refresh();
    panel.focus("applied");
  });

/** Put a code on the cart, and say how it went in `state.applied`. */
export const apply = async (panel, redemption) => {
  const { link } = panel;
  const applied = { redemption };
  if (redemption.state == "preparing") applied.late = true;
  else if (link.store) {
    try {
      Object.assign(applied, await applyCode(link, redemption.code));
    } catch {
      applied.unreached = true;
    }
  } else if (link.coupon && redemption.code) applied.waits = await leaveCoupon(link, redemption.code);
  else if (link.apply && redemption.code) applied.waits = await leaveCode(link, redemption.code);
  if (applied.after) panel.state.inCart = [...panel.state.inCart, redemption.code];
  panel.state.applied = applied;
  panel.say(outcome(panel, applied));
};

const outcome = ({ t, money }, { redemption, refused, unreached, late, waits, after }) => {
  const value = money(redemption.value);
  if (late) return t("late");
  if (unreached) return t("cart_failed");
  if (refused) return t("refused", { reason: refused });
  if (waits) return t("waits", { value });
  return after ? t("applied", { value }) : t("ready", { value });
};

const appliedCard = (panel, applied) => {
  const { t, money } = panel;
  const { redemption, before, after, waits } = applied;
  const good = !!(after || waits);
  return el(
    "section",
    { class: good ? "card good" : "card" },
    el("h3", { tabindex: "-1", "data-key": "applied" }, good && icon(CHECK), outcome(panel, applied)),
    after &&
      el(
        "p",
        { class: "total" },
        t("total"),
        " ",
        el("s", {}, el("span", { class: "unseen" }, t("before"), " "), money(before)),
        " ",
        el("strong", {}, el("span", { class: "unseen" }, t("after"), " "), money(after)),
      ),
    !after && redemption.code && copyRow(panel, redemption.code),
    el(
      "button",
      { type: "button", class: "plain", "data-key": "done", onclick: () => panel.set({ applied: null }) },
      t("done"),
    ),
  );
};

export const copyRow = (panel, code) => {
  const { t, state } = panel;
  const copied = state.copied == code;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      panel.set({ copied: code });
      panel.say(t("copied"));
    } catch {
      // No clipboard here: the code can be selected by hand.
    }
  };
  return el(
    "div",
    { class: "code" },
    el("code", {}, code),
    el(
      "button",
      {
        type: "button",
        class: "plain",
        "data-key": `copy-${code}`,
        onclick: copy,
        "aria-label": copied ? null : t("copy_code", { code }),
      },
      t(copied ? "copied" : "copy"),
    ),
  );
};
