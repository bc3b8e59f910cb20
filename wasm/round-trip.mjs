// Runs the module's round trips: `node round-trip.mjs module.wasm`. It fails where one of them does.
import { readFile } from "node:fs/promises";
import { webcrypto } from "node:crypto";

const bytes = await readFile(process.argv[2]);
let memory;
const view = (at, length) => new Uint8Array(memory.buffer, at >>> 0, length >>> 0);
// What getRandomValues gives at most at once.
const QUOTA = 65536;

const host = {
  random(at, length) {
    for (let done = 0; done < length; done += QUOTA) {
      webcrypto.getRandomValues(view(at + done, Math.min(QUOTA, length - done)));
    }
  },
  show(at, length) {
    console.log(new TextDecoder().decode(view(at, length)));
  },
};

const started = performance.now();
const { instance } = await WebAssembly.instantiate(bytes, { host });
memory = instance.exports.memory;
const now = BigInt(Math.floor(Date.now() / 1000));
const failures = instance.exports.engine() + instance.exports.clients(now);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${bytes.length} bytes of module, ${seconds} s, ${memory.buffer.byteLength >> 20} MiB of memory`);
process.exitCode = failures === 0 ? 0 : 1;
