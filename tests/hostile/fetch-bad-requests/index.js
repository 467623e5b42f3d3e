// Methods, schemes, ports, headers and credentials that may not be sent.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const attempts = [
      ["ftp://a/"], ["file:///etc/passwd"], ["javascript:1"], ["http://"], ["http://a:99999/"],
      [`${env.ORIGIN}/`, { method: "CONNECT" }], [`${env.ORIGIN}/`, { method: "TRACE" }], [`${env.ORIGIN}/`, { method: "A B" }],
      [`${env.ORIGIN}/`, { method: "GET\r\nx: y" }], [`${env.ORIGIN}/`, { headers: { "x": "a\r\nb: c" } }],
      [`${env.ORIGIN}/`, { headers: { "a b": "c" } }], [`${env.ORIGIN}/`, { headers: { "x": "\u0100" } }],
      [env.ORIGIN.replace("http://", "http://user:password@")], [`${env.ORIGIN}/`, { body: "GET with a body" }],
    ];
    const results = await Promise.all(attempts.map(([url, init]) => (async () => fetch(url, init))().then((r) => `${url} ${r.status}`, (error) => error.name)));
    const refused = results.filter((name) => name === "TypeError");
    return new Response(`refused ${refused.length} of ${attempts.length}: ${results}`);
  },
};
