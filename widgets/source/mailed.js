// Where pages of the shop sign nothing, a code from their mailbox proves who the shopper is, once in each browser.
// What is kept is a token of ours for one customer: it goes when the page names another one, or nobody.
import { customerOnPage } from "./page.js";

/** `el`: the loader's, so that it does not travel twice. */
export const mailed = (link, settings, el) => {
  const name = `regulars-${settings.shop}`;
  let mine; // for a browser that keeps nothing
  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(name)) || mine;
    } catch {
      return mine;
    }
  };
  const keep = (token) => {
    mine = token && { customer: customer(), token };
    try {
      token ? localStorage.setItem(name, JSON.stringify(mine)) : localStorage.removeItem(name);
    } catch {
      // Then the page alone knows it.
    }
  };
  const customer = () => customerOnPage(settings);
  const post = (path, body) => link.call(path, { method: "POST", body, open: true });

  /** {token} for the other calls, or nothing: there is somebody to prove, or nobody. */
  const whoIs = async () => {
    const found = kept();
    if (!found) return {};
    if (found.customer == customer()) {
      try {
        return await post("session", { token: found.token });
      } catch (failure) {
        if (failure.status != 401) throw failure;
      }
    }
    keep(null);
    return {};
  };

  const ask = (panel) =>
    panel.run("ask", async () => {
      await post("proofs", { customer_id: customer() });
      panel.set({ asked: true, code: "" });
      panel.say(panel.t("code_sent"));
      panel.focus("code");
    });

  const confirm = (panel) =>
    panel.run("confirm", async () => {
      const { token } = await post("proofs/confirm", { customer_id: customer(), code: panel.state.code });
      keep(token);
      await link.identity(true);
      panel.state.asked = false;
      await panel.load();
      panel.say(panel.t("proven"));
      panel.focus("close");
    });

  return { customer, whoIs, card: (panel) => card(panel, el, ask, confirm) };
};

const card = (panel, el, ask, confirm) => {
  const { t, state } = panel;
  const { asked, busy, code, problem } = state;
  const button = (key, label, style, props) =>
    el(
      "button",
      { class: style, "data-key": key, "aria-disabled": busy && "true", ...props },
      busy == key ? t("wait") : label,
    );
  const askFor = (label, style) => button("ask", label, style, { type: "button", onclick: () => busy || ask(panel) });
  const said = problem && el("p", { class: "bad", id: "bad" }, problem.text);
  if (!asked) {
    return el(
      "section",
      { class: "card" },
      el("h3", {}, t("prove")),
      el("p", {}, t("prove_text")),
      askFor(t("prove_send"), "main"),
      said,
    );
  }
  const field = el("input", {
    type: "text",
    id: "code",
    "data-key": "code",
    required: true,
    autocomplete: "one-time-code",
    value: code,
    "aria-invalid": problem && "true",
    "aria-describedby": "bad",
    onfocus: () => field.select(),
    oninput: () => (state.code = field.value),
  });
  const submit = (event) => {
    event.preventDefault();
    busy || confirm(panel);
  };
  return el(
    "form",
    { class: "card", onsubmit: submit },
    el("h3", {}, t("code_enter")),
    el("p", {}, t("code_sent")),
    el("label", { for: "code" }, t("code")),
    field,
    said,
    button("confirm", t("confirm"), "main", { type: "submit" }),
    askFor(t("code_again"), "plain"),
  );
};
