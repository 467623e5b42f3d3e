// Asks for what its own server has: it may connect to loopback, and goes in circles.

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/away") return Response.redirect(request.headers.get("x-to"));
    if (url.pathname === "/round") return round(url, request);
    if (url.pathname === "/branch") return branch(url, request);
    try {
      const answer = await fetch(request.headers.get("x-url"), { headers: request.headers });
      return new Response(await answer.text(), { status: answer.status });
    } catch (error) {
      return new Response(`${error?.name}: ${error?.message}`, { status: 599 });
    }
  },
};

/** The same server under its other name, so that the exchange is not continued. */
function turn(url) {
  url.hostname = url.hostname === "localhost" ? "127.0.0.1" : "localhost";
}

const trees = new Map();

/** Four of its own kind below each, one of them behind a redirect. Tells how many invocations the tree had so far. */
async function branch(url, request) {
  const tree = url.searchParams.get("tree");
  trees.set(tree, (trees.get(tree) ?? 0) + 1);
  turn(url);
  const ask = () => fetch(url, { headers: request.headers }).then((answer) => answer.arrayBuffer());
  const away = new URL("/away", url);
  const headers = new Headers(request.headers);
  headers.set("x-to", url);
  const last = () => fetch(away, { headers }).then((answer) => answer.arrayBuffer());
  await Promise.all([ask(), ask(), ask(), last()]);
  return new Response(trees.get(tree));
}

/** Counts the answer's ways back. */
async function round(url, request) {
  turn(url);
  const ask = new Headers(request.headers);
  ask.set("nano-loop", "0");
  const answer = await fetch(url, { headers: ask });
  const headers = new Headers(answer.headers);
  headers.set("x-rounds", Number(headers.get("x-rounds") ?? 0) + 1);
  return new Response(answer.body, { status: answer.status, headers });
}
