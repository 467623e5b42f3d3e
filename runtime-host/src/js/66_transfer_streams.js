"use strict";
// Transferring ReadableStreams, WritableStreams and TransformStreams (https://streams.spec.whatwg.org/#rs-transfer). Both sides are in one
// isolate, so that the received stream reads or writes through the given one, which stays locked; chunks are cloned.

const {
  FunctionPrototypeCall, PromisePrototypeThen, PromiseReject, ReflectGetOwnPropertyDescriptor, globalThis, uncurryThis,
} = internals.primordials;
const { DOMException } = internals;
const { registerTransferable, serialize, deserialize } = internals.structuredClone;
const { streamCore: core, webidl } = internals;
const { ReadableStream, TransformStream, WritableStream } = globalThis;

const copyOf = (chunk) => deserialize(serialize(chunk));

/** A reason that can't be cloned is told by that. */
function copyOfReason(reason) {
  try {
    return copyOf(reason);
  } catch (error) {
    return error;
  }
}

function requireUnlocked(isLocked, stream, what) {
  if (isLocked(stream)) throw new DOMException(`A ${what} that is locked could not be cloned.`, "DataCloneError");
}

const getterOf = (Class, key) => uncurryThis(ReflectGetOwnPropertyDescriptor(Class.prototype, key).get);
const is = (isLocked) => (value) => {
  try {
    isLocked(value);
    return true;
  } catch {
    return false;
  }
};

const isReadableLocked = getterOf(ReadableStream, "locked");
const getReader = uncurryThis(ReadableStream.prototype.getReader);
const { read, cancel } = globalThis.ReadableStreamDefaultReader.prototype;

const readables = {
  __proto__: null,
  test: is(isReadableLocked),
  transfer(stream) {
    requireUnlocked(isReadableLocked, stream, "ReadableStream");
    return getReader(stream);
  },
  receive(reader) {
    return new ReadableStream(
      {
        __proto__: null,
        pull(controller) {
          return PromisePrototypeThen(FunctionPrototypeCall(read, reader), (result) => {
            if (result.done) return void controller.close();
            try {
              controller.enqueue(copyOf(result.value));
            } catch (error) {
              FunctionPrototypeCall(cancel, reader, error);
              throw error;
            }
          }, (reason) => PromiseReject(copyOfReason(reason)));
        },
        cancel: (reason) => FunctionPrototypeCall(cancel, reader, copyOfReason(reason)),
      },
      { __proto__: null, highWaterMark: 0 },
    );
  },
};
registerTransferable(readables);

const isWritableLocked = getterOf(WritableStream, "locked");
const getWriter = uncurryThis(WritableStream.prototype.getWriter);
const { write, close, abort } = globalThis.WritableStreamDefaultWriter.prototype;

const writables = {
  __proto__: null,
  test: is(isWritableLocked),
  transfer(stream) {
    requireUnlocked(isWritableLocked, stream, "WritableStream");
    return getWriter(stream);
  },
  receive(writer) {
    return new WritableStream({
      __proto__: null,
      write: (chunk) => FunctionPrototypeCall(write, writer, copyOf(chunk)),
      close: () => FunctionPrototypeCall(close, writer),
      abort: (reason) => FunctionPrototypeCall(abort, writer, copyOfReason(reason)),
    });
  },
};
registerTransferable(writables);

const readableOf = getterOf(TransformStream, "readable");
const writableOf = getterOf(TransformStream, "writable");

registerTransferable({
  test: is(readableOf),
  transfer(stream) {
    const readable = readableOf(stream);
    const writable = writableOf(stream);
    // Neither side is locked when the other can't be.
    requireUnlocked(isReadableLocked, readable, "ReadableStream");
    requireUnlocked(isWritableLocked, writable, "WritableStream");
    return { __proto__: null, reader: readables.transfer(readable), writer: writables.transfer(writable) };
  },
  receive: ({ reader, writer }) =>
    new TransformStream(webidl.privateKey, {
      __proto__: null,
      public: undefined,
      readable: core.tryReadableOf(readables.receive(reader)),
      writable: core.tryWritableOf(writables.receive(writer)),
    }),
});
