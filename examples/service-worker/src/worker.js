// The older syntax: no exports, an event listener, and variables as globals.
addEventListener("fetch", (event) => {
  event.respondWith(handle(event));
});

async function handle(event) {
  // Should anything below go wrong, the request goes to the upstream as it came.
  event.passThroughOnException();

  const { pathname } = new URL(event.request.url);
  if (pathname === "/hello") return new Response(`${GREETING}\n`);
  if (pathname === "/fails") throw new Error("this one always fails");

  const upstream = await fetch(event.request);
  event.waitUntil(note(pathname, upstream.status));
  const response = new Response(upstream.body, upstream);
  response.headers.set("x-syntax", "service worker");
  return response;
}

/** Work after the response: it delays nobody. */
async function note(pathname, status) {
  console.log("seen", { pathname, status });
}
