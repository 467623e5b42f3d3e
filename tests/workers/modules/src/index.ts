// Every kind of module that wrangler's rules know, and what a Worker gets of it.
import page from "./page.html";
import text from "./text.txt";
import data from "./data.json";
import bytes from "./bytes.bin";
import add from "./add.wasm";
import { join, type Joined } from "./parts/join.mjs";

interface Seen {
  [name: string]: unknown;
}

export default class {
  async fetch(): Promise<Response> {
    const { late } = await import("./parts/late");
    const missing = await import("./parts/" + "missing.js").then(() => "found", (error) => String(error));
    const instance = await WebAssembly.instantiate(add, {});
    const joined: Joined = join("a", "b");
    const seen: Seen = {
      page,
      text,
      data: data.list[1],
      bytes: [bytes instanceof ArrayBuffer, ...new Uint8Array(bytes)],
      wasm: [add instanceof WebAssembly.Module, instance.exports.add(40, 2)],
      joined,
      late,
      missing,
      url: import.meta.url,
    };
    return Response.json(seen);
  }
}
