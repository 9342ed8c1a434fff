// On the thank-you page: the points that this very order earned, as soon as they are known. Nothing before that.
import "@shopify/ui-extensions/preact";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import address from "../../../shared/address.json";
import { connect } from "../../../shared/api.js";
import { earned } from "../../../shared/flow.js";
import { orderNumber } from "../../../shared/rewards.js";

export default async function extension() {
  render(<ThankYou />, document.body);
}

function ThankYou() {
  const { i18n, sessionToken, extension: self } = shopify;
  const [points, setPoints] = useState<number | null>(null);
  const order = orderNumber(shopify.orderConfirmation.value.order.id);

  useEffect(() => {
    if (order && !self.editor)
      void earned({ api: connect({ base: address.extension, sessionToken }), order }).then(setPoints);
  }, [order]);

  // Whoever places this block in the editor must see where it is.
  if (self.editor) return <s-text>{i18n.translate("place")}</s-text>;
  if (points === null) return null;
  return (
    <s-stack accessibilityRole="status">
      <s-text>{i18n.translate("earned", { count: points, points: i18n.formatNumber(points) })}</s-text>
    </s-stack>
  );
}
