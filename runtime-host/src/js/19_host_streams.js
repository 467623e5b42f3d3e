"use strict";
// What the host's own code does with streams: bodies that come from the host, bodies that go to it, and whole bodies.
// Everything here takes and gives ReadableStreams.

const {
  ArrayBufferPrototypeGetByteLength, Promise, PromisePrototypeThen, TypeError, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet, Uint8Array,
} = internals.primordials;
const core = internals.streamCore;
const {
  ByteController, CLOSED, ERRORED, LATER, Queue, Transform, copyBytes, createByteReadable, createReadable, createWritable,
  exposeReadable, exposeWritable, noop, readableFrom, repointReadable, setUpDefaultSides, shield, tryReadableOf,
} = core;

// ---- Streams that come from the host ----

/** One operation of the host is under way at a time: from the call of `pull` to hostEnqueue, hostClose or hostError. */
class HostSource {
  constructor(handle, pull, cancel) {
    this.handle = handle;
    this.pullMethod = pull;
    this.cancelMethod = cancel;
    this.calling = false;
    this.answered = false;
  }

  pull(controller) {
    this.calling = true;
    this.answered = false;
    this.pullMethod(this.handle, exposeReadable(controller.stream));
    this.calling = false;
    // An answer at once ends the operation in a microtask: many reads that wait would otherwise nest as many calls.
    return this.answered ? undefined : LATER;
  }

  cancel(reason) {
    return this.cancelMethod(this.handle, reason);
  }
}

/**
 * A byte stream whose bytes the host gives. `pull(handle, stream)` is called when somebody reads, and not again before
 * hostEnqueue; `cancel(handle, reason)` may return a promise. Neither may throw.
 */
function createHostReadable(handle, pull, cancel) {
  const stream = createByteReadable(new HostSource(handle, pull, cancel));
  stream.hostHandle = stream.wholeOf = handle;
  return exposeReadable(stream);
}

/** The same for bytes that are made, not those of a message: `owner` is no handle of a body. */
function createMadeReadable(owner, pull, cancel) {
  return exposeReadable(createByteReadable(new HostSource(owner, pull, cancel)));
}

/** The handle given to createHostReadable, or undefined for every other value. */
function hostHandle(stream) {
  return tryReadableOf(stream)?.hostHandle;
}

/** Gives bytes, whose buffer nobody else may hold; nothing happens when the stream has ended meanwhile. */
function hostEnqueue(stream, bytes) {
  const { controller } = tryReadableOf(stream);
  const byteLength = TypedArrayPrototypeGetByteLength(bytes);
  if (byteLength > 0) {
    controller.enqueueOwned(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), byteLength, bytes);
  } else if (controller.canCloseOrEnqueue()) {
    // Nothing came, so whoever waits needs another pull.
    controller.callPullIfNeeded();
  }
  if (!controller.pulling || controller.source === undefined) return;
  if (controller.source.calling) controller.source.answered = true;
  else controller.pulled();
}

function hostClose(stream) {
  tryReadableOf(stream).controller.end();
}

function hostError(stream, error) {
  tryReadableOf(stream).controller.error(error);
}

// ---- Streams of bytes that are there already ----

/** All that a stream gives, in a buffer that nobody else holds. */
function giveAll(controller, bytes) {
  const byteLength = TypedArrayPrototypeGetByteLength(bytes);
  if (byteLength > 0) {
    controller.enqueueOwned(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes), byteLength, bytes);
  }
  controller.end();
}

class BytesSource {
  constructor(bytes) {
    this.bytes = bytes;
  }

  pull(controller) {
    const { bytes } = this;
    this.bytes = undefined;
    giveAll(controller, bytes);
    return undefined;
  }

  cancel() {
    this.bytes = undefined;
    return undefined;
  }
}

/** A byte stream of one chunk, whose buffer nobody else may hold. */
function fromBytes(bytes) {
  const stream = createByteReadable(new BytesSource(bytes));
  stream.expectedLength = TypedArrayPrototypeGetByteLength(bytes);
  return exposeReadable(stream);
}

/** Makes the bytes of its stream's `madeOf` when somebody reads. */
class WholeSource {
  pull(controller) {
    const { stream } = controller;
    const { madeOf } = stream;
    stream.madeOf = undefined;
    try {
      giveAll(controller, internals.body.ownBytes(madeOf));
    } catch (error) {
      // There may be no memory for them.
      controller.error(error);
    }
    return undefined;
  }

  cancel() {
    return undefined;
  }
}

/** A byte stream of a whole body: a record that belongs to nobody else, and whose source nobody changes. */
function fromWhole(record) {
  const stream = createByteReadable(new WholeSource());
  stream.madeOf = record;
  return exposeReadable(stream);
}

/** The whole body that a stream is made of, as long as nobody has touched the stream; else undefined. */
function madeOf(stream) {
  const { disturbed, madeOf: record, reader } = tryReadableOf(stream);
  return disturbed || reader !== undefined ? undefined : record;
}

/** What a stream gives at once of bytes that somebody else has too. */
const PIECE_BYTES = 64 * 1024;

class SharedBytesSource {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  pull(controller) {
    const { bytes, at } = this;
    controller.stream.madeOf = undefined;
    const left = TypedArrayPrototypeGetByteLength(bytes) - at;
    const size = left < PIECE_BYTES ? left : PIECE_BYTES;
    this.at = at + size;
    if (size > 0) {
      const piece = copyBytes(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + at, size);
      controller.enqueueOwned(TypedArrayPrototypeGetBuffer(piece), TypedArrayPrototypeGetByteOffset(piece), size, piece);
    }
    if (size === left) {
      this.bytes = undefined;
      controller.end();
    }
    return undefined;
  }

  cancel() {
    this.bytes = undefined;
    return undefined;
  }
}

/**
 * A byte stream of copies of bytes that nobody changes, made piece by piece as they are read. `record` is as for fromWhole,
 * when they are a body's.
 */
function fromShared(bytes, record = undefined) {
  const stream = createByteReadable(new SharedBytesSource(bytes));
  stream.expectedLength = TypedArrayPrototypeGetByteLength(bytes);
  stream.madeOf = record;
  return exposeReadable(stream);
}

// ---- State ----

/** How many bytes an undisturbed stream gives (for Content-Length), or undefined. */
function expectedLength(stream) {
  const { expectedLength: length, madeOf: record, wholeOf } = tryReadableOf(stream);
  if (record !== undefined) return internals.body.byteLength(record);
  return length === undefined && wholeOf !== undefined ? internals.hostBody.length(wholeOf) : length;
}

const isReadableStream = (value) => tryReadableOf(value) !== undefined;
const isDisturbed = (stream) => tryReadableOf(stream).disturbed;
const isLocked = (stream) => tryReadableOf(stream).reader !== undefined;
const isClosed = (stream) => tryReadableOf(stream).state === CLOSED;
const isErrored = (stream) => tryReadableOf(stream).state === ERRORED;

// ---- Streams whose contents go elsewhere ----

const EMPTY_SOURCE = { __proto__: null, pull: noop, cancel: noop };

/** A stream proper that is disturbed and locked for good. */
function consumed() {
  const stream = createReadable(EMPTY_SOURCE, 0);
  stream.acquireReader();
  stream.disturbed = true;
  return stream;
}

const createConsumed = () => exposeReadable(consumed());

/** Makes a stream disturbed and locked for good; its contents are lost. */
function consume(stream) {
  repointReadable(stream, consumed());
}

/** Moves the contents of an unlocked stream to a new ReadableStream; the old one is disturbed and locked from then on. */
function detach(stream) {
  const contents = tryReadableOf(stream);
  consume(stream);
  contents.public = undefined;
  return exposeReadable(contents);
}

/** The handle of a host stream nobody has touched, which is then consumed; undefined for every other stream. */
function takeHost(stream) {
  const { hostHandle: handle, disturbed, reader } = tryReadableOf(stream);
  if (handle === undefined || disturbed || reader !== undefined) return undefined;
  consume(stream);
  return handle;
}

// ---- Whole bodies ----

class Piece {
  constructor(bytes) {
    this.bytes = bytes;
    this.next = undefined;
  }
}

/** Reads a stream to its end (https://fetch.spec.whatwg.org/#body-fully-read). It is its own request to read. */
class Collector {
  constructor(stream, done, fail) {
    this.next = undefined;
    this.done = done;
    this.fail = fail;
    this.reader = stream.acquireReader();
    // Chunks of a byte stream were given to us; others a Worker may still hold and change.
    this.owned = stream.controller instanceof ByteController;
    this.pieces = new Queue();
    this.total = 0;
    this.reading = false;
    this.arrived = false;
  }

  run() {
    do {
      this.arrived = false;
      this.reading = true;
      this.reader.read(this);
      this.reading = false;
    } while (this.arrived);
  }

  chunk(value) {
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
      this.fail(new TypeError("A chunk of the body's stream is not a Uint8Array."));
      return;
    }
    const byteLength = TypedArrayPrototypeGetByteLength(value);
    this.total += byteLength;
    const bytes = this.owned
      ? value
      : copyBytes(TypedArrayPrototypeGetBuffer(value), TypedArrayPrototypeGetByteOffset(value), byteLength);
    this.pieces.push(new Piece(bytes));
    this.arrived = true;
    // Inside read() the loop of run() goes on.
    if (!this.reading) this.run();
  }

  close() {
    this.done(this.join());
  }

  error(reason) {
    this.fail(reason);
  }

  /** All bytes, in a buffer of their own. */
  join() {
    const { pieces } = this;
    if (pieces.length === 1) {
      const { bytes } = pieces.head;
      if (ArrayBufferPrototypeGetByteLength(TypedArrayPrototypeGetBuffer(bytes)) === this.total) return bytes;
    }
    const all = new Uint8Array(this.total);
    let offset = 0;
    while (pieces.head !== undefined) {
      const { bytes } = pieces.shift();
      TypedArrayPrototypeSet(all, bytes, offset);
      offset += TypedArrayPrototypeGetByteLength(bytes);
    }
    return all;
  }
}

/**
 * Reads an unlocked stream to its end and leaves it locked. Calls `done(bytes)`, with a Uint8Array that fills a buffer
 * nobody else holds, or `fail(error)`: the stream's error, or a TypeError for a chunk that is not a Uint8Array.
 */
function collect(stream, done, fail) {
  new Collector(tryReadableOf(stream), done, fail).run();
}

/** Cancels a stream, also one that is locked; what its source says to that is nobody's business. */
function cancel(stream, reason) {
  PromisePrototypeThen(core.toPromise(tryReadableOf(stream).cancel(reason)), undefined, noop);
}

/** The same as a promise. */
function readAll(stream) {
  return new Promise((resolve, reject) => collect(stream, resolve, reject));
}

// ---- Streams that go to the host ----

/** Reads a stream to its end, one chunk at a time. It is its own request to read. */
class Pump {
  constructor(stream, write, done, fail) {
    this.next = undefined;
    this.stream = stream;
    this.reader = stream.acquireReader();
    this.write = write;
    this.done = done;
    this.fail = fail;
    this.reading = false;
    this.ready = false;
    this.ended = false;
    this.resume = () => this.run();
    this.abort = (error) => this.writeFailed(error);
  }

  run() {
    if (this.ended) return;
    do {
      this.ready = false;
      this.reading = true;
      this.reader.read(this);
      this.reading = false;
    } while (this.ready && !this.ended);
  }

  chunk(value) {
    if (this.ended) return;
    let result;
    try {
      result = this.write(value);
    } catch (error) {
      this.writeFailed(error);
      return;
    }
    if (result !== undefined) PromisePrototypeThen(result, this.resume, this.abort);
    else if (this.reading) this.ready = true;
    else this.run();
  }

  close() {
    if (this.ended) return;
    this.ended = true;
    this.done();
  }

  error(reason) {
    if (this.ended) return;
    this.ended = true;
    this.fail(reason);
  }

  writeFailed(error) {
    if (this.ended) return;
    this.cancel(error);
    this.fail(error);
  }

  cancel(reason) {
    if (this.ended) return;
    this.ended = true;
    // What the source says to its cancellation is of no use to anybody any more.
    PromisePrototypeThen(core.toPromise(this.stream.cancel(reason)), undefined, noop);
  }
}

/**
 * Reads an unlocked stream for the host. `write(chunk)` gets every chunk, of whatever type; when it returns a promise, the
 * next read waits for it. Then comes one of `done()` and `fail(error)`; when `write` throws or rejects, the stream is
 * cancelled and `fail` gets that error. Returns a function that cancels the stream: nothing is called after it.
 */
function pump(stream, write, done, fail) {
  const pumping = new Pump(tryReadableOf(stream), write, done, fail);
  pumping.run();
  return (reason) => pumping.cancel(reason);
}

/**
 * A WritableStream into the host. `sink`: write(chunk), close(), abort(reason), each returning undefined (done) or a
 * promise and never throwing.
 */
function createHostWritable(sink, highWaterMark = 1) {
  const stream = createWritable(sink, highWaterMark);
  stream.controller.start(undefined);
  return exposeWritable(stream);
}

// ---- Both ----

/** Two ReadableStreams for one, which gets locked; chunks of the second are copies. */
function tee(stream) {
  const branches = core.tee(tryReadableOf(stream), true);
  return [exposeReadable(branches[0]), exposeReadable(branches[1])];
}

/**
 * The two sides of a transformation written by the host (CompressionStream, TextEncoderStream ...). `transformer`:
 * transform(chunk, transform), flush(transform), cancel(reason), each returning undefined (done) or a promise and never throwing:
 * a failure is a rejected promise. `transform` has enqueue(chunk), which may throw, error(reason) and terminate().
 */
function createTransform(transformer) {
  const transform = new Transform(transformer);
  setUpDefaultSides(transform);
  return { __proto__: null, transform, readable: exposeReadable(transform.readable), writable: exposeWritable(transform.writable) };
}

/** A ReadableStream of what an iterable or async iterable yields. */
const from = (iterable) => exposeReadable(readableFrom(iterable));

shield(HostSource, BytesSource, WholeSource, SharedBytesSource, Piece, Collector, Pump);
internals.streams = {
  __proto__: null,
  cancel, collect, consume, createConsumed, createHostReadable, createHostWritable, createMadeReadable, createTransform, detach, expectedLength,
  from, fromBytes, fromShared, fromWhole,
  hostClose, hostEnqueue, hostError, hostHandle, isClosed, isDisturbed, isErrored, isLocked, isReadableStream, madeOf, pump, readAll,
  takeHost, tee,
};
