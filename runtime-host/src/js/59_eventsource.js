"use strict";
// EventSource (https://html.spec.whatwg.org/#server-sent-events), and Workers' EventSource.from(stream).

const {
  MathMin, PromisePrototypeThen, PromiseReject, PromiseResolve, StringFromCharCode, StringPrototypeStartsWith, TypeError,
} = internals.primordials;
const { USVString, configureInterface, dictionary, illegalInvocation, isObject, privateKey, requireArguments } =
  internals.webidl;
const { DOMException } = internals;
const { ErrorEvent, Event, EventTarget, MessageEvent, defineHandler, fireEvent } = internals.events;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

const inConstructor = "Failed to construct 'EventSource'";

/** Milliseconds before a connection that ended is made anew, until the server names another time. */
const RETRY_DEFAULT = 3000;
/** What a server may name. */
const RETRY_MAX = 24 * 3600 * 1000;

class Source {
  target = undefined;
  url = "";
  origin = "";
  withCredentials = false;
  fetcher = undefined;
  readyState = CONNECTING;
  retry = RETRY_DEFAULT;
  lastId = "";
  /** Ends the fetch of the current connection. */
  signal = undefined;
  /** Ends the reading of the stream that is read. */
  stop = undefined;
  timer = 0;
}

/** The text's UTF-8 as a byte string, as a header has it. */
function utf8AsBytes(text) {
  const bytes = internals.encoding.encodeUtf8(text);
  let result = "";
  for (let i = 0; i < bytes.length; i++) result += StringFromCharCode(bytes[i]);
  return result;
}

const originOf = (href) => internals.url.parse(href)?.origin() ?? "";

const fire = (source, event) => fireEvent(source.target, event);
const failure = (message) => new ErrorEvent("error", { __proto__: null, message });

// ---- The connection ----

function connect(source) {
  const headers = { __proto__: null, accept: "text/event-stream", "cache-control": "no-cache" };
  if (source.lastId !== "") headers["last-event-id"] = utf8AsBytes(source.lastId);
  const signal = internals.abort.create();
  source.signal = signal;
  const request = internals.request.from(source.url, { __proto__: null, headers, signal });
  let response;
  if (source.fetcher === undefined) {
    response = internals.fetch(request);
  } else {
    try {
      response = PromiseResolve(source.fetcher.fetch(request));
    } catch (error) {
      response = PromiseReject(error);
    }
  }
  PromisePrototypeThen(
    response,
    (found) => {
      if (source.signal === signal) arrived(source, found);
    },
    (error) => {
      if (source.signal === signal) reconnect(source, `${error?.message ?? error}`);
    },
  );
}

function arrived(source, response) {
  const state = internals.response.stateOf(response);
  if (state === undefined) return fail(source, "the fetcher did not answer with a Response");
  const type = internals.mime.parse(internals.headers.get(state.headers, "content-type") ?? "");
  if (state.status === 204) return fail(source, "the server asked not to be asked again (204)");
  if (state.status !== 200) return fail(source, `the server answered with status ${state.status}`);
  if (type === undefined || type.essence !== "text/event-stream") {
    return fail(source, "the response's content-type is not text/event-stream");
  }
  source.readyState = OPEN;
  if (state.url !== "") source.origin = originOf(state.url);
  fire(source, new Event("open"));
  if (source.readyState === CLOSED) return undefined;
  const stream = internals.body.stream(state.body);
  if (stream === null) return reconnect(source, "the response has no body");
  return read(source, stream, (why) => reconnect(source, why));
}

/** Reads events until the stream ends, which `ended(text)` is told of. */
function read(source, stream, ended) {
  const decoder = internals.encoding.newDecoder("utf-8", { __proto__: null, ignoreBOM: true });
  const parser = new internals.EventStreamParser(
    {
      __proto__: null,
      event(type, data, lastEventId) {
        if (source.readyState === CLOSED) return;
        fire(source, new MessageEvent(type, { __proto__: null, data, lastEventId, origin: source.origin }));
      },
      id(text) {
        source.lastId = text;
      },
      retry(milliseconds) {
        source.retry = MathMin(milliseconds, RETRY_MAX);
      },
    },
    source.lastId,
  );
  source.stop = internals.streams.pump(
    stream,
    (chunk) => {
      if (!ops.isBytes(chunk)) throw new TypeError("The stream of an EventSource did not give bytes.");
      parser.feed(decoder.chunk(chunk));
      return undefined;
    },
    () => ended("the server closed the connection"),
    (error) => ended(`${error?.message ?? error}`),
  );
  // A listener closed it while the first bytes were read.
  if (source.readyState === CLOSED) close(source);
}

// https://html.spec.whatwg.org/#reestablish-the-connection
function reconnect(source, why) {
  if (source.readyState === CLOSED) return;
  source.readyState = CONNECTING;
  source.stop = undefined;
  source.signal = undefined;
  fire(source, failure(why));
  if (source.readyState !== CONNECTING) return;
  try {
    source.timer = internals.timers.set(source.retry, () => {
      source.timer = 0;
      if (source.readyState !== CONNECTING) return;
      try {
        connect(source);
      } catch (error) {
        fail(source, `${error?.message ?? error}`);
      }
    });
  } catch (error) {
    fail(source, `${error?.message ?? error}`);
  }
}

// https://html.spec.whatwg.org/#fail-the-connection
function fail(source, why) {
  if (source.readyState === CLOSED) return;
  close(source);
  fire(source, failure(why));
}

function close(source) {
  source.readyState = CLOSED;
  const { signal, stop, timer } = source;
  source.signal = source.stop = undefined;
  source.timer = 0;
  if (timer !== 0) internals.timers.clear(timer);
  if (stop !== undefined) stop(new DOMException("The EventSource was closed.", "AbortError"));
  if (signal !== undefined) internals.abort.signalAbort(signal, undefined);
}

// ---- The class ----

const toInit = dictionary("EventSourceInit", [
  { key: "fetcher", convert: (value) => value },
  { key: "withCredentials", convert: (value) => !!value, default: false },
]);

function make() {
  let sourceOf;

  class EventSource extends EventTarget {
    #source;
    constructor(url, eventSourceInitDict = undefined) {
      super();
      if (url === privateKey) {
        this.#source = eventSourceInitDict;
        eventSourceInitDict.target = this;
        return;
      }
      requireArguments(arguments.length, 1, inConstructor);
      const given = USVString(url, inConstructor, "parameter 1");
      const init = toInit(eventSourceInitDict, inConstructor, "parameter 2");
      const href = internals.url.parseHref(given);
      if (href === undefined) throw new DOMException(`${inConstructor}: Cannot open an EventSource to '${given}'. The URL is invalid.`, "SyntaxError");
      if (!StringPrototypeStartsWith(href, "http:") && !StringPrototypeStartsWith(href, "https:")) {
        throw new DOMException(`${inConstructor}: the URL's scheme must be 'http' or 'https'.`, "SyntaxError");
      }
      const source = new Source();
      source.target = this;
      source.url = href;
      source.withCredentials = init.withCredentials;
      if (init.fetcher !== undefined && init.fetcher !== null) {
        if (!isObject(init.fetcher)) throw new TypeError(`${inConstructor}: member 'fetcher' is not an object.`);
        source.fetcher = init.fetcher;
      }
      source.origin = originOf(href);
      connect(source);
      this.#source = source;
    }

    static {
      sourceOf = (self) => (isObject(self) && #source in self ? self.#source : illegalInvocation());
    }

    /** Of Workers: events of a stream, without a connection to be made anew. */
    static from(stream) {
      const prefix = "Failed to execute 'from' on 'EventSource'";
      requireArguments(arguments.length, 1, prefix);
      if (!internals.streams.isReadableStream(stream)) {
        throw new TypeError(`${prefix}: parameter 1 is not of type 'ReadableStream'.`);
      }
      if (internals.streams.isLocked(stream)) throw new TypeError("This ReadableStream is currently locked to a reader.");
      const source = new Source();
      source.readyState = OPEN;
      const target = new EventSource(privateKey, source);
      // Listeners are added to what this returns.
      ops.queueMicrotask(() => {
        if (source.readyState === CLOSED) return;
        if (internals.streams.isLocked(stream)) return fail(source, "the stream was locked meanwhile");
        fire(source, new Event("open"));
        if (source.readyState === CLOSED) return;
        read(source, stream, (why) => fail(source, why));
      });
      return target;
    }

    get url() {
      return sourceOf(this).url;
    }
    get withCredentials() {
      return sourceOf(this).withCredentials;
    }
    get readyState() {
      return sourceOf(this).readyState;
    }
    close() {
      close(sourceOf(this));
    }
  }
  defineHandler(EventSource.prototype, "open");
  defineHandler(EventSource.prototype, "message");
  defineHandler(EventSource.prototype, "error");
  configureInterface(EventSource, { CONNECTING, OPEN, CLOSED });
  return { __proto__: null, EventSource };
}
internals.exposeLazily(["EventSource"], make);
