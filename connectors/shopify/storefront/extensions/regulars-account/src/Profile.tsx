// On the profile page of the customer's account: the points, and the codes that are not used yet.
import "@shopify/ui-extensions/preact";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import address from "../../../shared/address.json";
import { connect } from "../../../shared/api.js";
import { amount, usable } from "../../../shared/rewards.js";

type Balance = import("../../../shared/api.js").Balance;
type Money = import("../../../shared/api.js").Money;

export default async function extension() {
  render(<Profile />, document.body);
}

function Profile() {
  const { i18n, sessionToken } = shopify;
  const [balance, setBalance] = useState<Balance | "loading" | "failed">("loading");

  useEffect(() => {
    connect({ base: address.extension, sessionToken })
      .balance()
      .then(setBalance, () => setBalance("failed"));
  }, []);

  if (balance == "loading") {
    return (
      <s-section heading={i18n.translate("title")}>
        <s-skeleton-paragraph />
      </s-section>
    );
  }
  if (balance == "failed") {
    return (
      <s-section heading={i18n.translate("title")}>
        <s-text>{i18n.translate("problem")}</s-text>
      </s-section>
    );
  }
  if (!balance.points) {
    return (
      <s-section heading={i18n.translate("title")}>
        <s-text>{i18n.translate("stranger")}</s-text>
      </s-section>
    );
  }
  const { available, pending } = balance.points;
  const codes = usable(balance);
  return (
    <s-section heading={i18n.translate("title")}>
      <s-stack gap="base">
        <s-text type="strong">
          {i18n.translate("balance", { count: available, points: i18n.formatNumber(available) })}
        </s-text>
        {available > 0 && balance.value && <s-text>{i18n.translate("worth", { value: money(balance.value) })}</s-text>}
        {pending > 0 && (
          <s-text color="subdued">
            {i18n.translate("pending", { count: pending, points: i18n.formatNumber(pending) })}
          </s-text>
        )}
        {codes.length > 0 && <s-heading>{i18n.translate("codes")}</s-heading>}
        {codes.map(({ id, code, value, expires_at }) => (
          <s-stack key={id} gap="small-100">
            <s-text type="strong">{code}</s-text>
            <s-text color="subdued">
              {expires_at
                ? i18n.translate("code_until", {
                    value: money(value),
                    date: i18n.formatDate(new Date(expires_at), { dateStyle: "medium" }),
                  })
                : i18n.translate("code", { value: money(value) })}
            </s-text>
          </s-stack>
        ))}
      </s-stack>
    </s-section>
  );
}

const money = (value: Money) => shopify.i18n.formatCurrency(amount(value), { currency: value.currency });
