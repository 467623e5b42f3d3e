// Recursion through built-in functions that call back.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const attempts = {
      map: (f) => [1].map(f),
      sort: (f) => [1, 2].sort(f),
      replace: (f) => "a".replace(/a/, f),
      apply: (f) => Reflect.apply(f, null, []),
      construct: (f) => Reflect.construct(function () { f(); }, []),
      stringify: (f) => JSON.stringify({ toJSON: f }),
      parse: (f) => JSON.parse("[1]", f),
      template: (f) => `${{ toString: f }}`,
      getter: (f) => ({ get x() { return f(); } }).x,
      proxy: (f) => new Proxy({}, { get: f }).x,
      iterate: (f) => [...{ [Symbol.iterator]: f }],
      primitive: (f) => +{ [Symbol.toPrimitive]: f },
      forEach: (f) => new Map([[1, 1]]).forEach(f),
      from: (f) => Array.from([1], f),
      typed: (f) => new Uint8Array([1]).map(f),
      bound: (f) => f.bind(null)(),
    };
    const found = [];
    for (const name in attempts) {
      const deeper = () => attempts[name](deeper);
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
