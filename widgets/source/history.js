// Every change of the balance with its reason. The sentences are made by the server and enter as text.
import { el } from "./dom.js";

export const historyView = (panel) => {
  const { t, state } = panel;
  const { history } = state;
  if (!history && state.busy != "history" && !state.problem) queueMicrotask(() => more(panel, true));
  return {
    body: [
      el("h3", { tabindex: "-1", "data-key": "history-title" }, t("history")),
      history && history.items.length == 0 && el("p", { class: "empty" }, t("history_empty")),
      history &&
        el(
          "ol",
          { class: "history" },
          history.items.map((item) => entry(panel, item)),
        ),
      state.problem
        ? el("p", { class: "bad" }, state.problem.text)
        : !history &&
          el(
            "div",
            { class: "wait", "aria-busy": "true" },
            el("p", { class: "unseen" }, t("loading")),
            el("div"),
            el("div"),
          ),
      (state.problem || (history && history.next)) &&
        el(
          "button",
          {
            type: "button",
            class: "plain wide",
            "data-key": "older",
            "aria-disabled": state.busy && "true",
            onclick: () => state.busy || more(panel),
          },
          t(state.problem ? "retry" : state.busy ? "wait" : "load_more"),
        ),
    ],
  };
};

const entry = ({ signed, day }, { on, text, points, note }) =>
  el(
    "li",
    {},
    el("div", {}, el("p", {}, text), note && el("p", { class: "soft" }, note), el("p", { class: "soft" }, day(on))),
    points != 0 && el("strong", { class: points > 0 ? "plus" : "" }, signed(points)),
  );

const more = (panel, first) =>
  panel.run("history", async () => {
    const { history } = panel.state;
    const cursor = history ? `?cursor=${encodeURIComponent(history.next)}` : "";
    const page = await panel.link.call(`history${cursor}`);
    panel.state.history = { items: [...(history ? history.items : []), ...page.items], next: page.next };
    if (first) queueMicrotask(() => panel.focus("history-title"));
  });
