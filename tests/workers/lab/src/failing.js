// What goes wrong.
import { sleep } from "./tools.js";

export function throws() {
  throw new Error("secret detail of the lab");
}

export async function throwsLater() {
  await sleep(10);
  throw new TypeError("secret detail of the lab");
}

export async function throwsAfterContinuing(request) {
  await fetch(request);
  throw new Error("secret detail of the lab");
}

export const rejectsWithNothing = () => Promise.reject();

export const returnsNoResponse = () => "a string";

export const never = () => new Promise(() => {});

export async function neverAfterContinuing(request) {
  await fetch(request);
  return new Promise(() => {});
}

export function passThrough(request, env, ctx) {
  ctx.passThroughOnException();
  throw new Error("secret detail of the lab");
}

export async function passThroughAfterContinuing(request, env, ctx) {
  ctx.passThroughOnException();
  await fetch(request);
  throw new Error("secret detail of the lab");
}

/** The body is gone, so the request can't go on. */
export async function passThroughAfterReading(request, env, ctx) {
  ctx.passThroughOnException();
  await request.text();
  throw new Error("secret detail of the lab");
}

/** A response that breaks in its middle. */
export function breaksOff() {
  let pulled = 0;
  return new Response(new ReadableStream({
    async pull(controller) {
      await sleep(20);
      if (pulled++ < 3) controller.enqueue(new Uint8Array(1000));
      else controller.error(new Error("secret detail of the lab"));
    },
  }));
}

export async function breaksOffAfterContinuing(request) {
  const upstream = await fetch(request);
  const response = breaksOff();
  return new Response(response.body, { status: upstream.status });
}
