// What a Worker sends to others, and what it can't.

export const reach = async (request) => new Response(await (await fetch(request.headers.get("x-url"))).text());

/** The request's headers as the Worker sees them. */
export const seenHeaders = (request) => Response.json(Object.fromEntries(request.headers));

/** Says of itself how often it came by, once to another server … */
export const forgedSubrequest = (request, env) =>
  fetch(`${env.ORIGIN}/seen`, { headers: { "nano-loop": "7", "Nano-Loop": "8" } });

/** … and once as the continued exchange. */
export function forgedContinuation(request) {
  const changed = new Request(request);
  changed.headers.set("nano-loop", "7");
  changed.headers.set("x-lab", "added");
  return fetch(changed);
}
