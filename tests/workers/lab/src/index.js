// One handler for each thing the tests try; the request's `x-do` says which.
import * as continuing from "./continuing.js";
import * as answering from "./answering.js";
import * as bodies from "./bodies.js";
import * as failing from "./failing.js";
import * as leaving from "./leaving.js";
import * as lengths from "./lengths.js";
import * as others from "./others.js";

const handlers = { ...continuing, ...answering, ...bodies, ...failing, ...leaving, ...lengths, ...others };

export default {
  fetch(request, env, ctx) {
    const handler = handlers[request.headers.get("x-do")];
    if (handler === undefined) return new Response("the lab has no such handler", { status: 400 });
    if (request.headers.has("x-catch")) return caught(handler, request, env, ctx);
    return handler(request, env, ctx);
  },
};

/** Shows the client what the handler threw. */
async function caught(handler, request, env, ctx) {
  try {
    return await handler(request, env, ctx);
  } catch (error) {
    return new Response(`${error?.name}: ${error?.message}`, { status: 599 });
  }
}
