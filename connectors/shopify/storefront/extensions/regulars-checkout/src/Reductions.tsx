// In the order summary, below the discount field: a member chooses a reward, and its code goes on this checkout.
// Whoever has nothing to choose sees nothing.
import "@shopify/ui-extensions/preact";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import address from "../../../shared/address.json";
import { connect, newKey } from "../../../shared/api.js";
import { use } from "../../../shared/flow.js";
import { amount, offer } from "../../../shared/rewards.js";

type Balance = import("../../../shared/api.js").Balance;
type Choice = import("../../../shared/rewards.js").Choice;
type Outcome = import("../../../shared/flow.js").Outcome;

export default async function extension() {
  render(<Reductions />, document.body);
}

function Reductions() {
  const { i18n, sessionToken, buyerIdentity } = shopify;
  const [balance, setBalance] = useState<Balance | null>(null);
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const keys = useRef(new Map<string, string>());
  const api = connect({ base: address.extension, sessionToken });

  // Where we may know who is signed in, guests cost no call. Where we may not, the server says that nobody is.
  const isGuest = buyerIdentity !== undefined && !buyerIdentity.customer.value;
  const refresh = () => api.balance().then(setBalance, () => {});
  useEffect(() => {
    if (!isGuest) void refresh();
  }, [isGuest]);

  const view = offer(isGuest ? null : balance, {
    currency: shopify.cost.totalAmount.value.currencyCode,
    codes: shopify.discountCodes.value.map(({ code }) => code),
    mayChange: shopify.instructions.value.discounts.canUpdateDiscountCodes,
  });
  const told = outcome && (
    <s-stack accessibilityRole="status">
      <s-text>{said(outcome)}</s-text>
    </s-stack>
  );
  if (view.state == "hidden") return told;
  if (view.state == "applied") {
    return (
      <s-stack accessibilityRole="status">
        <s-text>{i18n.translate("applied", { code: view.code })}</s-text>
      </s-stack>
    );
  }

  const choice = view.choices.find(({ key }) => key == chosen);
  const apply = async () => {
    if (!choice || busy) return;
    setBusy(true);
    setOutcome(null);
    const key = keys.current.get(choice.key) || newKey();
    keys.current.set(choice.key, key);
    const result = await use({ api, applyCode: shopify.applyDiscountCodeChange, choice, key });
    // Unless nothing is known, this intent has come to its end: the next one is another.
    if (result.state != "unreached") keys.current.delete(choice.key);
    await refresh();
    setChosen("");
    setOutcome(result);
    setBusy(false);
  };

  return (
    <s-stack gap="small">
      <s-text>{i18n.translate("balance", { count: view.available, points: i18n.formatNumber(view.available) })}</s-text>
      <s-select
        label={i18n.translate("choose")}
        value={chosen}
        disabled={busy}
        onChange={(event) => setChosen((event.currentTarget as HTMLElementTagNameMap["s-select"]).value || "")}
      >
        {view.choices.map((it) => (
          <s-option key={it.key} value={it.key}>
            {label(it)}
          </s-option>
        ))}
      </s-select>
      <s-button variant="secondary" loading={busy} disabled={!choice} onClick={apply}>
        {i18n.translate("apply")}
      </s-button>
      {told}
    </s-stack>
  );
}

const label = ({ kind, points, value }: Choice) =>
  shopify.i18n.translate(kind, {
    count: points,
    points: shopify.i18n.formatNumber(points),
    value: shopify.i18n.formatCurrency(amount(value), { currency: value.currency }),
  });

const said = (outcome: Outcome) => {
  if (outcome.state == "no" && outcome.message) return outcome.message;
  if (outcome.state == "refused") return shopify.i18n.translate("refused", { code: outcome.code });
  return shopify.i18n.translate(outcome.state == "late" ? "late" : outcome.state == "applied" ? "done" : "problem");
};
