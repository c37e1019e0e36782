// node build.mjs TOOLS WIT WORLD SOURCE OUT: makes the component OUT of SOURCE with the componentize-js in folder TOOLS.

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, witPath, worldName, source, out] = process.argv.slice(2);
const { componentize } = await import(
  pathToFileURL(`${tools}/node_modules/@bytecodealliance/componentize-js/src/componentize.js`)
);
const { component } = await componentize({ sourcePath: resolve(source), witPath, worldName });
await writeFile(out, component);
