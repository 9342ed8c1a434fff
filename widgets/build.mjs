// Builds what shops load, into static/v1: `npm run build`. Browser texts come from the catalogues, by Python.
// Each file begins with the hash of the sources and is built the same everywhere, so a test can tell a stale one.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { build, transform } from "esbuild";

const here = new URL(".", import.meta.url).pathname;
const out = process.argv[2] || `${here}static/v1`;
const target = ["chrome106", "firefox110", "safari16.4"];

const hash = createHash("sha256");
for (const name of readdirSync(`${here}source`).sort()) {
  hash.update(`${name}\n`).update(readFileSync(`${here}source/${name}`));
}
const banner = { js: `/*! Regulars, Apache-2.0, source ${hash.digest("hex").slice(0, 16)} */` };

const smallCss = {
  name: "css as text, made small",
  setup(plugin) {
    plugin.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true, target });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const common = {
  bundle: true,
  minify: true,
  charset: "utf8",
  target,
  banner,
  plugins: [smallCss],
  logLevel: "warning",
};
await build({ ...common, entryPoints: [`${here}source/loader.js`], outfile: `${out}/loader.js`, format: "iife" });
await build({ ...common, entryPoints: [`${here}source/panel.js`], outfile: `${out}/panel.js`, format: "esm" });
await build({ ...common, entryPoints: [`${here}source/mailed.js`], outfile: `${out}/mailed.js`, format: "esm" });

if (!process.argv[2]) {
  const python = process.env.PYTHON || `${here}../.venv/bin/python`;
  execFileSync(python, ["-m", "widgets.browser_texts"], { cwd: `${here}..`, stdio: "inherit" });
}
