// As Shopify's CLI writes it: which `shopify` each module sees.
import '@shopify/ui-extensions';

//@ts-ignore
declare module './src/Profile.tsx' {
  const shopify: import('@shopify/ui-extensions/customer-account.profile.block.render').Api;
  const globalThis: { shopify: typeof shopify };
}
