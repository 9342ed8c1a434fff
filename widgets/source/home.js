// What a member sees first: the balance, the next reward, redeeming, open codes, what is on its way.
import { codesCard } from "./codes.js";
import { el, icon } from "./dom.js";
import { about, joinView } from "./guest.js";
import { redeemCard } from "./redeem.js";

const NEXT = "M9.500 5 16 12l-6.500 7";

export const homeView = (panel) => {
  const { t, state, config } = panel;
  const { me } = state;
  if (!me.points) return joinView(panel);
  const { available, debt } = me.points;
  return {
    head: el(
      "div",
      { class: "balance" },
      el("p", { class: "points" }, t("points", { points: available })),
      me.value && me.value.minor > 0 && el("p", {}, t("worth", { value: panel.money(me.value) })),
    ),
    body: [
      config.state == "paused" && el("p", { class: "notice" }, t("paused")),
      debt < 0 && el("p", { class: "notice" }, t("debt", { points: -debt })),
      goal(panel),
      redeemCard(panel),
      codesCard(panel),
      upcoming(panel),
      el(
        "button",
        {
          type: "button",
          class: "row",
          "data-key": "history",
          onclick: () => panel.set({ view: "history", history: null }),
        },
        t("history"),
        icon(NEXT),
      ),
      about(panel),
    ],
  };
};

const goal = ({ t, state, money }) => {
  const { goal: next, points } = state.me;
  if (!next) return null;
  const text = t("to_go", { points: next.missing, value: money(next.value) });
  const bar = el("div", { class: "bar-in" });
  bar.style.inlineSize = `${Math.floor((100 * points.available) / next.points)}%`;
  return el(
    "section",
    { class: "goal" },
    el("p", { id: "goal" }, text),
    el(
      "div",
      {
        class: "progress",
        role: "progressbar",
        "aria-labelledby": "goal",
        "aria-valuemin": 0,
        "aria-valuemax": next.points,
        "aria-valuenow": points.available,
        "aria-valuetext": text,
      },
      bar,
    ),
  );
};

const upcoming = ({ t, state, day }) => {
  const { points, pending, expiring } = state.me;
  const lines = [
    points.pending > (pending ? pending.points : 0) && t("pending", { points: points.pending }),
    pending && t("pending_next", { points: pending.points, date: day(pending.on) }),
    expiring && t("expiring", { points: expiring.points, date: day(expiring.through) }),
    points.held > 0 && t("held", { points: points.held }),
  ].filter(Boolean);
  return (
    lines.length > 0 &&
    el(
      "ul",
      { class: "facts" },
      lines.map((text) => el("li", {}, text)),
    )
  );
};
