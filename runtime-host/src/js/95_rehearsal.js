"use strict";
// Calls what nearly every handler calls that makes a response of another's body, so that the snapshot has its bytecode:
// most functions of streams are compiled when they are called, and these would be in a Worker's first request.

const { Response } = globalThis;
const first = new Response("", { __proto__: null, headers: [["a", "b"]] });
const second = new Response(first.body, first);
second.headers.set("c", "d");
internals.body.take(second);
