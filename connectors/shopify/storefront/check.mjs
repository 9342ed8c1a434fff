// Bundles both UI extensions as Shopify's CLI does, and says how large they are. Shopify takes 64 KB, compressed.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 64 * 1024;
const here = new URL(".", import.meta.url).pathname;
const out = process.argv[2];
let tooLarge = false;

for (const name of ["regulars-checkout", "regulars-account"]) {
  const folder = `${here}extensions/${name}`;
  const settings = readFileSync(`${folder}/shopify.extension.toml`, "utf8");
  const targets = [...settings.matchAll(/^target = "(.+)"\nmodule = "(.+)"$/gm)];
  const lines = targets.map(
    ([, target, module], index) =>
      `import Target_${index} from '${module}';shopify.extend('${target}', (...args) => Target_${index}(...args));`,
  );
  const { outputFiles } = await build({
    stdin: { contents: lines.join("\n"), resolveDir: folder, loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: "automatic",
    legalComments: "none",
    loader: { ".esnext": "ts", ".js": "jsx" },
    target: "es6",
    logLevel: "warning",
  });
  const [{ contents }] = outputFiles;
  const size = gzipSync(contents, { level: 9 }).length;
  tooLarge ||= size > LIMIT;
  console.log(`${name}: ${targets.length} targets, ${contents.length} bytes, ${size} compressed`);
  if (out) {
    mkdirSync(out, { recursive: true });
    writeFileSync(`${out}/${name}.js`, contents);
  }
}
process.exitCode = tooLarge ? 1 : 0;
