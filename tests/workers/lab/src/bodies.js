// Bodies that JavaScript touches.
import { counting, flipped, sha256 } from "./tools.js";

export async function flipRequest(request) {
  return fetch(new Request(request, { body: flipped(request.body) }));
}

export async function flipResponse(request) {
  const upstream = await fetch(request);
  return upstream.body === null ? upstream : new Response(flipped(upstream.body), upstream);
}

export async function flipBoth(request) {
  const upstream = await fetch(new Request(request, { body: flipped(request.body) }));
  return new Response(flipped(upstream.body), upstream);
}

/** Reads the request and answers by itself. */
export async function readRequest(request) {
  const bytes = await request.arrayBuffer();
  return Response.json({ bytes: bytes.byteLength, sha256: await sha256(bytes) });
}

/** Reads the request, then sends it on. */
export async function readThenContinue(request) {
  const bytes = await request.arrayBuffer();
  const changed = new Request(request, { body: bytes });
  changed.headers.set("x-bytes", String(bytes.byteLength));
  return fetch(changed);
}

/** Reads the request, then sends on one of another length. */
export async function readThenDouble(request) {
  const text = await request.text();
  return fetch(new Request(request, { body: text + text }));
}

export async function readResponse(request) {
  const upstream = await fetch(request);
  const bytes = await upstream.arrayBuffer();
  return Response.json({ status: upstream.status, bytes: bytes.byteLength, sha256: await sha256(bytes) });
}

/** Reads the response, then answers with one of another status, other headers and another length. */
export async function readThenDoubleResponse(request) {
  const upstream = await fetch(request);
  const bytes = new Uint8Array(await upstream.arrayBuffer());
  const twice = new Uint8Array(2 * bytes.length);
  twice.set(bytes);
  twice.set(bytes, bytes.length);
  const response = new Response(twice, { status: 203, headers: upstream.headers });
  response.headers.set("x-bytes", String(bytes.length));
  return response;
}

export async function cloneResponse(request) {
  const upstream = await fetch(request);
  const text = await upstream.clone().text();
  const response = new Response(upstream.body, upstream);
  response.headers.set("x-length", String(text.length));
  return response;
}

export const replaceRequestBody = (request) => fetch(new Request(request, { body: "another body" }));

export const streamRequestBody = (request) =>
  fetch(new Request(request, { body: counting(300_000, 7_000) }));

export const dropRequestBody = (request) => fetch(request.url, { headers: { "x-dropped": "1" } });

export const addRequestBody = (request) =>
  fetch(new Request(request, { method: "POST", body: "added", headers: { "content-type": "text/x-lab" } }));
