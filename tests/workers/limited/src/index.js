// Goes to the limits that nano.toml sets for it, and says what it met there.
const atStart = Date.now();
const wasm = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

const said = async (action) => {
  try {
    return String(await action());
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};

const dynamicCode = {
  eval: () => eval("1"),
  function: () => new Function("return 1")(),
  timer: () => setTimeout("1", 1),
  module: () => new WebAssembly.Module(wasm),
  compile: () => WebAssembly.compile(wasm),
  instantiate: () => WebAssembly.instantiate(wasm),
  wait: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1),
};

const handlers = {
  hold: async (url) => {
    await scheduler.wait(Number(url.searchParams.get("ms")));
    return new Response("held");
  },
  headers: (url) => new Response("", { headers: { "x-large": "x".repeat(Number(url.searchParams.get("size"))) } }),
  inject: async () => {
    const tries = ["a\r\nx-injected: 1", "a\nx-injected: 1", "a\0b"].map((value) =>
      said(() => new Response("", { headers: { "x-a": value } })));
    return Response.json(await Promise.all(tries));
  },
  log: () => {
    for (let i = 0; i < 50; i++) console.log(`flood ${i} ${"x".repeat(100)}`);
    return new Response("logged");
  },
  timers: async () => new Response(await said(() => {
    for (;;) setTimeout(() => {}, 60_000);
  })),
  subrequests: async () => new Response(await said(async () => {
    for (;;) await fetch("http://127.0.0.1:1/").catch((error) => {
      if (error.name !== "TypeError") throw error;
    });
  })),
  code: async () => {
    const seen = {};
    for (const name in dynamicCode) seen[name] = await said(dynamicCode[name]);
    return Response.json(seen);
  },
  clocks: async () => {
    const before = Date.now();
    for (let i = 0, x = 0; i < 1e7; i++) x += Math.sqrt(i);
    const after = Date.now();
    await scheduler.wait(20);
    return Response.json({ atStart, moved: after - before, later: Date.now() - after, now: Date.now() });
  },
};

export default {
  fetch(request) {
    const url = new URL(request.url);
    return handlers[url.pathname.slice(1)](url);
  },
};
