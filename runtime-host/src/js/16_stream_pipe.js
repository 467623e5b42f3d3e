"use strict";
// Piping (https://streams.spec.whatwg.org/#readable-stream-pipe-to). A pipe reads with one request object that it uses
// again and again, and writes without promises: a counter tells when everything that was read has been written.

const { PromisePrototypeThen, Promise, TypeError } = internals.primordials;
const core = internals.streamCore;
const {
  CLOSED, Capability, ERRORED, READABLE, WRITABLE, WRITABLE_CLOSED, WRITABLE_ERRORED, microtask, noop, settle, shield,
  toPromise,
} = core;

/** The pipe's end of a read. */
class PipeReadRequest {
  constructor(pipe) {
    this.pipe = pipe;
    this.next = undefined;
  }

  chunk(chunk) {
    this.pipe.receive(chunk);
  }

  // The promise `closed` of the reader tells the pipe of both.
  close() {
    this.pipe.reading = false;
  }

  error() {
    this.pipe.reading = false;
  }
}

/** The pipe's end of a write; a failure reaches the pipe through the promise `closed` of the writer. */
class PipeWriteRequest {
  constructor(pipe) {
    this.pipe = pipe;
    this.next = undefined;
  }

  fulfill() {
    this.pipe.wrote();
  }

  reject() {
    this.pipe.wrote();
  }
}

class Pipe {
  constructor(source, destination, options, capability) {
    this.source = source;
    this.destination = destination;
    this.options = options;
    // Undefined when nobody looks at the outcome.
    this.capability = capability;
    this.reader = source.acquireReader();
    this.writer = destination.acquireWriter();
    this.request = new PipeReadRequest(this);
    this.abortAlgorithm = undefined;
    // A read waits for its chunk; `inRead` while the call that asks for it runs.
    this.reading = false;
    this.inRead = false;
    this.hasChunk = false;
    this.chunk = undefined;
    // Chunks that were read and whose writes have not settled.
    this.pendingWrites = 0;
    this.shuttingDown = false;
    this.ended = false;
    this.afterWrites = undefined;
    this.pump = () => this.run();
    source.disturbed = true;
  }

  start() {
    const { signal } = this.options;
    if (signal !== undefined) {
      this.abortAlgorithm = () => this.abort(internals.abort.reason(signal));
      if (internals.abort.isAborted(signal)) {
        this.abortAlgorithm();
        return;
      }
      internals.abort.add(signal, this.abortAlgorithm);
    }
    this.watch();
    if (this.shuttingDown) return;
    this.writer.onReady = () => microtask(this.pump);
    microtask(this.pump);
  }

  // ---- Conditions that end the pipe, in the order of the standard ----

  watch() {
    const { destination, reader, source, writer } = this;
    if (source.state === ERRORED) this.sourceFailed();
    if (destination.state === WRITABLE_ERRORED) this.destinationFailed();
    if (source.state === CLOSED) this.sourceClosed();
    if (destination.closeQueuedOrInFlight() || destination.state === WRITABLE_CLOSED) this.destinationClosed();
    if (this.shuttingDown) return;
    PromisePrototypeThen(reader.closed.get(), () => this.sourceClosed(), () => this.sourceFailed());
    PromisePrototypeThen(writer.closed.get(), noop, () => this.destinationFailed());
  }

  sourceFailed() {
    const { destination, options, source } = this;
    this.shutDown(options.preventAbort ? undefined : () => destination.abort(source.storedError), true, source.storedError);
  }

  destinationFailed() {
    const { destination, options, source } = this;
    const error = destination.storedError;
    this.shutDown(options.preventCancel ? undefined : () => source.cancel(error), true, error);
  }

  sourceClosed() {
    const { options, writer } = this;
    this.shutDown(options.preventClose ? undefined : () => writer.closeWithErrorPropagation(), false, undefined);
  }

  destinationClosed() {
    const { options, source } = this;
    const error = new TypeError("The destination WritableStream is closing or closed, so nothing can be piped to it.");
    this.shutDown(options.preventCancel ? undefined : () => source.cancel(error), true, error);
  }

  abort(reason) {
    const { destination, options, source } = this;
    const action = () => {
      const aborted = !options.preventAbort && destination.state === WRITABLE ? destination.abort(reason) : undefined;
      const canceled = !options.preventCancel && source.state === READABLE ? toPromise(source.cancel(reason)) : undefined;
      return both(aborted, canceled);
    };
    this.shutDown(action, true, reason);
  }

  // ---- Chunks ----

  /** Reads and writes until the destination is full or the source has nothing ready. */
  run() {
    while (!this.shuttingDown && !this.reading && !this.hasChunk && this.writer.desiredSize() > 0) {
      this.reading = true;
      this.inRead = true;
      this.reader.read(this.request);
      this.inRead = false;
      if (!this.hasChunk) return;
      this.writePending();
    }
  }

  receive(chunk) {
    this.reading = false;
    this.hasChunk = true;
    this.chunk = chunk;
    this.pendingWrites++;
    if (this.inRead) return;
    // The source is inside enqueue(): the sink must not run there.
    microtask(() => {
      this.writePending();
      this.run();
    });
  }

  writePending() {
    const { chunk } = this;
    this.hasChunk = false;
    this.chunk = undefined;
    // The pipe may have ended between the arrival of the chunk and now.
    if (this.writer.stream === undefined) return;
    this.writer.write(chunk, new PipeWriteRequest(this));
  }

  wrote() {
    this.pendingWrites--;
    if (this.pendingWrites === 0 && this.afterWrites !== undefined) microtask(this.afterWrites);
  }

  // ---- The end ----

  shutDown(action, failed, error) {
    if (this.shuttingDown) return;
    this.shuttingDown = true;
    const { destination } = this;
    const mustWait = destination.state === WRITABLE && !destination.closeQueuedOrInFlight();
    const finish = () => {
      // A write may have been added since; then its end comes here again.
      if (this.ended || (mustWait && this.pendingWrites > 0)) return;
      this.ended = true;
      if (action === undefined) this.finalize(failed, error);
      else settle(action(), () => this.finalize(failed, error), (newError) => this.finalize(true, newError));
    };
    if (!mustWait) {
      finish();
      return;
    }
    this.afterWrites = finish;
    if (this.pendingWrites === 0) microtask(finish);
  }

  finalize(failed, error) {
    this.writer.onReady = undefined;
    this.writer.release();
    this.reader.release();
    if (this.abortAlgorithm !== undefined) internals.abort.remove(this.options.signal, this.abortAlgorithm);
    if (this.capability === undefined) return;
    if (failed) this.capability.reject(error);
    else this.capability.resolve(undefined);
  }
}

/** Waits for two results of algorithms; fails as soon as one does. */
function both(first, second) {
  if (first === undefined) return second;
  if (second === undefined) return first;
  return new Promise((resolve, reject) => {
    let left = 2;
    const done = () => {
      if (--left === 0) resolve(undefined);
    };
    PromisePrototypeThen(first, done, reject);
    PromisePrototypeThen(second, done, reject);
  });
}

shield(Pipe, PipeReadRequest, PipeWriteRequest);

/**
 * Pipes one stream proper into another; neither may be locked. `options`: preventClose, preventAbort, preventCancel and
 * signal (an AbortSignal or undefined). Returns a promise only when `wantsPromise`.
 */
core.pipe = (source, destination, options, wantsPromise) => {
  const capability = wantsPromise ? new Capability() : undefined;
  new Pipe(source, destination, options, capability).start();
  return capability?.promise;
};
