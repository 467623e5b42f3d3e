// Asks for what its own server has: it may connect to loopback, and goes in circles.

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/away") return Response.redirect(request.headers.get("x-to"));
    if (url.pathname === "/round") return round(url, request);
    try {
      const answer = await fetch(request.headers.get("x-url"), { headers: request.headers });
      return new Response(await answer.text(), { status: answer.status });
    } catch (error) {
      return new Response(`${error?.name}: ${error?.message}`, { status: 599 });
    }
  },
};

/** The same server under its other name, so that the exchange is not continued. Counts the answer's ways back. */
async function round(url, request) {
  url.hostname = url.hostname === "localhost" ? "127.0.0.1" : "localhost";
  const ask = new Headers(request.headers);
  ask.set("nano-loop", "0");
  const answer = await fetch(url, { headers: ask });
  const headers = new Headers(answer.headers);
  headers.set("x-rounds", Number(headers.get("x-rounds") ?? 0) + 1);
  return new Response(answer.body, { status: answer.status, headers });
}
