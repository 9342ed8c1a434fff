// Elements without markup in strings: whatever a server or a shop says enters the page as text only.

export const el = (tag, props, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
};

export const icon = (path) => {
  const make = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const svg = make("svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(make("path"));
  svg.firstChild.setAttribute("d", path);
  return svg;
};

export const GIFT = "M4 12v8h16v-8M3 8h18v4H3zM12 8v12M12 8S8 8 7.5 5.5 11 3 12 8c1-5 5-5 4.500-2.500S12 8 12 8";

/** A sheet in the shadow root alone; made by script, so that a shop's content security policy lets it pass. */
export const addStyle = (root, css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
};
