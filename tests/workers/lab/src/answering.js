// The Worker's own responses, before and after the exchange went on.
import { counting, sleep } from "./tools.js";

const own = { status: 201, headers: [["content-type", "text/x-lab"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] };

export const short = () => new Response("short circuit", own);

export const shortEmpty = () => new Response(null, { status: 204, headers: { "x-lab": "empty" } });

export const shortStream = () => new Response(counting(300_000, 7_000), own);

export async function shortLater() {
  await sleep(50);
  return new Response("later", own);
}

export async function replace(request) {
  await fetch(request);
  return new Response("replaced", own);
}

export async function replaceEmpty(request) {
  await fetch(request);
  return new Response(null, { status: 204, headers: { "x-lab": "empty" } });
}

export async function replaceStream(request) {
  await fetch(request);
  return new Response(counting(300_000, 7_000), own);
}
