"use strict";
// crypto.DigestStream of Workers: a writable stream of bytes, whose `digest` is a promise of the digest of what was written
// (https://developers.cloudflare.com/workers/runtime-apis/web-crypto/). Made when it is first asked for.

const {
  BigInt, ObjectDefineProperty, ObjectSetPrototypeOf, Promise, PromisePrototypeThen, PromiseReject, ReflectConstruct,
  ReflectGetOwnPropertyDescriptor, TypeError,
} = internals.primordials;
const {
  bufferSource, configureInterface, illegalInvocation, isBufferSource, privateKey, requireArguments,
} = internals.webidl;
const { bufferOf, lengthOf, normalize } = internals.crypto;
const { WritableController, Writable, WritableStream, shield, tryWritableOf } = internals.streamCore;

let made;
internals.crypto.digestStream = () => (made ??= make());

function make() {
  const prefix = "Failed to construct 'DigestStream'";

  // Takes what is written. The state of the digest is bytes that an op reads and makes anew.
  class DigestSink {
    constructor(hash) {
      this.hash = hash;
      this.state = ops.cryptoDigestStart(hash.id);
      this.written = 0;
      this.resolve = undefined;
      this.reject = undefined;
      this.digest = new Promise((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
      });
      // A Worker that does not ask for the digest has no failure to handle.
      PromisePrototypeThen(this.digest, undefined, () => {});
    }

    write(chunk) {
      try {
        if (!isBufferSource(chunk)) {
          throw new TypeError("A chunk must be an ArrayBuffer or a view of one; encode text with a TextEncoder.");
        }
        const bytes = bufferSource(chunk, "Failed to write to the DigestStream", "The chunk");
        this.state = ops.cryptoDigestUpdate(this.hash.id, this.state, bytes);
        this.written += lengthOf(bytes);
        return undefined;
      } catch (error) {
        this.reject(error);
        return PromiseReject(error);
      }
    }

    close() {
      this.resolve(bufferOf(ops.cryptoDigestFinal(this.hash.id, this.state)));
      return undefined;
    }

    abort(reason) {
      this.reject(reason);
      return undefined;
    }
  }
  shield(DigestSink);

  // A function, not a class that extends: see 18_identity_transform.js.
  function DigestStream(algorithm) {
    if (new.target === undefined) throw new TypeError(`${prefix}: use the 'new' operator.`);
    requireArguments(arguments.length, 1, prefix);
    const sink = new DigestSink(normalize(algorithm, "digest", prefix).algorithm);
    const stream = new Writable();
    new WritableController(stream, sink, 1, undefined).start(undefined);
    stream.digestSink = sink;
    return ReflectConstruct(WritableStream, [privateKey, stream], new.target);
  }

  const sinkOf = (value) => {
    const stream = tryWritableOf(value);
    return stream === undefined || stream.digestSink === undefined ? illegalInvocation() : stream.digestSink;
  };
  const accessors = {
    get digest() {
      return sinkOf(this).digest;
    },
    get bytesWritten() {
      return BigInt(sinkOf(this).written);
    },
  };
  ObjectDefineProperty(DigestStream.prototype, "digest", ReflectGetOwnPropertyDescriptor(accessors, "digest"));
  ObjectDefineProperty(DigestStream.prototype, "bytesWritten", ReflectGetOwnPropertyDescriptor(accessors, "bytesWritten"));
  ObjectSetPrototypeOf(DigestStream, WritableStream);
  ObjectSetPrototypeOf(DigestStream.prototype, WritableStream.prototype);
  ObjectDefineProperty(DigestStream, "prototype", { __proto__: null, writable: false });
  configureInterface(DigestStream);
  return DigestStream;
}
