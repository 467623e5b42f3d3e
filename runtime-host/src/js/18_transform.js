"use strict";
// Transform streams (https://streams.spec.whatwg.org/#ts). The standard lets both sides wait for one promise of a change
// of back-pressure. Here at most one side waits at a time, for one direction of change, so a flag and a microtask do.

const { PromisePrototypeThen, PromiseReject, RangeError, ReflectApply, TypeError } = internals.primordials;
const { configureInterface, illegalConstructor, illegalInvocation, isObject, privateKey } = internals.webidl;
const core = internals.streamCore;
const {
  Capability, DefaultController, ERRORED, ERRORING, LATER, RESOLVED, Readable, WRITABLE_ERRORED, Writable, WritableController,
  callForNewPromise, callForPromise, highWaterMarkOf, microtask, noop, readMethod, readStrategy, requireOptionalObject, settle,
  shield,
} = core;

/**
 * A transform stream proper. `transformer` has transform(chunk, transform), flush(transform) and cancel(reason), each
 * returning undefined (done) or a promise.
 */
class Transform {
  constructor(transformer) {
    this.transformer = transformer;
    this.readable = undefined;
    this.writable = undefined;
    this.backpressure = true;
    // The result of the one close, abort or cancel that ends the stream.
    this.finish = undefined;
    // The readable side waits in pull for back-pressure to come back ...
    this.pullWaits = false;
    // ... the writable side in write, with this chunk, for it to go.
    this.writeWaits = false;
    this.waitingChunk = undefined;
    this.resumeWrite = undefined;
    this.public = undefined;
    this.publicController = undefined;
  }

  setBackpressure(backpressure) {
    this.backpressure = backpressure;
    if (backpressure) {
      if (!this.pullWaits) return;
      this.pullWaits = false;
      microtask(this.readable.controller.pulled);
    } else if (this.writeWaits) {
      this.writeWaits = false;
      microtask(this.resumeWrite);
    }
  }

  error(reason) {
    this.readable.controller.error(reason);
    this.errorWritableAndUnblockWrite(reason);
  }

  errorWritableAndUnblockWrite(reason) {
    this.transformer = undefined;
    this.writable.controller.errorIfNeeded(reason);
    this.unblockWrite();
  }

  unblockWrite() {
    if (this.backpressure) this.setBackpressure(false);
  }

  /** Hands a chunk to the readable side; throws when that cannot take it. */
  enqueue(chunk) {
    const { controller } = this.readable;
    if (!controller.canCloseOrEnqueue()) throw new TypeError("The readable side of the TransformStream is closed or failed.");
    try {
      controller.enqueue(chunk);
    } catch (error) {
      this.errorWritableAndUnblockWrite(error);
      throw this.readable.storedError;
    }
    if (!this.backpressure && controller.hasBackpressure()) this.setBackpressure(true);
  }

  terminate() {
    this.readable.controller.end();
    this.errorWritableAndUnblockWrite(new TypeError("The TransformStream was terminated."));
  }

  /** undefined or a promise. */
  transform(chunk) {
    const result = this.transformer.transform(chunk, this);
    if (result === undefined) return undefined;
    return PromisePrototypeThen(result, noop, (error) => {
      this.error(error);
      throw error;
    });
  }

  // ---- Ends: whichever comes first runs the transformer, the others wait for its result ----

  /** `run` calls the transformer; `succeed` and `fail` then bring the other side to its end. */
  finishWith(run, succeed, fail) {
    if (this.finish !== undefined) return this.finish;
    const capability = new Capability();
    this.finish = capability.promise;
    const result = run(this.transformer);
    this.transformer = undefined;
    settle(
      result,
      () => {
        const failure = succeed();
        if (failure === undefined) capability.resolve(undefined);
        else capability.reject(failure.error);
      },
      (error) => {
        fail(error);
        capability.reject(error);
      },
    );
    return this.finish;
  }
}

class TransformSink {
  constructor(transform) {
    this.transform = transform;
  }

  write(chunk, controller) {
    const { transform } = this;
    if (!transform.backpressure) return transform.transform(chunk);
    if (transform.resumeWrite === undefined) transform.resumeWrite = () => this.resume(controller);
    transform.waitingChunk = chunk;
    transform.writeWaits = true;
    return LATER;
  }

  resume(controller) {
    const { transform } = this;
    const chunk = transform.waitingChunk;
    transform.waitingChunk = undefined;
    const { state, storedError } = transform.writable;
    const result = state === ERRORING ? PromiseReject(storedError) : transform.transform(chunk);
    settle(result, controller.written, controller.writeFailed);
  }

  close() {
    const { transform } = this;
    const { readable } = transform;
    return transform.finishWith(
      (transformer) => transformer.flush(transform),
      () => {
        if (readable.state !== ERRORED) readable.controller.end();
        return readable.state === ERRORED ? { error: readable.storedError } : undefined;
      },
      (error) => readable.controller.error(error),
    );
  }

  abort(reason) {
    const { transform } = this;
    const { readable } = transform;
    return transform.finishWith(
      (transformer) => transformer.cancel(reason),
      () => {
        if (readable.state === ERRORED) return { error: readable.storedError };
        readable.controller.error(reason);
        return undefined;
      },
      (error) => readable.controller.error(error),
    );
  }
}

class TransformSource {
  constructor(transform) {
    this.transform = transform;
  }

  pull() {
    const { transform } = this;
    transform.setBackpressure(false);
    transform.pullWaits = true;
    return LATER;
  }

  cancel(reason) {
    const { transform } = this;
    const { writable } = transform;
    return transform.finishWith(
      (transformer) => transformer.cancel(reason),
      () => {
        if (writable.state === WRITABLE_ERRORED) return { error: writable.storedError };
        writable.controller.errorIfNeeded(reason);
        transform.unblockWrite();
        return undefined;
      },
      (error) => {
        writable.controller.errorIfNeeded(error);
        transform.unblockWrite();
      },
    );
  }
}

/** A transformer made of a Worker's object (https://streams.spec.whatwg.org/#transformer-api). */
class WorkerTransformer {
  constructor(object, transform, flush, cancel) {
    this.object = object;
    this.transformMethod = transform;
    this.flushMethod = flush;
    this.cancelMethod = cancel;
  }

  transform(chunk, transform) {
    if (this.transformMethod !== undefined) {
      return callForPromise(this.transformMethod, this.object, [chunk, exposeController(transform)]);
    }
    try {
      transform.enqueue(chunk);
      return undefined;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  flush(transform) {
    if (this.flushMethod === undefined) return undefined;
    return callForNewPromise(this.flushMethod, this.object, [exposeController(transform)]);
  }

  cancel(reason) {
    return this.cancelMethod === undefined ? undefined : callForNewPromise(this.cancelMethod, this.object, [reason]);
  }
}

/**
 * Makes both sides, which wait for the promise `started`. `makeReadable(stream, source)` gives the readable side its
 * controller.
 */
function setUpSides(transform, started, writableMark, writableSize, makeReadable) {
  // The standard resolves another promise with it. The two microtasks more order the ends of young streams.
  const startResult = PromisePrototypeThen(PromisePrototypeThen(started, noop), noop);
  const writable = new Writable();
  transform.writable = writable;
  new WritableController(writable, new TransformSink(transform), writableMark, writableSize).start(startResult);
  const readable = new Readable();
  transform.readable = readable;
  makeReadable(readable, new TransformSource(transform)).start(startResult);
}

/** Both sides with default controllers and strategies, starting at once. */
function setUpDefaultSides(transform) {
  setUpSides(transform, RESOLVED, 1, undefined, (readable, source) => new DefaultController(readable, source, 0, undefined));
}

// ---- Interfaces ----

class TransformStream {
  #transform;
  // Kept here: a body made of such a side may give the stream proper to another ReadableStream.
  #readable;
  #writable;

  constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
    if (transformer === privateKey) {
      this.#transform = writableStrategy;
      writableStrategy.public = this;
      return;
    }
    const prefix = "Failed to construct 'TransformStream'";
    requireOptionalObject(transformer, prefix);
    const writableQueuing = readStrategy(writableStrategy, prefix);
    const readableQueuing = readStrategy(readableStrategy, prefix);
    this.#transform = setUp(transformer ?? {}, writableQueuing, readableQueuing, prefix);
    this.#transform.public = this;
  }

  get readable() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    return (this.#readable ??= core.exposeReadable(this.#transform.readable));
  }

  get writable() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    return (this.#writable ??= core.exposeWritable(this.#transform.writable));
  }
}

/** https://streams.spec.whatwg.org/#ts-constructor; members are read in the order of Web IDL. */
function setUp(object, writableQueuing, readableQueuing, prefix) {
  const dictionary = "Transformer";
  const cancel = readMethod(object, "cancel", dictionary);
  const flush = readMethod(object, "flush", dictionary);
  if (object.readableType !== undefined) throw new RangeError(`${prefix}: the transformer's readableType must be undefined.`);
  const start = readMethod(object, "start", dictionary);
  const transform = readMethod(object, "transform", dictionary);
  if (object.writableType !== undefined) throw new RangeError(`${prefix}: the transformer's writableType must be undefined.`);
  const readableMark = highWaterMarkOf(readableQueuing, 0);
  const writableMark = highWaterMarkOf(writableQueuing, 1);
  const stream = new Transform(new WorkerTransformer(object, transform, flush, cancel));
  // Both sides wait for start(), which must find them complete.
  const started = start === undefined ? undefined : new Capability();
  setUpSides(stream, started?.promise ?? RESOLVED, writableMark, writableQueuing.size, (readable, source) =>
    new DefaultController(readable, source, readableMark, readableQueuing.size));
  if (start !== undefined) started.resolve(ReflectApply(start, object, [exposeController(stream)]));
  return stream;
}

class TransformStreamDefaultController {
  #transform;

  constructor() {
    if (arguments[0] !== privateKey) illegalConstructor();
    this.#transform = arguments[1];
    this.#transform.publicController = this;
  }

  get desiredSize() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    return this.#transform.readable.controller.desiredSize();
  }

  enqueue(chunk = undefined) {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.enqueue(chunk);
  }

  error(reason = undefined) {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.error(reason);
  }

  terminate() {
    if (!isObject(this) || !(#transform in this)) illegalInvocation();
    this.#transform.terminate();
  }
}

function exposeController(transform) {
  return transform.publicController ?? new TransformStreamDefaultController(privateKey, transform);
}

shield(Transform, TransformSink, TransformSource, WorkerTransformer);
for (const Class of [TransformStream, TransformStreamDefaultController]) {
  configureInterface(Class);
  internals.expose(Class.name, Class);
}
Object.assign(core, { Transform, TransformStream, setUpDefaultSides, setUpSides });
