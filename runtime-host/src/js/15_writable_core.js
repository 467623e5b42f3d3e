"use strict";
// Writable streams proper: the stream, its writer and its controller (https://streams.spec.whatwg.org/#ws-abstract-ops).
// Requests to write are objects with the methods fulfill() and reject(error), called at most once, and a `next` field for
// the queue they wait in.

const { PromiseReject, TypeError } = internals.primordials;
const core = internals.streamCore;
const {
  Capability, ChunkQueue, LATER, LazyTypeError, PromiseSlot, Queue, callForNewPromise, callForPromise, chunkSize, settle, shield,
} = core;

const WRITABLE = 0;
const CLOSED = 1;
const ERRORING = 2;
const ERRORED = 3;

// In the queue this stands for the end of the stream.
const CLOSE_SENTINEL = { __proto__: null };

class Writable {
  constructor() {
    this.state = WRITABLE;
    this.storedError = undefined;
    this.backpressure = false;
    this.controller = undefined;
    this.writer = undefined;
    this.writeRequests = new Queue();
    this.inFlightWrite = undefined;
    // Capabilities of the promise of close(), before and while the sink closes.
    this.closeRequest = undefined;
    this.inFlightClose = undefined;
    // { capability, reason, wasAlreadyErroring }
    this.pendingAbort = undefined;
    this.public = undefined;
  }

  acquireWriter() {
    if (this.writer !== undefined) throw new TypeError("The WritableStream is locked to a writer.");
    return new Writer(this);
  }

  closeQueuedOrInFlight() {
    return this.closeRequest !== undefined || this.inFlightClose !== undefined;
  }

  /** https://streams.spec.whatwg.org/#writable-stream-abort: undefined or a promise. */
  abort(reason) {
    if (this.state === CLOSED || this.state === ERRORED) return undefined;
    this.controller.signalAbort(reason);
    // Listeners of the signal have run: the state may be another.
    if (this.state === CLOSED || this.state === ERRORED) return undefined;
    if (this.pendingAbort !== undefined) return this.pendingAbort.capability.promise;
    const wasAlreadyErroring = this.state === ERRORING;
    const capability = new Capability();
    this.pendingAbort = { capability, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
    if (!wasAlreadyErroring) this.startErroring(reason);
    return capability.promise;
  }

  /** A promise; rejected with a TypeError when the stream is closed or failed. */
  close() {
    if (this.state === CLOSED || this.state === ERRORED) {
      return PromiseReject(new TypeError("The WritableStream is closed or failed, so it cannot be closed."));
    }
    this.closeRequest = new Capability();
    const { promise } = this.closeRequest;
    if (this.writer !== undefined && this.backpressure && this.state === WRITABLE) this.writer.becomeReady();
    this.controller.close();
    return promise;
  }

  startErroring(reason) {
    const { controller, writer } = this;
    this.state = ERRORING;
    this.storedError = reason;
    if (writer !== undefined) writer.ready.fail(reason);
    if (this.inFlightWrite === undefined && this.inFlightClose === undefined && controller.started) this.finishErroring();
  }

  finishErroring() {
    this.state = ERRORED;
    this.controller.queue.reset();
    const reason = this.storedError;
    const requests = this.writeRequests.takeAll();
    while (requests.head !== undefined) requests.shift().reject(reason);
    const abort = this.pendingAbort;
    if (abort === undefined) {
      this.rejectCloseAndClosed();
      return;
    }
    this.pendingAbort = undefined;
    const { capability } = abort;
    if (abort.wasAlreadyErroring) {
      capability.reject(reason);
      this.rejectCloseAndClosed();
      return;
    }
    settle(
      this.controller.abortSteps(abort.reason),
      () => {
        capability.resolve(undefined);
        this.rejectCloseAndClosed();
      },
      (error) => {
        capability.reject(error);
        this.rejectCloseAndClosed();
      },
    );
  }

  dealWithRejection(error) {
    if (this.state === WRITABLE) this.startErroring(error);
    else this.finishErroring();
  }

  rejectCloseAndClosed() {
    if (this.closeRequest !== undefined) {
      this.closeRequest.reject(this.storedError);
      this.closeRequest = undefined;
    }
    if (this.writer !== undefined) this.writer.closed.fail(this.storedError);
  }

  finishInFlightWrite() {
    const request = this.inFlightWrite;
    this.inFlightWrite = undefined;
    request.fulfill();
  }

  finishInFlightWriteWithError(error) {
    const request = this.inFlightWrite;
    this.inFlightWrite = undefined;
    request.reject(error);
    this.dealWithRejection(error);
  }

  finishInFlightClose() {
    this.inFlightClose.resolve(undefined);
    this.inFlightClose = undefined;
    if (this.state === ERRORING) {
      // The error came too late to matter.
      this.storedError = undefined;
      if (this.pendingAbort !== undefined) {
        this.pendingAbort.capability.resolve(undefined);
        this.pendingAbort = undefined;
      }
    }
    this.state = CLOSED;
    if (this.writer !== undefined) this.writer.closed.fulfill();
  }

  finishInFlightCloseWithError(error) {
    this.inFlightClose.reject(error);
    this.inFlightClose = undefined;
    if (this.pendingAbort !== undefined) {
      this.pendingAbort.capability.reject(error);
      this.pendingAbort = undefined;
    }
    this.dealWithRejection(error);
  }

  updateBackpressure(backpressure) {
    const { writer } = this;
    const changed = backpressure !== this.backpressure;
    this.backpressure = backpressure;
    if (writer === undefined || !changed) return;
    if (backpressure) writer.ready.reset();
    else writer.becomeReady();
  }
}

/** https://streams.spec.whatwg.org/#set-up-writable-stream-default-writer */
class Writer {
  constructor(stream) {
    this.stream = stream;
    this.ready = new PromiseSlot();
    this.closed = new PromiseSlot();
    // For the host's own code: called when back-pressure ends, where `ready` is fulfilled.
    this.onReady = undefined;
    this.public = undefined;
    stream.writer = this;
    if (stream.state === WRITABLE) {
      if (stream.closeQueuedOrInFlight() || !stream.backpressure) this.ready.fulfill();
    } else if (stream.state === CLOSED) {
      this.ready.fulfill();
      this.closed.fulfill();
    } else {
      this.ready.fail(stream.storedError);
      if (stream.state === ERRORED) this.closed.fail(stream.storedError);
    }
  }

  becomeReady() {
    this.ready.fulfill();
    if (this.onReady !== undefined) this.onReady();
  }

  desiredSize() {
    const { stream } = this;
    if (stream.state === ERRORED || stream.state === ERRORING) return null;
    return stream.state === CLOSED ? 0 : stream.controller.desiredSize();
  }

  /** https://streams.spec.whatwg.org/#writable-stream-default-writer-write */
  write(chunk, request) {
    const { stream } = this;
    const { controller } = stream;
    const size = controller.chunkSize(chunk);
    // The strategy may have released the writer or changed the state.
    if (stream !== this.stream) {
      request.reject(new TypeError("The writer was released."));
    } else if (stream.state === ERRORED || (stream.state === ERRORING && !stream.closeQueuedOrInFlight())) {
      request.reject(stream.storedError);
    } else if (stream.state === CLOSED || stream.closeQueuedOrInFlight()) {
      request.reject(new TypeError("The WritableStream is closing or closed, so nothing can be written to it."));
    } else {
      stream.writeRequests.push(request);
      controller.write(chunk, size);
    }
  }

  /** Closes the stream unless it is closed already; undefined or a promise. */
  closeWithErrorPropagation() {
    const { stream } = this;
    if (stream.closeQueuedOrInFlight() || stream.state === CLOSED) return undefined;
    return stream.state === ERRORED ? PromiseReject(stream.storedError) : stream.close();
  }

  release() {
    const { stream } = this;
    const error = new LazyTypeError("The writer was released, so it cannot tell about the stream any more.");
    this.ready.release(error);
    this.closed.release(error);
    stream.writer = undefined;
    this.stream = undefined;
  }
}

/**
 * The controller proper. A sink has write(chunk, controller), close(), abort(reason), each returning undefined (done) or a
 * promise; write may return LATER when it will call `controller.written` or `controller.writeFailed(error)` itself.
 */
class WritableController {
  constructor(stream, sink, highWaterMark, size) {
    this.stream = stream;
    this.sink = sink;
    this.highWaterMark = highWaterMark;
    this.size = size;
    this.queue = new ChunkQueue();
    this.started = false;
    // The AbortSignal, once a Worker asks for it; until then what it would tell.
    this.signal = undefined;
    this.aborted = false;
    this.abortReason = undefined;
    this.written = undefined;
    this.writeFailed = undefined;
    this.public = undefined;
    stream.controller = this;
    stream.updateBackpressure(this.hasBackpressure());
  }

  start(startResult) {
    settle(
      startResult,
      () => {
        this.started = true;
        this.advanceQueueIfNeeded();
      },
      (reason) => {
        this.started = true;
        this.stream.dealWithRejection(reason);
      },
    );
  }

  desiredSize() {
    return this.highWaterMark - this.queue.totalSize;
  }

  hasBackpressure() {
    return this.desiredSize() <= 0;
  }

  chunkSize(chunk) {
    if (this.size === undefined) return 1;
    try {
      return chunkSize(this.size, chunk);
    } catch (error) {
      this.errorIfNeeded(error);
      return 1;
    }
  }

  write(chunk, size) {
    try {
      this.queue.enqueue(chunk, size);
    } catch (error) {
      this.errorIfNeeded(error);
      return;
    }
    const { stream } = this;
    if (!stream.closeQueuedOrInFlight() && stream.state === WRITABLE) stream.updateBackpressure(this.hasBackpressure());
    this.advanceQueueIfNeeded();
  }

  close() {
    this.queue.enqueue(CLOSE_SENTINEL, 0);
    this.advanceQueueIfNeeded();
  }

  advanceQueueIfNeeded() {
    const { stream } = this;
    if (!this.started || stream.inFlightWrite !== undefined) return;
    if (stream.state === ERRORING) {
      stream.finishErroring();
      return;
    }
    const { head } = this.queue;
    if (head === undefined) return;
    if (head.value === CLOSE_SENTINEL) this.processClose();
    else this.processWrite(head.value);
  }

  processClose() {
    const { stream } = this;
    stream.inFlightClose = stream.closeRequest;
    stream.closeRequest = undefined;
    this.queue.dequeue();
    const result = this.sink.close();
    this.clearAlgorithms();
    settle(result, () => stream.finishInFlightClose(), (error) => stream.finishInFlightCloseWithError(error));
  }

  processWrite(chunk) {
    const { stream } = this;
    if (this.written === undefined) this.makeReactions();
    stream.inFlightWrite = stream.writeRequests.shift();
    const result = this.sink.write(chunk, this);
    if (result !== LATER) settle(result, this.written, this.writeFailed);
  }

  makeReactions() {
    const { stream } = this;
    this.written = () => {
      stream.finishInFlightWrite();
      this.queue.dequeue();
      if (!stream.closeQueuedOrInFlight() && stream.state === WRITABLE) stream.updateBackpressure(this.hasBackpressure());
      this.advanceQueueIfNeeded();
    };
    this.writeFailed = (error) => {
      if (stream.state === WRITABLE) this.clearAlgorithms();
      stream.finishInFlightWriteWithError(error);
    };
  }

  abortSteps(reason) {
    const result = this.sink.abort(reason);
    this.clearAlgorithms();
    return result;
  }

  error(reason) {
    this.clearAlgorithms();
    this.stream.startErroring(reason);
  }

  errorIfNeeded(reason) {
    if (this.stream.state === WRITABLE) this.error(reason);
  }

  /** Lets go of the sink, whose methods may hold much memory. */
  clearAlgorithms() {
    this.sink = undefined;
    this.size = undefined;
  }

  signalAbort(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.abortReason = reason;
    if (this.signal !== undefined) internals.abort.signalAbort(this.signal, reason);
  }

  getSignal() {
    if (this.signal === undefined) {
      this.signal = internals.abort.create();
      if (this.aborted) internals.abort.signalAbort(this.signal, this.abortReason);
    }
    return this.signal;
  }
}

/** A sink made of a Worker's object (https://streams.spec.whatwg.org/#underlying-sink-api). */
class WorkerSink {
  constructor(object, write, close, abort) {
    this.object = object;
    this.writeMethod = write;
    this.closeMethod = close;
    this.abortMethod = abort;
  }

  write(chunk, controller) {
    if (this.writeMethod === undefined) return undefined;
    return callForPromise(this.writeMethod, this.object, [chunk, core.exposeWritableController(controller)]);
  }

  close() {
    return this.closeMethod === undefined ? undefined : callForNewPromise(this.closeMethod, this.object, []);
  }

  abort(reason) {
    return this.abortMethod === undefined ? undefined : callForNewPromise(this.abortMethod, this.object, [reason]);
  }
}

/** A stream whose sink is the host's own code; the caller starts its controller. */
function createWritable(sink, highWaterMark = 1, size = undefined) {
  const stream = new Writable();
  new WritableController(stream, sink, highWaterMark, size);
  return stream;
}

shield(Writable, Writer, WritableController, WorkerSink);
Object.assign(core, {
  WRITABLE, WRITABLE_CLOSED: CLOSED, ERRORING, WRITABLE_ERRORED: ERRORED, Writable, WritableController, WorkerSink, createWritable,
  // Set by the file of the interfaces: gives the controller a Worker sees.
  exposeWritableController: undefined,
});
