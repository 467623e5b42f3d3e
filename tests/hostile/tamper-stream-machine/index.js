// A stream that is closed, failed, cancelled and released in every order at once.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const results = [];
    const attempt = (f) => { try { results.push(f()); } catch (error) { results.push(error.name); } };
    let kept;
    const stream = new ReadableStream({
      start(controller) { kept = controller; },
      pull(controller) { attempt(() => controller.error(new Error("pull"))); attempt(() => controller.close()); },
      cancel() { attempt(() => kept.enqueue(new Uint8Array(1))); throw new Error("cancel"); },
    }, { highWaterMark: 2, size: () => { attempt(() => kept.close()); attempt(() => kept.enqueue("again")); return 1; } });
    attempt(() => kept.enqueue(new Uint8Array(1)));
    attempt(() => stream.tee());
    attempt(() => stream.getReader().releaseLock());
    const transform = new TransformStream({
      start(controller) { attempt(() => controller.terminate()); },
      transform(chunk, controller) { controller.error(1); controller.terminate(); },
      flush() { return new Promise(() => {}); },
    }, { size: () => NaN }, { size: () => { throw new Error("size"); } });
    attempt(() => stream.pipeThrough(transform));
    attempt(() => transform.writable.getWriter().abort());
    const byob = new ReadableStream({ type: "bytes", pull: (c) => { c.byobRequest?.respond(1e9); } });
    const reader = byob.getReader({ mode: "byob" });
    await Promise.race([reader.read(new Uint8Array(10)).catch((error) => results.push(error.name)), scheduler.wait(5)]);
    return new Response(new ReadableStream({ start: (c) => { attempt(() => c.enqueue(new Uint8Array(3))); attempt(() => c.error(new Error("x"))); attempt(() => c.close()); } }));
  },
};
