"use strict";
// The interfaces WritableStream, WritableStreamDefaultWriter and WritableStreamDefaultController.

const { Promise, PromiseReject, PromiseResolve, RangeError, ReflectApply, TypeError } = internals.primordials;
const { configureInterface, illegalConstructor, illegalInvocation, isObject, privateKey, requireArguments } = internals.webidl;
const core = internals.streamCore;
const {
  WRITABLE, WorkerSink, Writable, WritableController, highWaterMarkOf, readMethod, readStrategy, rejectIllegalInvocation,
  requireOptionalObject, shield,
} = core;

let tryStreamOf;
let exposeWriter;

class WritableStream {
  #stream;

  constructor(underlyingSink = undefined, strategy = undefined) {
    if (underlyingSink === privateKey) {
      this.#stream = strategy;
      strategy.public = this;
      return;
    }
    const prefix = "Failed to construct 'WritableStream'";
    requireOptionalObject(underlyingSink, prefix);
    const queuing = readStrategy(strategy, prefix);
    const stream = new Writable();
    this.#stream = stream;
    stream.public = this;
    setUp(stream, underlyingSink ?? {}, queuing, prefix);
  }

  static {
    tryStreamOf = (value) => (isObject(value) && #stream in value ? value.#stream : undefined);
  }

  get locked() {
    return streamOf(this).writer !== undefined;
  }

  abort(reason = undefined) {
    const stream = tryStreamOf(this);
    if (stream === undefined) return rejectIllegalInvocation();
    if (stream.writer !== undefined) return PromiseReject(new TypeError("A locked WritableStream can only be aborted by its writer."));
    return stream.abort(reason) ?? PromiseResolve(undefined);
  }

  close() {
    const stream = tryStreamOf(this);
    if (stream === undefined) return rejectIllegalInvocation();
    if (stream.writer !== undefined) return PromiseReject(new TypeError("A locked WritableStream can only be closed by its writer."));
    if (stream.closeQueuedOrInFlight()) return PromiseReject(new TypeError("The WritableStream is closing already."));
    return stream.close();
  }

  getWriter() {
    return exposeWriter(streamOf(this).acquireWriter());
  }
}

function streamOf(value) {
  return tryStreamOf(value) ?? illegalInvocation();
}

function setUp(stream, sink, queuing, prefix) {
  const type = "UnderlyingSink";
  const abort = readMethod(sink, "abort", type);
  const close = readMethod(sink, "close", type);
  const start = readMethod(sink, "start", type);
  if (sink.type !== undefined) throw new RangeError(`${prefix}: the sink's type must be undefined.`);
  const write = readMethod(sink, "write", type);
  const highWaterMark = highWaterMarkOf(queuing, 1);
  const controller = new WritableController(stream, new WorkerSink(sink, write, close, abort), highWaterMark, queuing.size);
  const started = start === undefined ? undefined : ReflectApply(start, sink, [core.exposeWritableController(controller)]);
  controller.start(isObject(started) ? PromiseResolve(started) : undefined);
}

class WriteRequest {
  constructor() {
    this.next = undefined;
    this.resolve = undefined;
    this.rejectPromise = undefined;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.rejectPromise = reject;
    });
  }

  fulfill() {
    this.resolve(undefined);
  }

  reject(error) {
    this.rejectPromise(error);
  }
}

class WritableStreamDefaultWriter {
  #writer;

  constructor(stream) {
    if (stream === privateKey) {
      this.#writer = arguments[1];
      return;
    }
    const prefix = "Failed to construct 'WritableStreamDefaultWriter'";
    requireArguments(arguments.length, 1, prefix);
    const target = tryStreamOf(stream);
    if (target === undefined) throw new TypeError(`${prefix}: parameter 1 is not of type 'WritableStream'.`);
    this.#writer = target.acquireWriter();
  }

  static {
    exposeWriter = (writer) => new WritableStreamDefaultWriter(privateKey, writer);
  }

  get closed() {
    if (!isObject(this) || !(#writer in this)) return rejectIllegalInvocation();
    return this.#writer.closed.get();
  }

  get desiredSize() {
    if (!isObject(this) || !(#writer in this)) illegalInvocation();
    if (this.#writer.stream === undefined) throw released();
    return this.#writer.desiredSize();
  }

  get ready() {
    if (!isObject(this) || !(#writer in this)) return rejectIllegalInvocation();
    return this.#writer.ready.get();
  }

  abort(reason = undefined) {
    if (!isObject(this) || !(#writer in this)) return rejectIllegalInvocation();
    const { stream } = this.#writer;
    if (stream === undefined) return PromiseReject(released());
    return stream.abort(reason) ?? PromiseResolve(undefined);
  }

  close() {
    if (!isObject(this) || !(#writer in this)) return rejectIllegalInvocation();
    const { stream } = this.#writer;
    if (stream === undefined) return PromiseReject(released());
    if (stream.closeQueuedOrInFlight()) return PromiseReject(new TypeError("The WritableStream is closing already."));
    return stream.close();
  }

  releaseLock() {
    if (!isObject(this) || !(#writer in this)) illegalInvocation();
    if (this.#writer.stream !== undefined) this.#writer.release();
  }

  write(chunk = undefined) {
    if (!isObject(this) || !(#writer in this)) return rejectIllegalInvocation();
    const writer = this.#writer;
    if (writer.stream === undefined) return PromiseReject(released());
    const request = new WriteRequest();
    writer.write(chunk, request);
    return request.promise;
  }
}

const released = () => new TypeError("The writer was released, so it has no stream.");

class WritableStreamDefaultController {
  #controller;

  constructor() {
    if (arguments[0] !== privateKey) illegalConstructor();
    this.#controller = arguments[1];
    this.#controller.public = this;
  }

  get signal() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.getSignal();
  }

  error(e = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    if (this.#controller.stream.state === WRITABLE) this.#controller.error(e);
  }
}

shield(WriteRequest);
core.exposeWritableController = (controller) => controller.public ?? new WritableStreamDefaultController(privateKey, controller);
core.tryWritableOf = tryStreamOf;
core.WritableStream = WritableStream;
core.exposeWritable = (stream) => stream.public ?? new WritableStream(privateKey, stream);

for (const Class of [WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController]) {
  configureInterface(Class);
  internals.expose(Class.name, Class);
}
