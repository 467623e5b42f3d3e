"use strict";
// The interfaces of readers and readable controllers, and of BYOB requests.

const {
  ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, PromiseReject, RangeError, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetLength,
} = internals.primordials;
const {
  configureInterface, illegalConstructor, illegalInvocation, isObject, privateKey, requireArguments, unsignedLongLong,
} = internals.webidl;
const core = internals.streamCore;
const {
  ByteController, PromiseRequest, READABLE, bufferOf, isDataView, lengthOf, rejectIllegalInvocation, requireDictionary, requireView,
  toPromise,
} = core;

const released = () => new TypeError("The reader was released, so it has no stream.");

/** The stream an interface's constructor was given, or a TypeError. */
function readStream(count, value, name) {
  const prefix = `Failed to construct '${name}'`;
  requireArguments(count, 1, prefix);
  const stream = core.tryReadableOf(value);
  if (stream === undefined) throw new TypeError(`${prefix}: parameter 1 is not of type 'ReadableStream'.`);
  return stream;
}

function cancelBy(reader, reason) {
  return reader.stream === undefined ? PromiseReject(released()) : toPromise(reader.stream.cancel(reason));
}

class ReadableStreamDefaultReader {
  #reader;

  constructor(stream) {
    this.#reader = stream === privateKey
      ? arguments[1]
      : readStream(arguments.length, stream, "ReadableStreamDefaultReader").acquireReader();
  }

  get closed() {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    return this.#reader.closed.get();
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    return cancelBy(this.#reader, reason);
  }

  read() {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    const reader = this.#reader;
    if (reader.stream === undefined) return PromiseReject(released());
    const request = new PromiseRequest();
    reader.read(request);
    return request.promise();
  }

  releaseLock() {
    if (!isObject(this) || !(#reader in this)) illegalInvocation();
    if (this.#reader.stream !== undefined) this.#reader.release();
  }
}

class ReadableStreamBYOBReader {
  #reader;

  constructor(stream) {
    this.#reader = stream === privateKey
      ? arguments[1]
      : core.acquireByobReader(readStream(arguments.length, stream, "ReadableStreamBYOBReader"));
  }

  get closed() {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    return this.#reader.closed.get();
  }

  cancel(reason = undefined) {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    return cancelBy(this.#reader, reason);
  }

  read(view, options = undefined) {
    if (!isObject(this) || !(#reader in this)) return rejectIllegalInvocation();
    try {
      const reader = this.#reader;
      const min = readReadArguments(arguments.length, view, options);
      if (reader.stream === undefined) throw released();
      const request = new PromiseRequest();
      reader.readInto(view, min, request);
      return request.promise();
    } catch (error) {
      return PromiseReject(error);
    }
  }

  releaseLock() {
    if (!isObject(this) || !(#reader in this)) illegalInvocation();
    if (this.#reader.stream !== undefined) this.#reader.release();
  }
}

/** Checks what read(view, { min }) was given and returns `min`, in elements of the view. */
function readReadArguments(count, view, options) {
  const prefix = "Failed to execute 'read' on 'ReadableStreamBYOBReader'";
  requireArguments(count, 1, prefix);
  requireView(view, prefix);
  let min;
  if (requireDictionary(options, prefix, "ReadableStreamBYOBReaderReadOptions")) min = options.min;
  min = min === undefined ? 1 : unsignedLongLong(min, prefix, "member 'min'", "enforceRange");
  if (lengthOf(view) === 0) throw new TypeError(`${prefix}: the view is empty.`);
  const buffer = bufferOf(view);
  if (ArrayBufferPrototypeGetByteLength(buffer) === 0) throw new TypeError(`${prefix}: the view's buffer is empty.`);
  if (ArrayBufferPrototypeGetDetached(buffer)) throw new TypeError(`${prefix}: the view's buffer is detached.`);
  if (min === 0) throw new TypeError(`${prefix}: min must be greater than 0.`);
  const length = isDataView(view) ? lengthOf(view) : TypedArrayPrototypeGetLength(view);
  if (min > length) throw new RangeError(`${prefix}: min is larger than the view.`);
  return min;
}

class ReadableStreamDefaultController {
  #controller;

  constructor() {
    if (arguments[0] !== privateKey) illegalConstructor();
    this.#controller = arguments[1];
    this.#controller.public = this;
  }

  get desiredSize() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.desiredSize();
  }

  close() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    requireOpen(this.#controller, "close");
    this.#controller.close();
  }

  enqueue(chunk = undefined, options = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    const controller = this.#controller;
    // Other values are ignored, such as the index when enqueue is what forEach() calls.
    const transfer = isObject(options) ? readTransfer(options) : undefined;
    requireOpen(controller, "enqueue to");
    controller.enqueue(controller.owning || transfer !== undefined ? own(controller, chunk, transfer) : chunk);
  }

  error(e = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    this.#controller.error(e);
  }
}

const readTransfer = (options) =>
  internals.structuredClone.toOptions(options, "Failed to execute 'enqueue' on 'ReadableStreamDefaultController'", "parameter 2").transfer;

/** The chunk as a stream of type "owning" takes it, a proposal (https://github.com/whatwg/streams/pull/1271). */
function own(controller, chunk, transfer) {
  if (!controller.owning) {
    if (transfer.length === 0) return chunk;
    throw new TypeError("Only a stream whose type is 'owning' takes objects by transfer.");
  }
  const { deserialize, serialize } = internals.structuredClone;
  try {
    return deserialize(serialize(chunk, transfer));
  } catch (error) {
    controller.error(error);
    throw error;
  }
}

function requireOpen(controller, verb) {
  if (controller.canCloseOrEnqueue()) return;
  const state = controller.stream.state !== READABLE ? "is closed or has failed" : "is closing already";
  throw new TypeError(`Cannot ${verb} a stream that ${state}.`);
}

class ReadableByteStreamController {
  #controller;

  constructor() {
    if (arguments[0] !== privateKey) illegalConstructor();
    this.#controller = arguments[1];
    this.#controller.public = this;
  }

  get byobRequest() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    const request = this.#controller.getByobRequest();
    return request === null ? null : (request.public ?? new ReadableStreamBYOBRequest(privateKey, request));
  }

  get desiredSize() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.desiredSize();
  }

  close() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    requireOpen(this.#controller, "close");
    this.#controller.close();
  }

  enqueue(chunk) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    const prefix = "Failed to execute 'enqueue' on 'ReadableByteStreamController'";
    requireArguments(arguments.length, 1, prefix);
    requireView(chunk, prefix);
    if (lengthOf(chunk) === 0) throw new TypeError(`${prefix}: the chunk is empty.`);
    requireOpen(this.#controller, "enqueue to");
    this.#controller.enqueue(chunk);
  }

  error(e = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    this.#controller.error(e);
  }
}

class ReadableStreamBYOBRequest {
  #request;

  constructor() {
    if (arguments[0] !== privateKey) illegalConstructor();
    this.#request = arguments[1];
    this.#request.public = this;
  }

  get view() {
    if (!isObject(this) || !(#request in this)) illegalInvocation();
    return this.#request.view;
  }

  respond(bytesWritten) {
    if (!isObject(this) || !(#request in this)) illegalInvocation();
    const prefix = "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'";
    requireArguments(arguments.length, 1, prefix);
    const count = unsignedLongLong(bytesWritten, prefix, "parameter 1", "enforceRange");
    requirePending(this.#request, prefix).respond(count);
  }

  respondWithNewView(view) {
    if (!isObject(this) || !(#request in this)) illegalInvocation();
    const prefix = "Failed to execute 'respondWithNewView' on 'ReadableStreamBYOBRequest'";
    requireArguments(arguments.length, 1, prefix);
    requireView(view, prefix);
    if (this.#request.controller === undefined) throw new TypeError(`${prefix}: the request was answered already.`);
    if (ArrayBufferPrototypeGetDetached(bufferOf(view))) throw new TypeError(`${prefix}: the view's buffer is detached.`);
    this.#request.controller.respondWithNewView(view);
  }
}

/** The controller of a request that was not answered and whose memory is still there. */
function requirePending(request, prefix) {
  const { controller, view } = request;
  if (controller === undefined) throw new TypeError(`${prefix}: the request was answered already.`);
  if (ArrayBufferPrototypeGetDetached(TypedArrayPrototypeGetBuffer(view))) {
    throw new TypeError(`${prefix}: the buffer of the request's view is detached.`);
  }
  return controller;
}

core.exposeController = (controller) => {
  if (controller.public !== undefined) return controller.public;
  const Class = controller instanceof ByteController ? ReadableByteStreamController : ReadableStreamDefaultController;
  return new Class(privateKey, controller);
};
core.exposeDefaultReader = (reader) => new ReadableStreamDefaultReader(privateKey, reader);
core.exposeByobReader = (reader) => new ReadableStreamBYOBReader(privateKey, reader);

for (const Class of [
  ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamDefaultController, ReadableByteStreamController,
  ReadableStreamBYOBRequest,
]) {
  configureInterface(Class);
  internals.expose(Class.name, Class);
}
