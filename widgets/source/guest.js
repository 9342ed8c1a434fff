// For someone the shop does not know, and for a customer who has not joined: why, how to earn, what for.
import { el, icon } from "./dom.js";

const ICONS = {
  order: "M6 8h12l1 12H5zM9 8V7a3 3 0 0 1 6 0v1",
  join: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20c1-4 4-5 8-5s7 1 8 5",
  discount: "M5 5h6l9 9-6 6-9-9zM8.500 8.500v0",
  shipping: "M3 7h11v9H3zM14 10h4l3 3v3h-7M7 19v0M17 19v0",
  other: "M12 4l2.500 5 5.500.8-4 3.900 1 5.500-5-2.600-5 2.600 1-5.500-4-3.900 5.500-.8z",
};

const ways = (title, items) =>
  items.length > 0 && [
    el("h3", {}, title),
    el(
      "ul",
      { class: "ways" },
      items.map((item) =>
        el(
          "li",
          {},
          el("span", { class: "dot" }, icon(ICONS[item.icon] || ICONS.other)),
          el("span", {}, el("strong", {}, item.title), el("span", { class: "soft" }, item.text)),
        ),
      ),
    ),
  ];

/** The same three lists for everyone: earn, redeem, terms. */
export const about = ({ t, config }) => [
  ways(t("earn"), config.earn),
  ways(t("spend"), config.redeem),
  config.terms.length > 0 && [
    el("h3", {}, t("terms")),
    el(
      "ul",
      { class: "terms" },
      config.terms.map((text) => el("li", {}, text)),
    ),
  ],
];

export const guestView = (panel) => {
  const { t } = panel;
  const { account } = panel.widget;
  return {
    head: el("p", { class: "lead" }, t("why")),
    body: [
      el(
        "section",
        { class: "card" },
        el("h3", {}, t("join_title")),
        el("p", {}, t("guest")),
        account && [
          el("a", { class: "main", href: account, "data-key": "register" }, t("register")),
          el(
            "p",
            { class: "aside" },
            t("have_account"),
            " ",
            el("a", { href: account, "data-key": "sign_in" }, t("sign_in")),
          ),
        ],
      ),
      about(panel),
    ],
  };
};

/** The page names a customer, and nobody has proven it in this browser. */
export const proveView = (panel) => ({
  head: el("p", { class: "lead" }, panel.t("why")),
  body: [panel.link.mailed.card(panel), about(panel)],
});

/** The shop knows this customer; the program does not yet. */
export const joinView = (panel) => {
  const { t, state, link } = panel;
  const join = () =>
    panel.run("join", async () => {
      await link.call("join", { method: "POST", body: {} });
      await panel.refresh();
      panel.say(t("joined"));
    });
  return {
    head: el("p", { class: "lead" }, t("why")),
    body: [
      el(
        "section",
        { class: "card" },
        el("h3", {}, t("join_title")),
        el("p", {}, t("join_text")),
        el(
          "button",
          {
            type: "button",
            class: "main",
            "data-key": "join",
            "aria-disabled": state.busy == "join" && "true",
            onclick: join,
          },
          state.busy == "join" ? t("wait") : t("join"),
        ),
        state.problem && el("p", { class: "bad" }, state.problem.text),
      ),
      about(panel),
    ],
  };
};
