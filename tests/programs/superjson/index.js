import superjson from "superjson";

export default {
  async fetch(request) {
    const value = {
      when: new Date(0),
      big: 12345678901234567890n,
      map: new Map([["a", { deep: new Set([1, 2]) }]]),
      url: new URL("https://example.com/x?y=1"),
      missing: undefined,
      re: /a+b/gi,
    };
    const back = superjson.parse(superjson.stringify(value));
    return Response.json({
      when: back.when instanceof Date && back.when.toISOString(),
      big: String(back.big),
      deep: [...back.map.get("a").deep],
      url: back.url instanceof URL && back.url.searchParams.get("y"),
      missing: "missing" in back && back.missing === undefined,
      re: String(back.re),
    });
  },
};
