"use strict";
// Readable streams from iterables (https://streams.spec.whatwg.org/#rs-from) and as async iterables
// (https://streams.spec.whatwg.org/#rs-asynciterator).

const {
  AsyncIteratorPrototype, FunctionPrototypeCall, ObjectSetPrototypeOf, PromisePrototypeThen, PromiseReject,
  PromiseResolve, ReflectDeleteProperty, SymbolAsyncIterator, SymbolIterator, TypeError,
} = internals.primordials;
const { configureInterface, isObject } = internals.webidl;
const core = internals.streamCore;
const { PromiseRequest, createReadable, rejectIllegalInvocation, shield, toPromise } = core;

// ---- From an iterable ----

function getMethod(object, key) {
  const method = object[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== "function") throw new TypeError("A method of the iterable is not a function.");
  return method;
}

class IteratorSource {
  constructor(iterator, isAsync) {
    this.iterator = iterator;
    this.nextMethod = iterator.next;
    this.isAsync = isAsync;
  }

  pull(controller) {
    try {
      const step = FunctionPrototypeCall(this.nextMethod, this.iterator);
      if (!this.isAsync) return this.takeSync(controller, step);
      return PromisePrototypeThen(PromiseResolve(step), (result) => this.take(controller, result));
    } catch (error) {
      return PromiseReject(error);
    }
  }

  take(controller, result) {
    requireResult(result);
    if (result.done) controller.close();
    else controller.enqueue(result.value);
  }

  /** A synchronous iterator's values are awaited; one that rejects closes the iterator. */
  takeSync(controller, result) {
    requireResult(result);
    const done = !!result.done;
    const value = result.value;
    return PromisePrototypeThen(
      isObject(value) ? PromiseResolve(value) : core.RESOLVED,
      (awaited) => {
        if (done) controller.close();
        else controller.enqueue(isObject(value) ? awaited : value);
      },
      (error) => {
        if (!done) this.closeQuietly();
        throw error;
      },
    );
  }

  closeQuietly() {
    try {
      const method = getMethod(this.iterator, "return");
      if (method !== undefined) FunctionPrototypeCall(method, this.iterator);
    } catch {
      // The error that made us close the iterator is the one to report (ECMAScript IteratorClose).
    }
  }

  cancel(reason) {
    try {
      const method = getMethod(this.iterator, "return");
      if (method === undefined) return undefined;
      const result = FunctionPrototypeCall(method, this.iterator, reason);
      if (this.isAsync) return PromisePrototypeThen(PromiseResolve(result), requireResult);
      requireResult(result);
      return PromisePrototypeThen(PromiseResolve(result.value), core.noop);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}

function requireResult(result) {
  if (!isObject(result)) throw new TypeError("The iterator's result is not an object.");
}

core.readableFrom = (iterable) => {
  if (iterable === undefined || iterable === null) throw new TypeError("The value is not iterable.");
  let method = getMethod(iterable, SymbolAsyncIterator);
  const isAsync = method !== undefined;
  if (!isAsync) method = getMethod(iterable, SymbolIterator);
  if (method === undefined) throw new TypeError("The value is not iterable.");
  const iterator = FunctionPrototypeCall(method, iterable);
  if (!isObject(iterator)) throw new TypeError("The value's iterator is not an object.");
  return createReadable(new IteratorSource(iterator, isAsync), 0);
};

// ---- As an async iterable ----

// What the promise of a read is fulfilled with at the end of the stream.
const END = { __proto__: null };

/** The request of next(), whose promise is fulfilled with the chunk itself, as the standard has it. */
class IterationRequest extends PromiseRequest {
  constructor(reader) {
    super();
    this.reader = reader;
  }

  chunk(value) {
    this.fulfill(value);
  }

  close() {
    this.reader.release();
    this.fulfill(END);
  }

  error(reason) {
    this.reader.release();
    super.error(reason);
  }
}

/** An async iterator proper (https://webidl.spec.whatwg.org/#js-asynchronous-iterator-prototype-object). */
class Iteration {
  constructor(reader, preventCancel) {
    this.reader = reader;
    this.preventCancel = preventCancel;
    this.finished = false;
    // Calls that have not settled, and the promise of the last of them. They take turns.
    this.pending = 0;
    this.last = undefined;
    this.stepped = (value) => {
      this.pending--;
      if (value !== END) return { value, done: false };
      this.finished = true;
      return { value: undefined, done: true };
    };
    this.failed = (error) => {
      this.pending--;
      this.finished = true;
      throw error;
    };
  }

  takeTurn(step) {
    if (this.pending === 0) {
      const promise = step();
      if (this.pending > 0) this.last = promise;
      return promise;
    }
    this.pending++;
    const turn = () => {
      this.pending--;
      return step();
    };
    this.last = PromisePrototypeThen(this.last, turn, turn);
    return this.last;
  }

  next() {
    if (this.finished) return PromiseResolve({ value: undefined, done: true });
    const request = new IterationRequest(this.reader);
    this.pending++;
    this.reader.read(request);
    return PromisePrototypeThen(request.promise(), this.stepped, this.failed);
  }

  return(value) {
    if (this.finished) return PromiseResolve({ value, done: true });
    this.pending++;
    this.finished = true;
    const result = this.preventCancel ? undefined : this.reader.stream.cancel(value);
    this.reader.release();
    const finish = () => {
      this.pending--;
      return { value, done: true };
    };
    return PromisePrototypeThen(toPromise(result), finish, this.failed);
  }
}

let makeIterator;

class ReadableStreamAsyncIterator {
  #iteration;

  constructor(iteration) {
    this.#iteration = iteration;
  }

  static {
    makeIterator = (iteration) => new ReadableStreamAsyncIterator(iteration);
  }

  next() {
    if (!isObject(this) || !(#iteration in this)) return rejectIllegalInvocation();
    const iteration = this.#iteration;
    return iteration.takeTurn(() => iteration.next());
  }

  return(value) {
    if (!isObject(this) || !(#iteration in this)) return rejectIllegalInvocation();
    const iteration = this.#iteration;
    return iteration.takeTurn(() => iteration.return(value));
  }
}

configureInterface(ReadableStreamAsyncIterator, undefined, "ReadableStream AsyncIterator");
ReflectDeleteProperty(ReadableStreamAsyncIterator.prototype, "constructor");
ObjectSetPrototypeOf(ReadableStreamAsyncIterator.prototype, AsyncIteratorPrototype);

shield(IteratorSource, Iteration);
core.iterateReadable = (stream, preventCancel) => makeIterator(new Iteration(stream.acquireReader(), preventCancel));
