// Bodies that are written as a stream and whose length is known all the same.
import { counting } from "./tools.js";

function fixed(bytes) {
  const { readable, writable } = new FixedLengthStream(bytes);
  counting(bytes, 7_000).pipeTo(writable);
  return readable;
}

const type = { "content-type": "text/x-lab" };

export const fixedShort = () => new Response(fixed(300_000), { headers: type });

export async function fixedReplace(request) {
  const upstream = await fetch(request);
  return new Response(fixed(300_000), upstream);
}

export const fixedRequest = (request) => fetch(new Request(request, { body: fixed(300_000) }));

export async function fixedSubrequest(request, env) {
  return fetch(`${env.ORIGIN}/seen`, { method: "POST", body: fixed(300_000), headers: type });
}

/** Less than it says. */
export function fixedBroken() {
  const { readable, writable } = new FixedLengthStream(300_000);
  counting(200_000, 7_000).pipeTo(writable).catch(() => {});
  return new Response(readable, { headers: type });
}
