"use strict";
// A document on its way through the host's HTML parser (ops/html_rewriter), which stops where a handler is to be called
// and goes on when told to.

/** Makes the class of such documents; `newToken(kind, rewriting)` makes what handlers get. */
internals.makeHtmlRewriting = (newToken) => {
  const {
    ArrayPrototypePush, Map, MapPrototypeDelete, MapPrototypeForEach, MapPrototypeGet, MapPrototypeSet, PromisePrototypeThen,
    PromiseResolve, ReflectApply, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
    TypedArrayPrototypeGetByteOffset, Uint32Array, Uint8Array,
  } = internals.primordials;
  const { bufferSource, isBufferSource, isObject } = internals.webidl;
  const { noop, shield, toPromise } = internals.streamCore;
  const { createMadeReadable, hostClose, hostEnqueue, hostError } = internals.streams;

  // What the parser is told and what it answers: the numbers of ops/html_rewriter/mod.rs.
  const PROCEED = 0;
  const CHUNK = 1;
  const INPUT_END = 2;
  const CONTENT = 3;
  const CONTENT_END = 4;
  const WANTS_INPUT = 0;
  const PAUSES = 1;
  const HAS_OUTPUT = 2;
  const CALLS = 3;
  const WANTS_CONTENT = 4;

  // Kinds of tokens: the names of their handlers, in the order of `Kind` in ops/html_rewriter/channel.rs.
  const END_TAG = 1;
  const HANDLERS = ["element", undefined, "comments", "text", "doctype", "end"];

  // Bytes that the parser gets at once.
  const PIECE = 64 * 1024;
  const EMPTY = new Uint8Array(0);

  /** Reads a stream, a chunk at a time. It is its own request to read. */
  class Source {
    constructor(stream, rewriting) {
      this.next = undefined;
      this.stream = stream;
      this.reader = stream.acquireReader();
      this.rewriting = rewriting;
      /** What was read and not given to the parser yet. */
      this.bytes = EMPTY;
      this.offset = 0;
      this.ended = false;
    }

    /** The next piece, undefined at the end, or null: `rewriting` goes on when there is one. */
    take() {
      const left = TypedArrayPrototypeGetByteLength(this.bytes) - this.offset;
      if (left <= 0) {
        if (this.ended) return undefined;
        this.bytes = EMPTY;
        this.offset = 0;
        return null;
      }
      const length = left > PIECE ? PIECE : left;
      const start = TypedArrayPrototypeGetByteOffset(this.bytes) + this.offset;
      this.offset += length;
      return new Uint8Array(TypedArrayPrototypeGetBuffer(this.bytes), start, length);
    }

    read() {
      this.reader.read(this);
    }

    chunk(value) {
      try {
        if (typeof value === "string") this.bytes = internals.encoding.encodeUtf8(value);
        else if (isBufferSource(value)) this.bytes = bufferSource(value, "HTMLRewriter", "A chunk of the stream", true);
        else throw new TypeError("HTMLRewriter: a chunk of the stream is neither bytes nor a string.");
      } catch (error) {
        return this.rewriting.fail(error);
      }
      this.offset = 0;
      this.rewriting.arrived();
    }

    close() {
      this.ended = true;
      this.rewriting.arrived();
    }

    error(reason) {
      this.ended = true;
      this.rewriting.fail(reason);
    }

    cancel(reason) {
      if (this.ended) return undefined;
      this.ended = true;
      const result = this.stream.cancel(reason);
      return result === undefined ? undefined : toPromise(result);
    }
  }

  /** One document that one rewriter transforms, as it is read. */
  class Rewriting {
    constructor(registrations, charset, body) {
      this.registrations = registrations;
      this.charset = charset;
      this.source = new Source(body, this);
      this.output = createMadeReadable(this, pull, cancel);
      this.parser = 0;
      this.over = false;
      /** The token of the handler that is running. */
      this.token = undefined;
      this.event = new Uint32Array(2);
      /** The source that the parser waits for. */
      this.waitsFor = undefined;
      this.message = PROCEED;
      /** number -> Source, of streams that handlers inserted. */
      this.inserted = new Map();
      this.lastInserted = 0;
      /** number -> function, of onEndTag. */
      this.endTags = new Map();
      this.lastEndTag = 0;
      this.running = false;
      this.again = false;
      /** Somebody asked for output and did not get any yet. */
      this.wanted = false;
      /** A handler's promise is pending. */
      this.handling = false;
      this.handled = () => this.proceed();
      this.failed = (error) => this.fail(error);
    }

    start() {
      const selectors = [];
      const kinds = [];
      const { registrations } = this;
      for (let i = 0; i < registrations.length; i++) {
        ArrayPrototypePush(selectors, registrations[i].selector);
        ArrayPrototypePush(kinds, registrations[i].kinds);
      }
      this.parser = ops.htmlStart(selectors, kinds, this.charset);
      this.waitsFor = this.source;
    }

    /** Somebody wants output. */
    pull() {
      this.wanted = true;
      if (this.handling || this.over) return;
      try {
        if (this.parser === 0) this.start();
      } catch (error) {
        return this.fail(error);
      }
      this.run();
    }

    /** A chunk came, or an end. */
    arrived() {
      if (this.running) this.again = true;
      else this.run();
    }

    /** A handler is through. */
    proceed() {
      if (this.over) return;
      this.token = undefined;
      this.handling = false;
      this.message = PROCEED;
      if (this.wanted) this.run();
    }

    /** Lets the parser go on until it waits for something that is not there, or has output. */
    run() {
      this.running = true;
      try {
        while (!this.over && this.step());
      } catch (error) {
        this.fail(error);
      }
      this.running = false;
    }

    /** Whether there is more to do at once. */
    step() {
      let bytes = EMPTY;
      const waited = this.waitsFor;
      if (waited !== undefined) {
        bytes = waited.take();
        if (bytes === null) {
          // What there is goes out before anybody waits.
          if (this.flush()) return false;
          this.again = false;
          waited.read();
          return this.again;
        }
        const isContent = waited !== this.source;
        if (bytes === undefined) {
          bytes = EMPTY;
          this.message = isContent ? CONTENT_END : INPUT_END;
          if (isContent) MapPrototypeDelete(this.inserted, this.event[0]);
        } else {
          this.message = isContent ? CONTENT : CHUNK;
        }
        this.waitsFor = undefined;
      }
      switch (ops.htmlRun(this.parser, this.message, bytes, this.event)) {
        case WANTS_INPUT:
          this.waitsFor = this.source;
          return true;
        case WANTS_CONTENT:
          this.waitsFor = MapPrototypeGet(this.inserted, this.event[0]);
          return true;
        case CALLS:
          return this.call(this.event[0], this.event[1]);
        case HAS_OUTPUT:
          this.message = PROCEED;
          this.flush();
          return false;
        case PAUSES:
          this.message = PROCEED;
          return true;
        default: {
          const rest = ops.htmlOutput(this.parser);
          this.finish(undefined);
          if (rest !== undefined) hostEnqueue(this.output, rest);
          hostClose(this.output);
          return false;
        }
      }
    }

    /** Whether there was output. */
    flush() {
      const bytes = ops.htmlOutput(this.parser);
      if (bytes === undefined) return false;
      this.wanted = false;
      hostEnqueue(this.output, bytes);
      return true;
    }

    /** Calls a handler: whether it is through. */
    call(number, kind) {
      let handler;
      let receiver;
      if (kind === END_TAG) {
        handler = MapPrototypeGet(this.endTags, number);
        MapPrototypeDelete(this.endTags, number);
      } else {
        const registration = this.registrations[number];
        receiver = registration.receiver;
        handler = registration[HANDLERS[kind]];
      }
      this.token = newToken(kind, this);
      const result = ReflectApply(handler, receiver, [this.token]);
      if (isObject(result)) {
        this.handling = true;
        PromisePrototypeThen(PromiseResolve(result), this.handled, this.failed);
        // It may take its time.
        this.flush();
        return false;
      }
      this.token = undefined;
      this.message = PROCEED;
      return true;
    }

    fail(error) {
      if (this.over) return;
      this.finish(error);
      const cancelled = this.source.cancel(error);
      if (cancelled !== undefined) PromisePrototypeThen(cancelled, undefined, noop);
      hostError(this.output, error);
    }

    /** Frees what there is; streams that were inserted and not read are given up. */
    finish(reason) {
      this.over = true;
      this.token = undefined;
      if (this.parser !== 0) ops.htmlEnd(this.parser);
      MapPrototypeForEach(this.inserted, (source) => {
        const cancelled = source.cancel(reason);
        if (cancelled !== undefined) PromisePrototypeThen(cancelled, undefined, noop);
      });
      this.inserted = new Map();
      this.endTags = new Map();
    }

    /** Keeps a stream that is to be inserted; its number. */
    insertStream(stream) {
      const number = ++this.lastInserted;
      MapPrototypeSet(this.inserted, number, new Source(stream, this));
      return number;
    }
  }

  const pull = (rewriting) => rewriting.pull();

  function cancel(rewriting, reason) {
    if (rewriting.over) return undefined;
    rewriting.finish(reason);
    return rewriting.source.cancel(reason);
  }

  shield(Source, Rewriting);

  return Rewriting;
};
