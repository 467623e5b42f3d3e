"use strict";
// What every file of the streams shares: promises as the standard observes them, without making one where nobody
// looks, and queues. The streams are split in two layers. *Streams proper* (Readable, Writable, Transform, their
// controllers, readers and writers) are plain objects no Worker can reach, so their fields need no brand checks. The
// *interfaces* (ReadableStream ...) hold one of them in a private field and are made only when a Worker can see them.

const {
  ObjectSetPrototypeOf, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, RangeError, ReflectApply, TypeError,
} = internals.primordials;
const { isObject } = internals.webidl;

/**
 * Cuts the classes of streams proper off Object.prototype: a Worker's setter there would otherwise see what their
 * constructors assign.
 */
function shield(...classes) {
  for (const Class of classes) ObjectSetPrototypeOf(Class.prototype, null);
}

const noop = () => {};
const RESOLVED = PromiseResolve(undefined);

/** What an algorithm returns whose owner itself tells the controller, in a later microtask, that it has finished. */
const LATER = { __proto__: null };

/** Runs `callback` as the reaction of a promise that is fulfilled already would run. It must not throw. */
function microtask(callback) {
  PromisePrototypeThen(RESOLVED, callback);
}

/** Reacts to the result of an algorithm: undefined (a promise fulfilled with undefined) or a promise. */
function settle(result, onFulfilled, onRejected) {
  PromisePrototypeThen(result === undefined ? RESOLVED : result, onFulfilled, onRejected);
}

/** The promise for Workers that an algorithm's result stands for; it fulfils with undefined. */
function toPromise(result) {
  return PromisePrototypeThen(result === undefined ? RESOLVED : result, noop);
}

/**
 * Calls a method a Worker gave, whose type is Promise<undefined>. Returns undefined or a promise; never throws. For what
 * is called once per chunk: a promise the method returns is taken as it is, two microtasks sooner than Web IDL's new one.
 */
function callForPromise(method, self, args) {
  try {
    const result = ReflectApply(method, self, args);
    // A value that is not an object has no `then`: it is a promise fulfilled already.
    return isObject(result) ? PromiseResolve(result) : undefined;
  } catch (error) {
    return PromiseReject(error);
  }
}

/** The same with Web IDL's exact timing, for the ends of streams, which race with each other. */
function callForNewPromise(method, self, args) {
  try {
    const result = ReflectApply(method, self, args);
    return isObject(result) ? new Promise((resolve) => resolve(result)) : undefined;
  } catch (error) {
    return PromiseReject(error);
  }
}

/** A promise with its two functions. */
class Capability {
  constructor() {
    this.resolve = undefined;
    this.reject = undefined;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** A TypeError that is made, as its stack trace is costly, only when somebody looks. */
class LazyTypeError {
  constructor(message) {
    this.message = message;
    this.error = undefined;
  }

  get() {
    if (this.error === undefined) this.error = new TypeError(this.message);
    return this.error;
  }
}

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;
const RELEASED = 3;

/**
 * A promise attribute (`closed`, `ready`) that becomes a promise only when somebody reads it. Such promises are always
 * marked as handled. Settling one that is settled already puts another in its place, as the standard does.
 */
class PromiseSlot {
  constructor() {
    this.state = PENDING;
    this.reason = undefined;
    this.promise = undefined;
    this.resolve = undefined;
    this.reject = undefined;
  }

  get() {
    if (this.promise === undefined) {
      this.promise = this.materialize();
      PromisePrototypeThen(this.promise, undefined, noop);
    }
    return this.promise;
  }

  materialize() {
    if (this.state === FULFILLED) return PromiseResolve(undefined);
    if (this.state === RELEASED) {
      this.state = REJECTED;
      this.reason = this.reason.get();
    }
    if (this.state === REJECTED) return PromiseReject(this.reason);
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  reset() {
    this.state = PENDING;
    this.reason = undefined;
    this.promise = undefined;
  }

  fulfill() {
    const wasPending = this.state === PENDING;
    this.state = FULFILLED;
    if (this.promise === undefined) return;
    if (wasPending) this.resolve();
    else this.promise = undefined;
  }

  fail(reason) {
    const wasPending = this.state === PENDING;
    this.state = REJECTED;
    this.reason = reason;
    if (this.promise === undefined) return;
    if (wasPending) this.reject(reason);
    else this.promise = undefined;
  }

  /** Fails with a LazyTypeError. */
  release(lazyError) {
    if (this.promise !== undefined && this.state === PENDING) {
      this.fail(lazyError.get());
      return;
    }
    this.state = RELEASED;
    this.reason = lazyError;
    this.promise = undefined;
  }
}

/**
 * A queue of nodes with a `next` field of their own. Linked, because writing past the end of an array looks for a
 * setter on Array.prototype and Object.prototype, which Workers can patch.
 */
class Queue {
  constructor() {
    this.head = undefined;
    this.tail = undefined;
    this.length = 0;
  }

  push(node) {
    if (this.tail === undefined) this.head = node;
    else this.tail.next = node;
    this.tail = node;
    this.length++;
  }

  shift() {
    const node = this.head;
    this.head = node.next;
    if (this.head === undefined) this.tail = undefined;
    node.next = undefined;
    this.length--;
    return node;
  }

  clear() {
    this.head = undefined;
    this.tail = undefined;
    this.length = 0;
  }

  /** Empties the queue into a new one, for loops whose callbacks may add to it. */
  takeAll() {
    const all = new Queue();
    all.head = this.head;
    all.tail = this.tail;
    all.length = this.length;
    this.clear();
    return all;
  }
}

class SizedChunk {
  constructor(value, size) {
    this.value = value;
    this.size = size;
    this.next = undefined;
  }
}

/** A queue of chunks with their sizes (https://streams.spec.whatwg.org/#queue-with-sizes). */
class ChunkQueue extends Queue {
  constructor() {
    super();
    this.totalSize = 0;
  }

  /** Throws a RangeError for a size no queue can hold. */
  enqueue(value, size) {
    if (!(size >= 0) || size === Infinity) {
      throw new RangeError("The size of a chunk must be a finite number that is not negative.");
    }
    this.push(new SizedChunk(value, size));
    this.totalSize += size;
  }

  dequeue() {
    const node = this.shift();
    this.totalSize -= node.size;
    // Sums of fractions may round to just below zero.
    if (this.totalSize < 0) this.totalSize = 0;
    return node.value;
  }

  reset() {
    this.clear();
    this.totalSize = 0;
  }
}

/** The request behind a promise of { value, done }: `read()` of a reader, `next()` of an async iterator. */
class PromiseRequest {
  constructor() {
    this.next = undefined;
    this.state = PENDING;
    this.value = undefined;
    this.resolve = undefined;
    this.reject = undefined;
  }

  chunk(value) {
    this.fulfill({ value, done: false });
  }

  close(value) {
    this.fulfill({ value, done: true });
  }

  error(reason) {
    if (this.reject !== undefined) {
      this.reject(reason);
      return;
    }
    this.state = REJECTED;
    this.value = reason;
  }

  fulfill(result) {
    if (this.resolve !== undefined) {
      this.resolve(result);
      return;
    }
    this.state = FULFILLED;
    this.value = result;
  }

  /** Call it once, after the request was handed on: what is settled by then needs no functions to settle it. */
  promise() {
    if (this.state === FULFILLED) return PromiseResolve(this.value);
    if (this.state === REJECTED) return PromiseReject(this.value);
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** A promise-returning operation was called on something else. */
function rejectIllegalInvocation() {
  return PromiseReject(new TypeError("Illegal invocation"));
}

/** Reads a method of an underlying source, sink or transformer: a callback, or undefined. */
function readMethod(object, key, type) {
  const method = object[key];
  if (method !== undefined && typeof method !== "function") {
    throw new TypeError(`Member '${key}' of ${type} is not a function.`);
  }
  return method;
}

/** The `object` type of Web IDL, optional: undefined or an object. */
function requireOptionalObject(value, prefix) {
  if (value !== undefined && !isObject(value)) throw new TypeError(`${prefix}: parameter 1 is not of type 'Object'.`);
}

/** Whether a dictionary was given; throws a TypeError for a value that is neither an object nor missing. */
function requireDictionary(value, prefix, name) {
  if (value === undefined || value === null) return false;
  if (!isObject(value)) throw new TypeError(`${prefix}: The value cannot be converted to '${name}'.`);
  return true;
}

shield(Capability, LazyTypeError, PromiseSlot, Queue, SizedChunk, PromiseRequest);

internals.streamCore = {
  Capability, ChunkQueue, LATER, LazyTypeError, PromiseRequest, PromiseSlot, Queue, RESOLVED, callForNewPromise, callForPromise,
  microtask, noop, readMethod, rejectIllegalInvocation, requireDictionary, requireOptionalObject, settle, shield, toPromise,
};
