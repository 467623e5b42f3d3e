// Subrequests, facts of the proxy, work after the response.
import { sleep } from "./tools.js";

/** The first fetch continues; the second to the same authority goes to the configured origin. */
export async function secondFetch(request) {
  const id = request.headers.get("x-test-id");
  const first = await fetch(request);
  const second = await fetch(new URL("/second", request.url), { headers: { "x-test-id": id } });
  return Response.json({ first: first.status, second: await second.json() });
}

export async function subrequest(request, env) {
  const answer = await fetch(`${env.ORIGIN}/bytes/100000`);
  const bytes = await answer.arrayBuffer();
  return Response.json({ bytes: bytes.byteLength });
}

/** The body of a subrequest is the response's body. */
export async function proxied(request, env) {
  return fetch(`${env.ORIGIN}/bytes/1000000`);
}

export async function slowSubrequest(request, env) {
  const answer = await fetch(`${env.ORIGIN}/slow?ms=1500`);
  return new Response(await answer.text());
}

export const facts = (request) => Response.json(request.cf);

export function metadata(request, env, ctx) {
  ctx.setMetadata({ group: "lab" });
  return fetch(request);
}

export function waitUntil(request, env, ctx) {
  const id = request.headers.get("x-test-id");
  ctx.waitUntil(sleep(300).then(() => fetch(`${env.ORIGIN}/afterwards`, { headers: { "x-test-id": id } })));
  return new Response("already");
}

/** Tells the origin when the client went away. */
export async function watched(request, env, ctx) {
  const id = request.headers.get("x-test-id");
  let gone;
  const left = new Promise((resolve) => (gone = resolve));
  request.signal.addEventListener("abort", () => gone());
  ctx.waitUntil(left.then(() => fetch(`${env.ORIGIN}/left`, { headers: { "x-test-id": id } })));
  await sleep(5000);
  return new Response("too late");
}

export const hello = () => new Response("hello from the lab");
