// A search inside of long strings, in built-in calls only.
let asked = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/well") return new Response(String(++asked));
    const hay = "ab".repeat(5_000_000);
    let found = 0;
    for (;;) found += hay.lastIndexOf("aab".repeat(100)) + hay.indexOf("ba".repeat(100) + "x");
  },
};
