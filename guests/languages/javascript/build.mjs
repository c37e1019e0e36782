// node build.mjs TOOLS WIT OUT: makes the component OUT of app.js with the componentize-js in folder TOOLS.

import { writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const [tools, witPath, out] = process.argv.slice(2);
const { componentize } = await import(
  pathToFileURL(`${tools}/node_modules/@bytecodealliance/componentize-js/src/componentize.js`)
);
const { component } = await componentize({
  sourcePath: fileURLToPath(new URL("app.js", import.meta.url)),
  witPath,
  worldName: "lang",
});
await writeFile(out, component);
