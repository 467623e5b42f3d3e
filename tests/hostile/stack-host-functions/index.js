// Recursion through the host's own functions that call back.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const attempts = {
      headers: (f) => new Headers({ get x() { return f(); } }),
      response: (f) => new Response("x", { get status() { return f(); } }),
      request: (f) => new Request("http://a/", { get method() { return f(); } }),
      search: (f) => new URLSearchParams({ get x() { return f(); } }),
      url: (f) => new URL({ toString: f }),
      event: (f) => {
        const target = new EventTarget();
        let failed;
        target.addEventListener("x", () => {
          try { f(); } catch (error) { failed = error; }
        });
        target.dispatchEvent(new Event("x"));
        if (failed) throw failed;
      },
      abort: (f) => {
        const controller = new AbortController();
        let failed;
        controller.signal.onabort = () => {
          try { f(); } catch (error) { failed = error; }
        };
        controller.abort();
        if (failed) throw failed;
      },
      blob: (f) => new Blob([{ toString: f }]),
      clone: (f) => structuredClone({ get x() { return f(); } }),
      stream: (f) => new ReadableStream({ start: f }),
      atob: (f) => atob({ toString: f }),
      timeout: (f) => setTimeout(() => {}, { valueOf: f }),
    };
    const found = [];
    for (const name in attempts) {
      const deeper = () => { attempts[name](deeper); };
      try {
        deeper();
        found.push(`${name} ended`);
      } catch (error) {
        found.push(`${name} ${error.name}`);
      }
    }
    return new Response(found.join(", "));
  },
};
