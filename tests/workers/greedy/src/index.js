// Takes more than it may have.
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/endless":
        for (;;);
      case "/memory": {
        const kept = [];
        for (;;) kept.push(new Array(100_000).fill(kept.length));
      }
      default:
        return new Response("modest");
    }
  },
};
