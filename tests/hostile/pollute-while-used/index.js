// Builtins that change while the host is in the middle of using them.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const headers = new Headers({
      get a() {
        Array.prototype.push = () => { throw new Error("now"); };
        Map.prototype.set = () => { throw new Error("now"); };
        return "b";
      },
    });
    const params = new URLSearchParams({
      *[Symbol.iterator]() {
        delete globalThis.URLSearchParams;
        URL.prototype.toString = undefined;
        yield ["a", "b"];
        yield { get 0() { Object.prototype[Symbol.iterator] = () => { throw 1; }; return "c"; }, 1: "d", length: 2, [Symbol.iterator]: Array.prototype.values };
      },
    });
    const body = new ReadableStream({
      pull(controller) {
        ReadableStreamDefaultController.prototype.close = undefined;
        Promise.prototype.then = function () { throw new Error("now"); };
        controller.enqueue(new Uint8Array([104, 105]));
        delete ReadableStream.prototype.getReader;
        Object.defineProperty(Object.prototype, "done", { value: true, configurable: true });
        pulled(controller);
      },
    });
    const close = ReadableStreamDefaultController.prototype.close;
    const pulled = (controller) => Reflect.apply(close, controller, []);
    return new Response(body, { headers: [...headers, ...params] });
  },
};
