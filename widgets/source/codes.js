// Codes the member has and has not used: copy, put on the cart, give back.
import { removeCode } from "./cart.js";
import { el } from "./dom.js";
import { apply, copyRow } from "./redeem.js";

export const codesCard = (panel) => {
  const { t, state } = panel;
  const { late, refused, unreached, waits, redemption } = state.applied || {};
  const shown = (late || refused || unreached || waits) && redemption.id;
  const codes = state.me.codes.filter((code) => code.id != shown);
  return codes.length > 0 && [el("h3", {}, t("codes")), codes.map((code) => codeCard(panel, code))];
};

const codeCard = (panel, code) => {
  const { t, state, link } = panel;
  const { id } = code;
  const ready = code.state == "ready";
  const inCart = ready && state.inCart.includes(code.code);
  const busy = state.busy == id;
  const action = (key, label, onclick, type = "plain") =>
    el(
      "button",
      {
        type: "button",
        class: type,
        "data-key": `${key}-${id}`,
        "aria-disabled": busy && "true",
        onclick: () => busy || onclick(),
      },
      label,
    );
  const ask = () => {
    panel.set({ giving: id });
    panel.focus(`keep-${id}`);
  };
  const keep = () => {
    panel.set({ giving: null });
    panel.focus(`give-${id}`);
  };
  return el(
    "div",
    { class: "card" },
    el(
      "p",
      { class: "split" },
      el("strong", {}, t("off", { value: panel.money(code.value) })),
      el("span", { class: "tag" }, t(inCart ? "in_cart" : ready ? "unused" : code.state)),
    ),
    ready && copyRow(panel, code.code),
    el(
      "p",
      { class: "soft" },
      t("code_points", { points: code.points }),
      " ",
      code.expires_at && t("until", { time: panel.instant(code.expires_at) }),
    ),
    state.giving == id
      ? [
          el("p", {}, t("give_back_sure", { points: code.points })),
          el(
            "div",
            { class: "actions" },
            action("yes", t("give_back_yes"), () => giveBack(panel, code, inCart), "main"),
            action("keep", t("keep"), keep),
          ),
        ]
      : el(
          "div",
          { class: "actions" },
          ready && (link.store || link.coupon || link.apply) && !inCart && action("apply", t("apply"), () => use(panel, code)),
          code.state != "ending" && action("give", t("give_back"), ask),
        ),
    state.problem && state.problem.name == id && el("p", { class: "bad" }, state.problem.text),
  );
};

const use = (panel, code) =>
  panel.run(code.id, async () => {
    await apply(panel, code);
    panel.set({});
    panel.focus("applied");
  });

const giveBack = (panel, code, inCart) =>
  panel.run(code.id, async () => {
    const { t, link, state } = panel;
    if (inCart && link.store) await removeCode(link, code.code).catch(() => {});
    const { state: end } = await link.call(`redemptions/${code.id}`, { method: "DELETE" });
    state.giving = null;
    if (state.applied && state.applied.redemption.id == code.id) state.applied = null;
    await panel.refresh();
    panel.say(end == "ended" ? t("given_back", { points: code.points }) : t("giving_back"));
    panel.focus("close");
  });
