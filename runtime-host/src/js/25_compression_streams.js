"use strict";
// CompressionStream and DecompressionStream (https://compression.spec.whatwg.org/), made when they are first used.

internals.exposeLazily(["CompressionStream", "DecompressionStream"], () => {
  const { primordials, streamCore, webidl } = internals;
  const {
    Promise, PromiseReject, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, Uint32Array,
    Uint8Array,
  } = primordials;
  const { bufferSource, configureInterface, enumeration, illegalInvocation, isObject, requireArguments } = webidl;
  const { ERRORED, READABLE, Transform, copyBytes, exposeReadable, exposeWritable, setUpDefaultSides, shield } = streamCore;

  // Their places are the numbers of `Format` in ops/compression/codec.rs.
  const FORMATS = ["gzip", "deflate", "deflate-raw", "brotli"];
  const compressionFormat = enumeration("CompressionFormat", FORMATS);
  const NOTHING = new Uint8Array(0);

  /** Both directions. The codec is made with the first chunk, and freed at the stream's end, however that comes. */
  class Coder {
    constructor(format, decompress) {
      this.format = format;
      this.decompress = decompress;
      this.codec = 0;
      this.over = false;
      /** Output for which there was no room. */
      this.held = undefined;
      this.progress = new Uint32Array(1);
    }

    transform(chunk, transform) {
      let bytes;
      try {
        bytes = bufferSource(chunk, "Failed to write to the stream", "The chunk");
      } catch (error) {
        return this.failed(error);
      }
      return this.run(bytes, false, transform);
    }

    flush(transform) {
      return this.run(NOTHING, true, transform);
    }

    cancel() {
      this.free();
      return undefined;
    }

    free() {
      this.over = true;
      this.held = undefined;
      if (this.codec !== 0) ops.codecEnd(this.codec);
      this.codec = 0;
    }

    failed(error) {
      this.free();
      return PromiseReject(error);
    }

    /** Codes `bytes`. When that makes more of them, no more than a piece is made that nobody has asked for. */
    run(bytes, end, transform) {
      try {
        if (this.codec === 0) this.codec = ops.codecStart(this.format, this.decompress);
        const left = this.go(bytes, 0, end, transform);
        if (left === undefined) return undefined;
        return new Promise((resolve, reject) => this.wait(left, end, transform, resolve, reject));
      } catch (error) {
        return this.failed(error);
      }
    }

    /** Undefined when all was coded, else the rest, which is ours, for when there is room. */
    go(bytes, offset, end, transform) {
      const { progress } = this;
      for (;;) {
        if (this.over) return undefined;
        const piece = ops.codecRun(this.codec, bytes, offset, end, progress);
        offset = progress[0];
        const length = TypedArrayPrototypeGetByteLength(bytes);
        if (piece === undefined) {
          if (offset < length) continue;
          if (end) this.free();
          return undefined;
        }
        // Packed bytes are fewer than what they were made of, and who waits for more would have to copy that. The end gives
        // little, and who cancels the stream would wait for it.
        if (!this.decompress || end || !transform.backpressure) {
          transform.enqueue(piece);
        } else {
          this.held = piece;
          const rest = length > offset ? length - offset : 0;
          if (rest === 0) return NOTHING;
          return copyBytes(TypedArrayPrototypeGetBuffer(bytes), TypedArrayPrototypeGetByteOffset(bytes) + length - rest, rest);
        }
      }
    }

    /** Goes on when the readable side asks for more, or is over. */
    wait(bytes, end, transform, resolve, reject) {
      const resumeWrite = transform.resumeWrite;
      transform.resumeWrite = () => {
        transform.resumeWrite = resumeWrite;
        try {
          if (transform.readable.state === ERRORED) throw transform.readable.storedError;
          if (transform.readable.state !== READABLE) this.free();
          if (this.held !== undefined) transform.enqueue(this.held);
          this.held = undefined;
          const left = this.go(bytes, 0, end, transform);
          if (left === undefined) resolve();
          else this.wait(left, end, transform, resolve, reject);
        } catch (error) {
          this.free();
          reject(error);
        }
      };
      transform.writeWaits = true;
    }
  }
  shield(Coder);

  function makeTransform(format, decompress, prefix, count) {
    requireArguments(count, 1, prefix);
    const name = compressionFormat(format, prefix, "parameter 1");
    let number = 0;
    while (FORMATS[number] !== name) number++;
    const transform = new Transform(new Coder(number, decompress));
    setUpDefaultSides(transform);
    return transform;
  }

  class CompressionStream {
    #transform;
    #readable;
    #writable;

    constructor(format) {
      this.#transform = makeTransform(format, false, "Failed to construct 'CompressionStream'", arguments.length);
    }

    get readable() {
      if (!isObject(this) || !(#transform in this)) illegalInvocation();
      return (this.#readable ??= exposeReadable(this.#transform.readable));
    }
    get writable() {
      if (!isObject(this) || !(#transform in this)) illegalInvocation();
      return (this.#writable ??= exposeWritable(this.#transform.writable));
    }
  }

  class DecompressionStream {
    #transform;
    #readable;
    #writable;

    constructor(format) {
      this.#transform = makeTransform(format, true, "Failed to construct 'DecompressionStream'", arguments.length);
    }

    get readable() {
      if (!isObject(this) || !(#transform in this)) illegalInvocation();
      return (this.#readable ??= exposeReadable(this.#transform.readable));
    }
    get writable() {
      if (!isObject(this) || !(#transform in this)) illegalInvocation();
      return (this.#writable ??= exposeWritable(this.#transform.writable));
    }
  }

  configureInterface(CompressionStream);
  configureInterface(DecompressionStream);
  return { __proto__: null, CompressionStream, DecompressionStream };
});
