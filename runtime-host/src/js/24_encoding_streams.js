"use strict";
// TextEncoderStream and TextDecoderStream (https://encoding.spec.whatwg.org/#interface-textencoderstream).

const { encoding, primordials, streamCore, webidl } = internals;
const { PromiseReject, StringPrototypeCharCodeAt, StringPrototypeSlice } = primordials;
const { DOMString, bufferSource, illegalInvocation, isObject } = webidl;
const { Transform, exposeReadable, exposeWritable, setUpDefaultSides, shield } = streamCore;

/** Encodes strings; a surrogate at the end of a chunk waits for its other half. */
class Encoder {
  #high = "";

  transform(chunk, transform) {
    try {
      const text = this.#high + DOMString(chunk, "Failed to write to the stream", "The chunk");
      const last = text.length - 1;
      const unit = last < 0 ? 0 : StringPrototypeCharCodeAt(text, last);
      const split = unit >= 0xd800 && unit <= 0xdbff;
      this.#high = split ? StringPrototypeSlice(text, last) : "";
      const whole = split ? StringPrototypeSlice(text, 0, last) : text;
      if (whole !== "") transform.enqueue(encoding.encodeUtf8(whole));
      return undefined;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  flush(transform) {
    if (this.#high !== "") transform.enqueue(encoding.encodeUtf8(this.#high));
    return undefined;
  }

  cancel() {
    return undefined;
  }
}

/** Decodes chunks of bytes. */
class Decoder {
  #decoder;
  constructor(decoder) {
    this.#decoder = decoder;
  }

  transform(chunk, transform) {
    try {
      const bytes = bufferSource(chunk, "Failed to write to the stream", "The chunk", true);
      const text = this.#decoder.chunk(bytes);
      if (text !== "") transform.enqueue(text);
      return undefined;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  flush(transform) {
    try {
      const text = this.#decoder.finish(encoding.NOTHING);
      if (text !== "") transform.enqueue(text);
      return undefined;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  cancel() {
    return undefined;
  }
}
shield(Encoder);
shield(Decoder);

function makeTransform(transformer) {
  const transform = new Transform(transformer);
  setUpDefaultSides(transform);
  return transform;
}

class TextEncoderStream {
  #transform = makeTransform(new Encoder());
  #readable;
  #writable;

  get encoding() {
    return isObject(this) && #transform in this ? "utf-8" : illegalInvocation();
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
webidl.configureInterface(TextEncoderStream);

class TextDecoderStream {
  #decoder;
  #transform;
  #readable;
  #writable;

  constructor(label = "utf-8", options = undefined) {
    this.#decoder = encoding.newDecoder(label, options, "Failed to construct 'TextDecoderStream'");
    this.#transform = makeTransform(new Decoder(this.#decoder));
  }

  get encoding() {
    return isObject(this) && #decoder in this ? this.#decoder.encoding : illegalInvocation();
  }
  get fatal() {
    return isObject(this) && #decoder in this ? this.#decoder.fatal : illegalInvocation();
  }
  get ignoreBOM() {
    return isObject(this) && #decoder in this ? this.#decoder.ignoreBom : illegalInvocation();
  }
  get readable() {
    if (!isObject(this) || !(#decoder in this)) illegalInvocation();
    return (this.#readable ??= exposeReadable(this.#transform.readable));
  }
  get writable() {
    if (!isObject(this) || !(#decoder in this)) illegalInvocation();
    return (this.#writable ??= exposeWritable(this.#transform.writable));
  }
}
webidl.configureInterface(TextDecoderStream);

/** A ReadableStream of the text that a stream of bytes is in UTF-8. */
encoding.decodeStream = (readable) => {
  const transform = makeTransform(new Decoder(encoding.newDecoder("utf-8", undefined, undefined)));
  const options = { __proto__: null, preventAbort: false, preventCancel: false, preventClose: false, signal: undefined };
  streamCore.pipe(streamCore.tryReadableOf(readable), transform.writable, options, false);
  return exposeReadable(transform.readable);
};

internals.expose("TextEncoderStream", TextEncoderStream);
internals.expose("TextDecoderStream", TextDecoderStream);
