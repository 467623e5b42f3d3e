"use strict";
// The interface ReadableStream (https://streams.spec.whatwg.org/#rs-class).

const { ObjectDefineProperty, PromiseReject, PromiseResolve, RangeError, SymbolAsyncIterator, TypeError } = internals.primordials;
const {
  configureInterface, enumeration, illegalInvocation, isObject, privateKey, requireArguments, unsignedLongLong,
} = internals.webidl;
const core = internals.streamCore;
const {
  ByteController, DefaultController, Readable, WorkerSource, callStart, highWaterMarkOf, readMethod, readStrategy,
  rejectIllegalInvocation, requireDictionary, requireOptionalObject, toPromise,
} = core;

const readSourceType = enumeration("ReadableStreamType", ["bytes", "owning"]);
const readReaderMode = enumeration("ReadableStreamReaderMode", ["byob"]);

let tryStreamOf;
let repoint;

class ReadableStream {
  #stream;

  constructor(underlyingSource = undefined, strategy = undefined) {
    if (underlyingSource === privateKey) {
      this.#stream = strategy;
      strategy.public = this;
      return;
    }
    const prefix = "Failed to construct 'ReadableStream'";
    requireOptionalObject(underlyingSource, prefix);
    const queuing = readStrategy(strategy, prefix);
    const stream = new Readable();
    this.#stream = stream;
    stream.public = this;
    setUp(stream, underlyingSource ?? {}, queuing, prefix);
  }

  static {
    tryStreamOf = (value) => (isObject(value) && #stream in value ? value.#stream : undefined);
    repoint = (self, stream) => {
      self.#stream = stream;
      stream.public = self;
    };
  }

  static from(asyncIterable) {
    requireArguments(arguments.length, 1, "Failed to execute 'from' on 'ReadableStream'");
    return expose(core.readableFrom(asyncIterable));
  }

  get locked() {
    return streamOf(this).reader !== undefined;
  }

  cancel(reason = undefined) {
    const stream = tryStreamOf(this);
    if (stream === undefined) return rejectIllegalInvocation();
    if (stream.reader !== undefined) return PromiseReject(new TypeError("A locked ReadableStream can only be cancelled by its reader."));
    return toPromise(stream.cancel(reason));
  }

  getReader(options = undefined) {
    const stream = streamOf(this);
    const prefix = "Failed to execute 'getReader' on 'ReadableStream'";
    const mode = requireDictionary(options, prefix, "ReadableStreamGetReaderOptions") ? options.mode : undefined;
    if (mode === undefined) return core.exposeDefaultReader(stream.acquireReader());
    readReaderMode(mode, prefix, "member 'mode' of ReadableStreamGetReaderOptions");
    return core.exposeByobReader(acquireByobReader(stream));
  }

  pipeThrough(transform, options = undefined) {
    const source = streamOf(this);
    const prefix = "Failed to execute 'pipeThrough' on 'ReadableStream'";
    requireArguments(arguments.length, 1, prefix);
    if (!requireDictionary(transform, prefix, "ReadableWritablePair")) {
      throw new TypeError(`${prefix}: parameter 1 must have the members 'readable' and 'writable'.`);
    }
    const { readable } = transform;
    if (tryStreamOf(readable) === undefined) throw new TypeError(`${prefix}: member 'readable' is not of type 'ReadableStream'.`);
    const destination = core.tryWritableOf(transform.writable);
    if (destination === undefined) throw new TypeError(`${prefix}: member 'writable' is not of type 'WritableStream'.`);
    const pipeOptions = readPipeOptions(options, prefix);
    if (source.reader !== undefined) throw new TypeError(`${prefix}: the ReadableStream is locked.`);
    if (destination.writer !== undefined) throw new TypeError(`${prefix}: the WritableStream is locked.`);
    core.pipe(source, destination, pipeOptions, false);
    return readable;
  }

  pipeTo(destination, options = undefined) {
    const source = tryStreamOf(this);
    if (source === undefined) return rejectIllegalInvocation();
    const prefix = "Failed to execute 'pipeTo' on 'ReadableStream'";
    try {
      requireArguments(arguments.length, 1, prefix);
      const target = core.tryWritableOf(destination);
      if (target === undefined) throw new TypeError(`${prefix}: parameter 1 is not of type 'WritableStream'.`);
      const pipeOptions = readPipeOptions(options, prefix);
      if (source.reader !== undefined) throw new TypeError(`${prefix}: the ReadableStream is locked.`);
      if (target.writer !== undefined) throw new TypeError(`${prefix}: the WritableStream is locked.`);
      return core.pipe(source, target, pipeOptions, true);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  tee() {
    const branches = core.tee(streamOf(this));
    return [expose(branches[0]), expose(branches[1])];
  }

  values(options = undefined) {
    const stream = streamOf(this);
    const prefix = "Failed to execute 'values' on 'ReadableStream'";
    const given = requireDictionary(options, prefix, "ReadableStreamIteratorOptions");
    return core.iterateReadable(stream, given && !!options.preventCancel);
  }
}

function streamOf(value) {
  return tryStreamOf(value) ?? illegalInvocation();
}

function expose(stream) {
  return stream.public ?? new ReadableStream(privateKey, stream);
}

/** https://streams.spec.whatwg.org/#rs-constructor; members are read in the order of Web IDL. */
function setUp(stream, source, queuing, prefix) {
  const dictionary = "UnderlyingSource";
  let { autoAllocateChunkSize } = source;
  if (autoAllocateChunkSize !== undefined) {
    autoAllocateChunkSize = unsignedLongLong(autoAllocateChunkSize, prefix, "member 'autoAllocateChunkSize'", "enforceRange");
  }
  const cancel = readMethod(source, "cancel", dictionary);
  const pull = readMethod(source, "pull", dictionary);
  const start = readMethod(source, "start", dictionary);
  let { type } = source;
  if (type !== undefined) type = readSourceType(type, prefix, "member 'type' of UnderlyingSource");
  const workerSource = new WorkerSource(source, pull, cancel);
  let controller;
  if (type !== "bytes") {
    controller = new DefaultController(stream, workerSource, highWaterMarkOf(queuing, 1), queuing.size);
    controller.owning = type === "owning";
  } else {
    if (queuing.hasSize) throw new RangeError(`${prefix}: the strategy of a byte stream must have no size function.`);
    const highWaterMark = highWaterMarkOf(queuing, 0);
    if (autoAllocateChunkSize === 0) throw new TypeError(`${prefix}: autoAllocateChunkSize must be greater than 0.`);
    controller = new ByteController(stream, workerSource, highWaterMark, autoAllocateChunkSize);
  }
  const started = callStart(start, source, controller);
  controller.start(isObject(started) ? PromiseResolve(started) : undefined);
}

function acquireByobReader(stream) {
  if (stream.reader === undefined && !(stream.controller instanceof ByteController)) {
    throw new TypeError("A BYOB reader needs a byte stream: a source whose type is 'bytes'.");
  }
  return stream.acquireReader(true);
}

const NO_PIPE_OPTIONS = { preventAbort: false, preventCancel: false, preventClose: false, signal: undefined };

function readPipeOptions(options, prefix) {
  if (!requireDictionary(options, prefix, "StreamPipeOptions")) return NO_PIPE_OPTIONS;
  const preventAbort = !!options.preventAbort;
  const preventCancel = !!options.preventCancel;
  const preventClose = !!options.preventClose;
  const { signal } = options;
  if (signal !== undefined && !internals.abort.isSignal(signal)) {
    throw new TypeError(`${prefix}: member 'signal' of StreamPipeOptions is not of type 'AbortSignal'.`);
  }
  return { preventAbort, preventCancel, preventClose, signal };
}

configureInterface(ReadableStream);
ObjectDefineProperty(ReadableStream.prototype, SymbolAsyncIterator, {
  __proto__: null, value: ReadableStream.prototype.values, writable: true, configurable: true,
});
internals.expose("ReadableStream", ReadableStream);
Object.assign(core, { acquireByobReader, exposeReadable: expose, repointReadable: repoint, tryReadableOf: tryStreamOf });
