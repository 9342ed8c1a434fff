// A stand-in for Shopify's web components: plain elements that show their headings and what is in them.
(() => {
  const style = document.createElement("style");
  style.textContent = `
    s-page, s-section, s-box, s-stack, s-banner, s-grid { display: block; }
    s-section, s-banner { margin: 1rem 0; padding: 1rem; border: 1px solid #d9d9d9; border-radius: 12px; background: #fff; }
    s-app-nav { display: none; }
  `;
  document.head.append(style);
  class Headed extends HTMLElement {
    connectedCallback() {
      const text = this.getAttribute("heading");
      if (!text || this.dataset.headed) return;
      this.dataset.headed = "1";
      const heading = document.createElement(this.localName === "s-page" ? "h1" : "h2");
      heading.textContent = text;
      this.prepend(heading);
    }
  }
  for (const name of ["s-page", "s-section", "s-banner"]) customElements.define(name, class extends Headed {});
  for (const name of ["s-app-nav", "s-box", "s-stack", "s-grid", "s-text", "s-paragraph"])
    customElements.define(name, class extends HTMLElement {});
})();
