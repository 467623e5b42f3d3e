"use strict";
// Operations that the host finishes later, and bodies that it delivers.

const {
  Error, MapPrototypeDelete, MapPrototypeForEach, MapPrototypeGet, MapPrototypeGetSize, MapPrototypeSet, Map, Promise, TypeError,
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
  const abortable = abortables.get(handle);
  if (abortable !== undefined && abortable.aborted) return failed(abortable.reason);
  const op = begin((kind, value) => {
    if (abortable !== undefined) abortable.end();
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
  if (whole === undefined) {
    if (abortable !== undefined) abortable.wait(op, failed);
    return;
  }
  forget(op);
  if (abortable !== undefined) abortable.end();
  done(whole);
}

/** Reads the next chunk: `done(chunk)`, `done(undefined)` at the end, `failed(error)`. */
function read(handle, done, failed) {
  const abortable = abortables.get(handle);
  if (abortable !== undefined && abortable.aborted) return failed(abortable.reason);
  const op = begin((kind, value) => {
    if (abortable !== undefined) abortable.advance(kind === OK);
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
  if (chunk === undefined) {
    if (abortable !== undefined) abortable.wait(op, failed);
    return;
  }
  forget(op);
  if (abortable !== undefined) abortable.advance(chunk !== null);
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
    () => cancel(handle),
  );
  const abortable = abortables.get(handle);
  if (abortable !== undefined) abortable.readable = readable;
  return readable;
}

function cancel(handle) {
  abortables.drop(handle);
  ops.bodyCancel(handle);
}

// ---- Arriving bodies that an AbortSignal ends ----

/** The body of a response whose fetch was given a signal, from the response's arrival to the body's end. */
class Abortable {
  #signal;
  #onAbort;
  #cancelUpload;
  #op = 0;
  #failed;
  /** The ReadableStream, once there is one. */
  readable = undefined;
  aborted = false;
  reason = undefined;

  constructor(handle, invocation, signal, cancelUpload) {
    this.handle = handle;
    this.invocation = invocation;
    this.#signal = signal;
    this.#cancelUpload = cancelUpload;
    this.#onAbort = (reason) => this.#abort(reason);
    internals.abort.add(signal, this.#onAbort);
  }

  /** Somebody waits for `op`, and is told of an abort by `failed`. */
  wait(op, failed) {
    this.#op = op;
    this.#failed = failed;
  }

  /** An operation is over; `more` may follow. */
  advance(more) {
    this.#op = 0;
    this.#failed = undefined;
    if (!more) this.end();
  }

  end() {
    abortables.drop(this.handle);
  }

  release() {
    internals.abort.remove(this.#signal, this.#onAbort);
  }

  #abort(reason) {
    const failed = this.#failed;
    this.aborted = true;
    this.reason = reason;
    if (this.#op !== 0) forget(this.#op);
    ops.bodyCancel(this.handle);
    if (this.#cancelUpload !== undefined) this.#cancelUpload(reason);
    if (failed !== undefined) failed(reason);
    if (this.readable !== undefined) internals.streams.hostError(this.readable, reason);
  }
}

const abortables = {
  __proto__: null,
  /** handle -> Abortable; what was aborted stays until its invocation is over. */
  byHandle: new Map(),
  get(handle) {
    return MapPrototypeGet(this.byHandle, handle);
  },
  add(handle, invocation, signal, cancelUpload) {
    MapPrototypeSet(this.byHandle, handle, new Abortable(handle, invocation, signal, cancelUpload));
  },
  drop(handle) {
    if (MapPrototypeGetSize(this.byHandle) === 0) return;
    const abortable = MapPrototypeGet(this.byHandle, handle);
    if (abortable === undefined || abortable.aborted) return;
    MapPrototypeDelete(this.byHandle, handle);
    abortable.release();
  },
  /** The invocation is over. */
  dropAll(invocation) {
    if (MapPrototypeGetSize(this.byHandle) === 0) return;
    MapPrototypeForEach(this.byHandle, (abortable, handle) => {
      if (abortable.invocation !== invocation) return;
      MapPrototypeDelete(this.byHandle, handle);
      abortable.release();
    });
  },
};

internals.hostBody = {
  __proto__: null, collect, collectText, stream, cancel,
  /** From now on `signal` ends this body, which nobody has read yet, and calls `cancelUpload(reason)` if that is given. */
  abortWith: (handle, invocation, signal, cancelUpload) => abortables.add(handle, invocation, signal, cancelUpload),
  /** `{ reason }` when a signal ended the body; undefined otherwise. */
  aborted(handle) {
    const abortable = abortables.get(handle);
    return abortable !== undefined && abortable.aborted ? abortable : undefined;
  },
  /** The body went where no signal can end it any more. */
  keep: (handle) => abortables.drop(handle),
  forget: (invocation) => abortables.dropAll(invocation),
  /** How many bytes it has, or undefined. */
  length: (handle) => ops.bodyLength(handle),
};

// ---- Leaving bodies: `leaving` is the host's number for one ----

/** Writes a stream to the host until it ends; `failed(error)` hears when it does not. Returns a function that cancels the stream, with a reason. */
function send(leaving, readable, failed = undefined) {
  return internals.streams.pump(
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

/** Has the host send a body that nothing was read of on as it comes. Returns a function that cancels the body, with a reason. */
function relay(leaving, handle) {
  // One that a signal may end is JavaScript's to read; one of another request lasts no longer than that does.
  if (abortables.get(handle) === undefined && ops.leavingRelay(leaving, handle)) return cancelNothing;
  return send(leaving, internals.hostBody.stream(handle));
}

/** The host gives a body up that it sends on when it is told that this failed. */
function cancelNothing() {}

internals.leaving = { __proto__: null, send, relay };

internals.hostError = (message) => new Error(message);
