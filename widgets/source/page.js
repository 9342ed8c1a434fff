// Who a page of the shop says is signed in. It is a claim and no proof: it only chooses whose mailbox gets a code.

/** An id, or null for nobody: from the script's data-customer, else from what Shoptet's pages say of themselves. */
export const customerOnPage = ({ customer }) => {
  let id = customer;
  try {
    if (id == null) id = window.getShoptetDataLayer("customer").guid;
  } catch {
    // A page that says nothing, or a guest.
  }
  return /^[\w-]{1,64}$/.test(id || "") ? id : null;
};
