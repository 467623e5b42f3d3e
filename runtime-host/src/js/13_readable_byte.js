"use strict";
// The byte controller (https://streams.spec.whatwg.org/#rbs-controller-abstract-ops) and the memory it moves: chunks
// that go in or come out change owner by transferring their ArrayBuffer.

const {
  ArrayBuffer, ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayBufferPrototypeGetResizable,
  ArrayBufferPrototypeTransfer, DataView, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset,
  MathMin, RangeError, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint8Array,
} = internals.primordials;
const { isArrayBuffer } = internals.webidl;
const core = internals.streamCore;
const { CLOSED, ERRORED, Queue, READABLE, Readable, ReadableController, shield } = core;

// ---- Views ----

// Name of a view's type -> its constructor and the bytes of an element.
const viewTypes = { __proto__: null, DataView: { construct: DataView, elementSize: 1 } };
function addViewType(name) {
  const construct = globalThis[name];
  viewTypes[name] = { construct, elementSize: construct.BYTES_PER_ELEMENT };
}
// Float16Array is added when an isolate starts: a snapshot is made without it.
for (const name of [
  "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "BigInt64Array",
  "BigUint64Array", "Float32Array", "Float64Array",
]) addViewType(name);

const typeOfView = (view) => viewTypes[TypedArrayPrototypeGetSymbolToStringTag(view) ?? "DataView"];
const isDataView = (view) => TypedArrayPrototypeGetSymbolToStringTag(view) === undefined;
const bufferOf = (view) => (isDataView(view) ? DataViewPrototypeGetBuffer(view) : TypedArrayPrototypeGetBuffer(view));
const offsetOf = (view) => (isDataView(view) ? DataViewPrototypeGetByteOffset(view) : TypedArrayPrototypeGetByteOffset(view));
/** Bytes of a view. Throws a TypeError for a DataView of a detached buffer. */
const lengthOf = (view) => (isDataView(view) ? DataViewPrototypeGetByteLength(view) : TypedArrayPrototypeGetByteLength(view));

/** Web IDL's ArrayBufferView: throws a TypeError for other values and for shared or resizable memory. */
function requireView(view, prefix) {
  if (!ArrayBufferIsView(view)) throw new TypeError(`${prefix}: parameter 1 is not of type 'ArrayBufferView'.`);
  const buffer = bufferOf(view);
  if (!isArrayBuffer(buffer)) {
    throw new TypeError(`${prefix}: parameter 1 must not be backed by a SharedArrayBuffer.`);
  }
  if (ArrayBufferPrototypeGetResizable(buffer)) {
    throw new TypeError(`${prefix}: parameter 1 must not be backed by a resizable ArrayBuffer.`);
  }
}

/** A copy with a buffer of its own. */
function copyBytes(buffer, byteOffset, byteLength) {
  const copy = new Uint8Array(byteLength);
  TypedArrayPrototypeSet(copy, new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}

// ---- Queues ----

/** Bytes that wait for a reader. `view` is set while it is exactly these bytes and no Worker has seen it. */
class ByteEntry {
  constructor(buffer, byteOffset, byteLength, view) {
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.view = view;
    this.next = undefined;
  }
}

const FOR_NOBODY = 0;
const FOR_DEFAULT = 1;
const FOR_BYOB = 2;

/** Memory that waits to be filled (https://streams.spec.whatwg.org/#pull-into-descriptor). All lengths are in bytes. */
class PullInto {
  constructor(buffer, byteOffset, byteLength, minimumFill, type, readerType) {
    this.buffer = buffer;
    this.bufferByteLength = ArrayBufferPrototypeGetByteLength(buffer);
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.bytesFilled = 0;
    this.minimumFill = minimumFill;
    this.type = type;
    this.readerType = readerType;
    this.next = undefined;
  }

  /** Takes ownership of what was filled, as a view of the type asked for. */
  toView() {
    const { construct, elementSize } = this.type;
    return new construct(ArrayBufferPrototypeTransfer(this.buffer), this.byteOffset, this.bytesFilled / elementSize);
  }
}

// ---- The controller ----

class ByteController extends ReadableController {
  constructor(stream, source, highWaterMark, autoAllocateChunkSize) {
    super(stream, source, highWaterMark);
    this.autoAllocateChunkSize = autoAllocateChunkSize;
    this.queue = new Queue();
    this.queueSize = 0;
    this.pullIntos = new Queue();
    // The request that stands for the first of `pullIntos`, once it is asked for.
    this.byobRequest = undefined;
  }

  // ---- What the stream calls ----

  pullSteps(request) {
    if (this.queueSize > 0) {
      this.fillFromQueue(request);
      return;
    }
    if (this.autoAllocateChunkSize !== undefined) {
      let buffer;
      try {
        buffer = new ArrayBuffer(this.autoAllocateChunkSize);
      } catch (error) {
        request.error(error);
        return;
      }
      this.pullIntos.push(new PullInto(buffer, 0, this.autoAllocateChunkSize, 1, viewTypes.Uint8Array, FOR_DEFAULT));
    }
    this.stream.reader.requests.push(request);
    this.callPullIfNeeded();
  }

  pullInto(view, min, request) {
    const type = typeOfView(view);
    const byteOffset = offsetOf(view);
    const byteLength = lengthOf(view);
    let buffer;
    try {
      buffer = ArrayBufferPrototypeTransfer(bufferOf(view));
    } catch (error) {
      request.error(error);
      return;
    }
    const descriptor = new PullInto(buffer, byteOffset, byteLength, min * type.elementSize, type, FOR_BYOB);
    const { requests } = this.stream.reader;
    if (this.pullIntos.head !== undefined) {
      this.pullIntos.push(descriptor);
      requests.push(request);
      return;
    }
    if (this.stream.state === CLOSED) {
      request.close(new type.construct(buffer, byteOffset, 0));
      return;
    }
    if (this.queueSize > 0) {
      if (this.fillDescriptor(descriptor)) {
        const filled = descriptor.toView();
        this.handleQueueDrain();
        request.chunk(filled);
        return;
      }
      if (this.closeRequested) {
        const error = new TypeError("The stream ended in the middle of an element of the view.");
        this.error(error);
        request.error(error);
        return;
      }
    }
    this.pullIntos.push(descriptor);
    requests.push(request);
    this.callPullIfNeeded();
  }

  cancelSteps(reason) {
    this.clearPullIntos();
    this.resetQueue();
    const result = this.source.cancel(reason);
    this.clearAlgorithms();
    return result;
  }

  releaseSteps() {
    const first = this.pullIntos.head;
    if (first === undefined) return;
    first.readerType = FOR_NOBODY;
    this.pullIntos.clear();
    first.next = undefined;
    this.pullIntos.push(first);
  }

  // ---- What the source calls ----

  /** Throws a TypeError when the stream ends in the middle of an element; it has failed with it then. */
  close() {
    if (!this.canCloseOrEnqueue()) return;
    if (this.queueSize > 0) {
      this.closeRequested = true;
      return;
    }
    const first = this.pullIntos.head;
    if (first !== undefined && first.bytesFilled % first.type.elementSize !== 0) {
      const error = new TypeError("The stream ended in the middle of an element of the view.");
      this.error(error);
      throw error;
    }
    this.clearAlgorithms();
    this.stream.close();
  }

  /**
   * Closes the stream for the host's own code, which never looks at BYOB requests: those that wait are answered. An end in
   * the middle of an element does not throw: the stream has failed with that error.
   */
  end() {
    try {
      this.close();
    } catch {
      return;
    }
    if (this.stream.state === CLOSED && this.pullIntos.head !== undefined) this.respond(0);
  }

  /** Takes over a view's memory. Throws a TypeError when that memory cannot change owner. */
  enqueue(view) {
    if (!this.canCloseOrEnqueue()) return;
    const buffer = bufferOf(view);
    if (ArrayBufferPrototypeGetDetached(buffer)) throw new TypeError("The buffer of the chunk is detached.");
    const byteOffset = offsetOf(view);
    const byteLength = lengthOf(view);
    this.enqueueOwned(ArrayBufferPrototypeTransfer(buffer), byteOffset, byteLength, undefined);
  }

  /** The same for memory no Worker holds, which is not transferred; `view` may be the Uint8Array of these bytes. */
  enqueueOwned(buffer, byteOffset, byteLength, view) {
    if (!this.canCloseOrEnqueue()) return;
    const { stream } = this;
    const first = this.pullIntos.head;
    if (first !== undefined) {
      if (ArrayBufferPrototypeGetDetached(first.buffer)) throw new TypeError("The buffer of the BYOB request is detached.");
      this.invalidateByobRequest();
      first.buffer = ArrayBufferPrototypeTransfer(first.buffer);
      if (first.readerType === FOR_NOBODY) this.enqueueDetachedPullInto(first);
    }
    const { reader } = stream;
    if (reader === undefined) {
      this.pushEntry(buffer, byteOffset, byteLength, view);
    } else if (reader.byob) {
      this.pushEntry(buffer, byteOffset, byteLength, view);
      this.commitAll(this.processPullIntos());
    } else {
      this.processReadRequests(reader);
      if (reader.requests.head === undefined) {
        this.pushEntry(buffer, byteOffset, byteLength, view);
      } else {
        if (this.pullIntos.head !== undefined) this.pullIntos.shift();
        reader.requests.shift().chunk(view ?? new Uint8Array(buffer, byteOffset, byteLength));
      }
    }
    this.callPullIfNeeded();
  }

  error(reason) {
    if (this.stream.state !== READABLE) return;
    this.clearPullIntos();
    this.resetQueue();
    this.clearAlgorithms();
    this.stream.error(reason);
  }

  /** The first pull-into's free part as a request for Workers, or null. */
  getByobRequest() {
    const first = this.pullIntos.head;
    if (this.byobRequest === undefined && first !== undefined) {
      const { buffer, byteOffset, byteLength, bytesFilled } = first;
      this.byobRequest = new ByobRequest(this, new Uint8Array(buffer, byteOffset + bytesFilled, byteLength - bytesFilled));
    }
    return this.byobRequest ?? null;
  }

  respond(bytesWritten) {
    const first = this.pullIntos.head;
    if (this.stream.state === CLOSED) {
      if (bytesWritten !== 0) throw new TypeError("bytesWritten must be 0: the stream is closed.");
    } else {
      if (bytesWritten === 0) throw new TypeError("bytesWritten must be greater than 0 while the stream is readable.");
      if (first.bytesFilled + bytesWritten > first.byteLength) throw new RangeError("bytesWritten is larger than the view.");
    }
    first.buffer = ArrayBufferPrototypeTransfer(first.buffer);
    this.respondInternal(bytesWritten);
  }

  respondWithNewView(view) {
    const first = this.pullIntos.head;
    const byteLength = lengthOf(view);
    const buffer = bufferOf(view);
    if (this.stream.state === CLOSED) {
      if (byteLength !== 0) throw new TypeError("The view must be empty: the stream is closed.");
    } else if (byteLength === 0) {
      throw new TypeError("The view must not be empty while the stream is readable.");
    }
    if (first.byteOffset + first.bytesFilled !== offsetOf(view)) {
      throw new RangeError("The view does not start where the view of the BYOB request starts.");
    }
    if (first.bufferByteLength !== ArrayBufferPrototypeGetByteLength(buffer)) {
      throw new RangeError("The view's buffer is not as large as that of the BYOB request.");
    }
    if (first.bytesFilled + byteLength > first.byteLength) {
      throw new RangeError("The view is larger than the view of the BYOB request.");
    }
    first.buffer = ArrayBufferPrototypeTransfer(buffer);
    this.respondInternal(byteLength);
  }

  // ---- State ----

  shouldCallPull() {
    if (!this.started || this.closeRequested || this.stream.state !== READABLE) return false;
    const { reader } = this.stream;
    return (reader !== undefined && reader.requests.length > 0) || this.highWaterMark - this.queueSize > 0;
  }

  hasBackpressure() {
    return !this.shouldCallPull();
  }

  desiredSize() {
    if (this.stream.state === ERRORED) return null;
    return this.stream.state === CLOSED ? 0 : this.highWaterMark - this.queueSize;
  }

  invalidateByobRequest() {
    if (this.byobRequest === undefined) return;
    this.byobRequest.controller = undefined;
    this.byobRequest.view = null;
    this.byobRequest = undefined;
  }

  clearPullIntos() {
    this.invalidateByobRequest();
    this.pullIntos.clear();
  }

  resetQueue() {
    this.queue.clear();
    this.queueSize = 0;
  }

  // ---- Bytes from the queue ----

  pushEntry(buffer, byteOffset, byteLength, view) {
    this.queue.push(new ByteEntry(buffer, byteOffset, byteLength, view));
    this.queueSize += byteLength;
  }

  /** Queues a copy of bytes whose memory is given back; on failure the stream fails, and it throws. */
  pushCopy(buffer, byteOffset, byteLength) {
    let copy;
    try {
      copy = copyBytes(buffer, byteOffset, byteLength);
    } catch (error) {
      this.error(error);
      throw error;
    }
    this.pushEntry(TypedArrayPrototypeGetBuffer(copy), 0, byteLength, copy);
  }

  handleQueueDrain() {
    if (this.queueSize === 0 && this.closeRequested) {
      this.clearAlgorithms();
      this.stream.close();
    } else {
      this.callPullIfNeeded();
    }
  }

  fillFromQueue(request) {
    const entry = this.queue.shift();
    this.queueSize -= entry.byteLength;
    this.handleQueueDrain();
    request.chunk(entry.view ?? new Uint8Array(entry.buffer, entry.byteOffset, entry.byteLength));
  }

  processReadRequests(reader) {
    while (reader.requests.head !== undefined && this.queueSize > 0) this.fillFromQueue(reader.requests.shift());
  }

  /** Copies what the queue has into a pull-into; true when it is filled enough to be handed out. */
  fillDescriptor(descriptor) {
    const { bytesFilled } = descriptor;
    let left = MathMin(this.queueSize, descriptor.byteLength - bytesFilled);
    const filled = bytesFilled + left;
    const aligned = filled - (filled % descriptor.type.elementSize);
    const ready = aligned >= descriptor.minimumFill;
    if (ready) left = aligned - bytesFilled;
    while (left > 0) {
      const entry = this.queue.head;
      const count = MathMin(left, entry.byteLength);
      TypedArrayPrototypeSet(
        new Uint8Array(descriptor.buffer, descriptor.byteOffset + descriptor.bytesFilled, count),
        new Uint8Array(entry.buffer, entry.byteOffset, count),
      );
      if (count === entry.byteLength) {
        this.queue.shift();
      } else {
        entry.byteOffset += count;
        entry.byteLength -= count;
        entry.view = undefined;
      }
      this.queueSize -= count;
      descriptor.bytesFilled += count;
      left -= count;
    }
    return ready;
  }

  /** Fills as many pull-intos as the queue can, and takes these out. */
  processPullIntos() {
    const filled = new Queue();
    while (this.pullIntos.head !== undefined && this.queueSize > 0) {
      if (this.fillDescriptor(this.pullIntos.head)) filled.push(this.pullIntos.shift());
    }
    return filled;
  }

  // ---- Answers ----

  commit(descriptor) {
    const { reader, state } = this.stream;
    const view = descriptor.toView();
    const request = reader.requests.shift();
    if (state === CLOSED) request.close(descriptor.readerType === FOR_DEFAULT ? undefined : view);
    else request.chunk(view);
  }

  commitAll(descriptors) {
    while (descriptors.head !== undefined) this.commit(descriptors.shift());
  }

  /** Bytes a released reader asked for are kept for the next one. */
  enqueueDetachedPullInto(descriptor) {
    if (descriptor.bytesFilled > 0) this.pushCopy(descriptor.buffer, descriptor.byteOffset, descriptor.bytesFilled);
    this.pullIntos.shift();
  }

  respondInternal(bytesWritten) {
    const first = this.pullIntos.head;
    this.invalidateByobRequest();
    if (this.stream.state === CLOSED) this.respondInClosedState(first);
    else this.respondInReadableState(bytesWritten, first);
    this.callPullIfNeeded();
  }

  respondInClosedState(first) {
    if (first.readerType === FOR_NOBODY) this.pullIntos.shift();
    const filled = new Queue();
    const waiting = this.stream.waiting(true);
    while (filled.length < waiting) filled.push(this.pullIntos.shift());
    this.commitAll(filled);
  }

  respondInReadableState(bytesWritten, descriptor) {
    descriptor.bytesFilled += bytesWritten;
    if (descriptor.readerType === FOR_NOBODY) {
      this.enqueueDetachedPullInto(descriptor);
      this.commitAll(this.processPullIntos());
      return;
    }
    if (descriptor.bytesFilled < descriptor.minimumFill) return;
    this.pullIntos.shift();
    const rest = descriptor.bytesFilled % descriptor.type.elementSize;
    if (rest > 0) {
      this.pushCopy(descriptor.buffer, descriptor.byteOffset + descriptor.bytesFilled - rest, rest);
      descriptor.bytesFilled -= rest;
    }
    const filled = this.processPullIntos();
    this.commit(descriptor);
    this.commitAll(filled);
  }
}

/** A BYOB request proper; `controller` is undefined once it was answered. */
class ByobRequest {
  constructor(controller, view) {
    this.controller = controller;
    this.view = view;
    this.public = undefined;
  }
}

/** A byte stream whose source is the host's own code and is called only when somebody reads. */
function createByteReadable(source) {
  const stream = new Readable();
  new ByteController(stream, source, 0, undefined).started = true;
  return stream;
}

shield(ByteEntry, PullInto, ByobRequest);
Object.assign(core, {
  ByteController, addViewType, bufferOf, copyBytes, createByteReadable, isDataView, lengthOf, offsetOf, requireView, viewTypes,
});
