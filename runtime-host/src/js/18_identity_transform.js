"use strict";
// IdentityTransformStream and FixedLengthStream of Workers: transform streams of bytes, whose readable side is a byte
// stream (https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/).

const {
  BigInt, Number, NumberMAX_SAFE_INTEGER, ObjectDefineProperty, ObjectSetPrototypeOf, PromiseReject, ReflectConstruct, TypeError,
} = internals.primordials;
const { bufferSource, configureInterface, isBufferSource, privateKey, requireArguments, unsignedLongLong } = internals.webidl;
const core = internals.streamCore;
const {
  ByteController, RESOLVED, Transform, TransformStream, bufferOf, copyBytes, highWaterMarkOf, lengthOf, offsetOf, readStrategy, setUpSides,
  shield,
} = core;

/** Passes bytes on as copies: the writer keeps its buffers. `expected` is how many bytes there must be, or undefined. */
class IdentityTransformer {
  constructor(expected) {
    this.expected = expected;
    this.seen = 0;
  }

  transform(chunk, transform) {
    try {
      if (!isBufferSource(chunk)) {
        throw new TypeError("A chunk written to this stream must be an ArrayBuffer or a view of one; encode text with a TextEncoder.");
      }
      const bytes = bufferSource(chunk, "Failed to write to the stream", "The chunk");
      const byteLength = lengthOf(bytes);
      this.seen += byteLength;
      if (this.expected !== undefined && this.seen > this.expected) {
        throw new TypeError(`More than the ${this.expected} bytes of this FixedLengthStream were written to it.`);
      }
      if (byteLength > 0) transform.enqueue(copyBytes(bufferOf(bytes), offsetOf(bytes), byteLength));
      return undefined;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  flush() {
    if (this.expected === undefined || this.seen === this.expected) return undefined;
    return PromiseReject(
      new TypeError(`This FixedLengthStream was closed after ${this.seen} of its ${this.expected} bytes had been written.`),
    );
  }

  cancel() {
    return undefined;
  }
}

function setUp(expected, strategy, prefix) {
  const queuing = readStrategy(strategy, prefix);
  const transform = new Transform(new IdentityTransformer(expected));
  setUpSides(transform, RESOLVED, highWaterMarkOf(queuing, 1), queuing.size, (readable, source) =>
    new ByteController(readable, source, 0, undefined));
  transform.readable.expectedLength = expected;
  return transform;
}

/** A length as a Number or a BigInt, up to the largest integer a Number holds exactly. */
function readLength(value, prefix) {
  if (typeof value !== "bigint") return unsignedLongLong(value, prefix, "parameter 1", "enforceRange");
  if (value < 0n || value > BigInt(NumberMAX_SAFE_INTEGER)) throw new TypeError(`${prefix}: parameter 1 is out of range.`);
  return Number(value);
}

// Functions, not classes that extend: `super()` would pass its arguments to whatever a Worker makes the prototype of the
// class, and the private key is among them.

function IdentityTransformStream(strategy = undefined) {
  const prefix = "Failed to construct 'IdentityTransformStream'";
  if (new.target === undefined) throw new TypeError(`${prefix}: use the 'new' operator.`);
  return ReflectConstruct(TransformStream, [privateKey, setUp(undefined, strategy, prefix)], new.target);
}

function FixedLengthStream(expectedLength, strategy = undefined) {
  const prefix = "Failed to construct 'FixedLengthStream'";
  if (new.target === undefined) throw new TypeError(`${prefix}: use the 'new' operator.`);
  requireArguments(arguments.length, 1, prefix);
  return ReflectConstruct(TransformStream, [privateKey, setUp(readLength(expectedLength, prefix), strategy, prefix)], new.target);
}

function expose(Class, Parent) {
  ObjectSetPrototypeOf(Class, Parent);
  ObjectSetPrototypeOf(Class.prototype, Parent.prototype);
  ObjectDefineProperty(Class, "prototype", { __proto__: null, writable: false });
  configureInterface(Class);
  internals.expose(Class.name, Class);
}

shield(IdentityTransformer);
expose(IdentityTransformStream, TransformStream);
expose(FixedLengthStream, IdentityTransformStream);
