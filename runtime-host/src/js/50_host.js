"use strict";
// Operations that the host finishes later, and bodies that it delivers.

const {
  Error, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, Map, Promise, TypeError,
} = internals.primordials;

// How an op is settled; the numbers are those of `Kind` in isolate/hooks.rs.
const OK = 0;
const TYPE_ERROR = 1;
const END = 2;
const NO_BODY = 3;
const UNSEEN = 4;

/** op -> `callback(kind, a, b)` */
const pending = new Map();
let lastOp = 0;

/** Registers a callback and returns the op id to start an asynchronous op with. */
function begin(callback) {
  lastOp = lastOp === 0xffffffff ? 1 : lastOp + 1;
  MapPrototypeSet(pending, lastOp, callback);
  return lastOp;
}

function forget(op) {
  MapPrototypeDelete(pending, op);
}

/** Called by the host. */
function settle(op, kind, a, b) {
  const callback = MapPrototypeGet(pending, op);
  if (callback === undefined) return;
  MapPrototypeDelete(pending, op);
  callback(kind, a, b);
}

internals.host = { __proto__: null, OK, TYPE_ERROR, END, NO_BODY, UNSEEN, begin, forget, settle };

// ---- Arriving bodies: a handle is the host's number for one ----

/** Reads a body that nothing was read of: `done(bytes)` with all of it, or `failed(error)`. */
const collect = (handle, done, failed) => readAll(handle, false, done, failed);

/** The same as `done(text)`: UTF-8, decoded with what is wrong replaced, a byte order mark left in it. */
const collectText = (handle, done, failed) => readAll(handle, true, done, failed);

function readAll(handle, asText, done, failed) {
  const op = begin((kind, value) => {
    if (kind === TYPE_ERROR) failed(new TypeError(value));
    else done(value);
  });
  let whole;
  try {
    whole = ops.bodyReadAll(handle, op, asText);
  } catch (error) {
    forget(op);
    return failed(error);
  }
  if (whole === undefined) return;
  forget(op);
  done(whole);
}

/** Reads the next chunk: `done(chunk)`, `done(undefined)` at the end, `failed(error)`. */
function read(handle, done, failed) {
  const op = begin((kind, value) => {
    if (kind === TYPE_ERROR) failed(new TypeError(value));
    else done(kind === END ? undefined : value);
  });
  let chunk;
  try {
    chunk = ops.bodyRead(handle, op);
  } catch (error) {
    forget(op);
    return failed(error);
  }
  if (chunk === undefined) return;
  forget(op);
  done(chunk === null ? undefined : chunk);
}

/** The ReadableStream of a handle; nothing is read before the stream is. */
function stream(handle) {
  const { createHostReadable, hostEnqueue, hostClose, hostError } = internals.streams;
  const readable = createHostReadable(
    handle,
    () => {
      read(
        handle,
        (chunk) => (chunk === undefined ? hostClose(readable) : hostEnqueue(readable, chunk)),
        (error) => hostError(readable, error),
      );
    },
    () => ops.bodyCancel(handle),
  );
  return readable;
}

internals.hostBody = {
  __proto__: null, collect, collectText, stream,
  cancel: (handle) => ops.bodyCancel(handle),
  /** How many bytes it has, or undefined. */
  length: (handle) => ops.bodyLength(handle),
};

// ---- Leaving bodies: `leaving` is the host's number for one ----

/** Writes a stream to the host until it ends; `failed(error)` hears when it does not. */
function send(leaving, readable, failed = undefined) {
  internals.streams.pump(
    readable,
    (chunk) => write(leaving, chunk),
    () => ops.leavingEnd(leaving),
    (error) => {
      ops.leavingError(leaving, error);
      if (failed !== undefined) failed(error);
    },
  );
}

/** Undefined when the host has room for more, else a promise for when it has. */
function write(leaving, chunk) {
  if (!ops.isBytes(chunk)) {
    throw new TypeError("This ReadableStream did not return bytes.");
  }
  if (ops.leavingWrite(leaving, chunk)) return undefined;
  return new Promise((resolve) => {
    const op = begin(() => resolve());
    if (ops.leavingWait(leaving, op)) {
      forget(op);
      resolve();
    }
  });
}

internals.leaving = { __proto__: null, send };

internals.hostError = (message) => new Error(message);
