"use strict";
// Readable streams proper: the stream, its reader, and the default controller
// (https://streams.spec.whatwg.org/#rs-abstract-ops). Requests to read are objects with the methods chunk(value),
// close(value) and error(reason), called at most once, and a `next` field for the queue they wait in.

const { PromiseReject, ReflectApply, TypeError } = internals.primordials;
const core = internals.streamCore;
const { ChunkQueue, LATER, LazyTypeError, PromiseSlot, Queue, callForNewPromise, callForPromise, chunkSize, settle, shield } = core;

const READABLE = 0;
const CLOSED = 1;
const ERRORED = 2;

class Readable {
  constructor() {
    this.state = READABLE;
    this.storedError = undefined;
    this.disturbed = false;
    this.reader = undefined;
    this.controller = undefined;
    // The ReadableStream, once there is one.
    this.public = undefined;
    // What the host gave to createHostReadable, or undefined.
    this.hostHandle = undefined;
    // How many bytes it will give, when that is known from the start, or undefined.
    this.expectedLength = undefined;
    // The handle of the host body that it gives wholly, be it as a branch of a tee, or undefined.
    this.wholeOf = undefined;
    // The whole body that it is made of, as long as nobody has read of it, or undefined.
    this.madeOf = undefined;
  }

  sameLengthAs(original) {
    const { expectedLength, madeOf } = original;
    this.expectedLength = madeOf === undefined ? expectedLength : internals.body.byteLength(madeOf);
    this.wholeOf = original.wholeOf;
  }

  /** Throws a TypeError when the stream is locked. A BYOB reader asks for a byte stream: the caller checks. */
  acquireReader(byob = false) {
    if (this.reader !== undefined) throw new TypeError("The ReadableStream is locked to a reader.");
    return new Reader(this, byob);
  }

  /** https://streams.spec.whatwg.org/#readable-stream-cancel: undefined or a promise. */
  cancel(reason) {
    this.disturbed = true;
    this.madeOf = undefined;
    if (this.state === CLOSED) return undefined;
    if (this.state === ERRORED) return PromiseReject(this.storedError);
    this.close();
    const { reader } = this;
    if (reader !== undefined && reader.byob) {
      const requests = reader.requests.takeAll();
      while (requests.head !== undefined) requests.shift().close(undefined);
    }
    return this.controller.cancelSteps(reason);
  }

  close() {
    this.state = CLOSED;
    const { reader } = this;
    if (reader === undefined) return;
    reader.closed.fulfill();
    if (reader.byob) return;
    const requests = reader.requests.takeAll();
    while (requests.head !== undefined) requests.shift().close(undefined);
  }

  error(reason) {
    this.state = ERRORED;
    this.storedError = reason;
    const { reader } = this;
    if (reader === undefined) return;
    reader.closed.fail(reason);
    reader.failRequests(reason);
  }

  /** How many requests wait at a reader of the given kind. */
  waiting(byob) {
    const { reader } = this;
    return reader === undefined || reader.byob !== byob ? 0 : reader.requests.length;
  }
}

class Reader {
  constructor(stream, byob) {
    this.stream = stream;
    this.byob = byob;
    this.requests = new Queue();
    this.closed = new PromiseSlot();
    stream.reader = this;
    if (stream.state === CLOSED) this.closed.fulfill();
    else if (stream.state === ERRORED) this.closed.fail(stream.storedError);
  }

  /** https://streams.spec.whatwg.org/#readable-stream-default-reader-read */
  read(request) {
    const { stream } = this;
    stream.disturbed = true;
    if (stream.state === READABLE) stream.controller.pullSteps(request);
    else if (stream.state === CLOSED) request.close(undefined);
    else request.error(stream.storedError);
  }

  /** https://streams.spec.whatwg.org/#readable-stream-byob-reader-read; `min` counts elements of the view. */
  readInto(view, min, request) {
    const { stream } = this;
    stream.disturbed = true;
    if (stream.state === ERRORED) request.error(stream.storedError);
    else stream.controller.pullInto(view, min, request);
  }

  /** Detaches the reader from its stream; requests that wait fail with a TypeError. */
  release() {
    const { stream } = this;
    this.closed.release(new LazyTypeError("The reader was released, so it cannot tell when the stream closes."));
    stream.controller.releaseSteps();
    stream.reader = undefined;
    this.stream = undefined;
    if (this.requests.head !== undefined) this.failRequests(new TypeError("The reader was released before the read finished."));
  }

  failRequests(reason) {
    const requests = this.requests.takeAll();
    while (requests.head !== undefined) requests.shift().error(reason);
  }
}

/**
 * What readable controllers share. A source has pull(controller) and cancel(reason); both return undefined (done), a
 * promise, or (pull only) LATER when it will call `controller.pulled` itself.
 */
class ReadableController {
  constructor(stream, source, highWaterMark) {
    this.stream = stream;
    this.source = source;
    this.highWaterMark = highWaterMark;
    this.started = false;
    this.closeRequested = false;
    this.pulling = false;
    this.pullAgain = false;
    this.public = undefined;
    this.pulled = undefined;
    this.pullFailed = undefined;
    stream.controller = this;
  }

  /** Ends set-up: from a microtask after the result of the source's start on, chunks may be pulled. */
  start(startResult) {
    settle(startResult, () => this.begin(), (reason) => this.error(reason));
  }

  begin() {
    this.started = true;
    this.callPullIfNeeded();
  }

  callPullIfNeeded() {
    if (!this.shouldCallPull()) return;
    if (this.pulling) {
      this.pullAgain = true;
      return;
    }
    this.pulling = true;
    if (this.pulled === undefined) this.makeReactions();
    const result = this.source.pull(this);
    if (result !== LATER) settle(result, this.pulled, this.pullFailed);
  }

  makeReactions() {
    this.pulled = () => {
      this.pulling = false;
      if (!this.pullAgain) return;
      this.pullAgain = false;
      this.callPullIfNeeded();
    };
    this.pullFailed = (reason) => this.error(reason);
  }

  canCloseOrEnqueue() {
    return !this.closeRequested && this.stream.state === READABLE;
  }

  /** Lets go of the source, whose methods may hold much memory. */
  clearAlgorithms() {
    this.source = undefined;
  }
}

/** https://streams.spec.whatwg.org/#rs-default-controller-class; `size` is undefined when every chunk counts 1. */
class DefaultController extends ReadableController {
  constructor(stream, source, highWaterMark, size) {
    super(stream, source, highWaterMark);
    this.size = size;
    this.queue = new ChunkQueue();
    // Whether chunks are cloned or transferred into it.
    this.owning = false;
  }

  pullSteps(request) {
    const { queue, stream } = this;
    if (queue.head === undefined) {
      stream.reader.requests.push(request);
      this.callPullIfNeeded();
      return;
    }
    const chunk = queue.dequeue();
    if (this.closeRequested && queue.head === undefined) {
      this.clearAlgorithms();
      stream.close();
    } else {
      this.callPullIfNeeded();
    }
    request.chunk(chunk);
  }

  cancelSteps(reason) {
    this.queue.reset();
    const result = this.source.cancel(reason);
    this.clearAlgorithms();
    return result;
  }

  releaseSteps() {}

  shouldCallPull() {
    if (!this.started || this.closeRequested || this.stream.state !== READABLE) return false;
    return this.stream.waiting(false) > 0 || this.desiredSize() > 0;
  }

  hasBackpressure() {
    return !this.shouldCallPull();
  }

  desiredSize() {
    if (this.stream.state === ERRORED) return null;
    return this.stream.state === CLOSED ? 0 : this.highWaterMark - this.queue.totalSize;
  }

  close() {
    if (!this.canCloseOrEnqueue()) return;
    this.closeRequested = true;
    if (this.queue.head !== undefined) return;
    this.clearAlgorithms();
    this.stream.close();
  }

  /** Closes the stream for the host's own code; see the byte controller. */
  end() {
    this.close();
  }

  /** Throws what the strategy throws, or a RangeError for its result; the stream has failed with it then. */
  enqueue(chunk) {
    if (!this.canCloseOrEnqueue()) return;
    const { stream } = this;
    if (stream.waiting(false) > 0) {
      stream.reader.requests.shift().chunk(chunk);
    } else {
      try {
        this.queue.enqueue(chunk, this.size === undefined ? 1 : chunkSize(this.size, chunk));
      } catch (error) {
        this.error(error);
        throw error;
      }
    }
    this.callPullIfNeeded();
  }

  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.queue.reset();
    this.clearAlgorithms();
    this.stream.error(reason);
  }

  clearAlgorithms() {
    this.source = undefined;
    this.size = undefined;
  }
}

/** A source made of a Worker's object (https://streams.spec.whatwg.org/#underlying-source-api). */
class WorkerSource {
  constructor(object, pull, cancel) {
    this.object = object;
    this.pullMethod = pull;
    this.cancelMethod = cancel;
  }

  pull(controller) {
    if (this.pullMethod === undefined) return undefined;
    return callForPromise(this.pullMethod, this.object, [core.exposeController(controller)]);
  }

  cancel(reason) {
    return this.cancelMethod === undefined ? undefined : callForNewPromise(this.cancelMethod, this.object, [reason]);
  }
}

/** Calls a Worker's start method; throws what it throws. */
function callStart(start, object, controller) {
  return start === undefined ? undefined : ReflectApply(start, object, [core.exposeController(controller)]);
}

/** A default stream whose source is the host's own code and starts at once. */
function createReadable(source, highWaterMark = 1, size = undefined) {
  const stream = new Readable();
  new DefaultController(stream, source, highWaterMark, size).start(undefined);
  return stream;
}

shield(Readable, Reader, ReadableController, WorkerSource);
Object.assign(core, {
  READABLE, CLOSED, ERRORED, Readable, ReadableController, DefaultController, WorkerSource, callStart, createReadable,
  // Set by the file of the interfaces: gives the controller a Worker sees.
  exposeController: undefined,
});
