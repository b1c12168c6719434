// Fill in the true o200k_base token counts of the samples in tests/core/token_counts.json.
//
// Run it from a folder in which gpt-tokenizer is installed; it is not a dependency of the project:
//
//     mkdir counts && cd counts && npm install gpt-tokenizer@4.0.0 js-tiktoken@1.0.21
//     node PROJECT/tools/record_token_counts.mjs PROJECT/tests/core/token_counts.json
//
// To add a sample, append {"language", "kind", "held_out", "tokens": 0, "text"} to the file and run this again.
// Two independent implementations count; if they disagree nothing is written.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const path = process.argv[2];
if (!path) {
  console.error("usage: node record_token_counts.mjs token_counts.json");
  process.exit(2);
}
const require = createRequire(join(process.cwd(), "package.json"));
const { encode } = require("gpt-tokenizer/encoding/o200k_base");
const { Tiktoken } = require("js-tiktoken/lite");
const second = new Tiktoken(require("js-tiktoken/ranks/o200k_base"));

const samples = JSON.parse(readFileSync(path, "utf8"));
for (const sample of samples) {
  const tokens = encode(sample.text, { disallowedSpecial: new Set() }).length;
  const other = second.encode(sample.text, [], []).length;
  if (tokens !== other) {
    console.error(`${sample.language}/${sample.kind}: ${tokens} tokens by one encoder, ${other} by the other`);
    process.exit(1);
  }
  sample.tokens = tokens;
}
writeFileSync(path, JSON.stringify(samples, null, 1) + "\n");
console.log(`${samples.length} samples, ${samples.reduce((sum, s) => sum + s.tokens, 0)} tokens`);
