const kept = [];
for (;;) kept.push(new Array(100_000).fill(kept.length));
export default { fetch: () => new Response("never") };
