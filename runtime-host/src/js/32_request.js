"use strict";
// Request (https://fetch.spec.whatwg.org/#request-class) as Workers have it, with `cf`. There is no page whose origin
// mode, credentials and referrer could be about: they are checked and shown, and change nothing. What differs from the
// standard is said where it does.

const {
  ArrayIsArray, ObjectDefineProperty, ObjectKeys, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeToUpperCase,
  StringPrototypeToWellFormed, TypeError,
} = internals.primordials;
const { configureInterface, DOMString, enumeration, illegalInvocation, isObject, privateKey, requireArguments, USVString } =
  internals.webidl;

const inConstructor = "Failed to construct 'Request'";
const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

class RequestState {
  /** The invocation whose incoming request this is or was made from; undefined otherwise. */
  incoming = undefined;
  /** Whether method and URL are those of `incoming`. */
  methodIsOriginal = false;
  urlIsOriginal = false;
  method = "GET";
  headers = undefined;
  /** A BodyRecord or null. */
  body = null;
  redirect = "follow";
  /** Undefined is "default". */
  cache = undefined;
  /** Options that few requests have; undefined while all have their defaults. */
  options = undefined;

  // Undefined until needed: `thunk(incoming)` makes it.
  lazyUrl = undefined;
  urlThunk = undefined;
  lazyCf = undefined;
  cfThunk = undefined;
  /** The AbortSignal that was given; `signal` follows it. */
  signalSource = undefined;
  signalThunk = undefined;
  /** Whether the given signal is the very one that `signal` shows. */
  signalIsOwn = false;
  lazySignal = undefined;

  get url() {
    if (this.lazyUrl === undefined) this.lazyUrl = this.urlThunk(this.incoming);
    return this.lazyUrl;
  }

  get cf() {
    if (this.cfThunk !== undefined) {
      this.lazyCf = this.cfThunk(this.incoming);
      this.cfThunk = undefined;
    }
    return this.lazyCf;
  }

  /** What `request.signal` shows; made on first use. */
  get signal() {
    if (this.lazySignal === undefined) {
      const source = this.givenSignal;
      if (source === undefined) this.lazySignal = internals.abort.create();
      else this.lazySignal = this.signalIsOwn ? source : internals.abort.any([source]);
    }
    return this.lazySignal;
  }

  /** The signal that ends a fetch of this request; undefined when nothing can. */
  get givenSignal() {
    if (this.signalThunk !== undefined) {
      this.signalSource = this.signalThunk(this.incoming);
      this.signalThunk = undefined;
    }
    return this.signalSource;
  }

  get headersDirty() {
    return internals.headers.isDirty(this.headers);
  }

  get headersOrigin() {
    return internals.headers.origin(this.headers);
  }

  /** Everything but headers and body. */
  copyFrom(other) {
    this.urlIsOriginal = other.urlIsOriginal;
    this.lazyUrl = other.lazyUrl;
    this.urlThunk = other.urlThunk;
    this.copyInitFrom(other);
  }

  /** Everything but URL, headers and body. */
  copyInitFrom(other) {
    this.incoming = other.incoming;
    this.methodIsOriginal = other.methodIsOriginal;
    this.method = other.method;
    this.redirect = other.redirect;
    this.cache = other.cache;
    this.options = other.options;
    this.signalSource = other.signalSource;
    this.signalThunk = other.signalThunk;
    this.cfThunk = other.cfThunk;
    if (this.cfThunk === undefined) this.lazyCf = copyCf(other.lazyCf);
  }
}

class RequestOptions {
  constructor(other = undefined) {
    this.mode = other === undefined ? "cors" : other.mode;
    this.credentials = other === undefined ? "same-origin" : other.credentials;
    this.integrity = other === undefined ? "" : other.integrity;
    this.keepalive = other === undefined ? false : other.keepalive;
    this.referrer = other === undefined ? "about:client" : other.referrer;
    this.referrerPolicy = other === undefined ? "" : other.referrerPolicy;
    /** The Blob that a blob: URL stood for when the request was made; undefined for other URLs. */
    this.object = other === undefined ? undefined : other.object;
  }
}
const DEFAULTS = new RequestOptions();

/** A copy of a request's options, to be changed; several requests may have the same. */
const ownOptions = (state) => (state.options = new RequestOptions(state.options));

// `cf` is data: objects, arrays and primitive values.
function copyCf(value) {
  if (!isObject(value)) return value;
  const copy = ArrayIsArray(value) ? [] : {};
  const keys = ObjectKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const member = copyCf(value[keys[i]]);
    ObjectDefineProperty(copy, keys[i], {
      __proto__: null, value: member, writable: true, enumerable: true, configurable: true,
    });
  }
  return copy;
}

// ---- Construction ----

/**
 * https://fetch.spec.whatwg.org/#concept-method-normalize, but PATCH also, as Workers do. Methods that Workers don't
 * know are let through as the standard has it.
 */
function normalizeMethod(value) {
  const method = DOMString(value, inConstructor, "member 'method' of RequestInit");
  const upper = StringPrototypeToUpperCase(method);
  switch (upper) {
    case "GET": case "HEAD": case "POST": case "PUT": case "DELETE": case "OPTIONS": case "PATCH":
      return upper;
    case "CONNECT": case "TRACE": case "TRACK": case "":
      break;
    default:
      if (RegExpPrototypeExec(notToken, method) === null) return method;
  }
  throw new TypeError(`Invalid HTTP method string: ${method}`);
}

function redirectMode(value) {
  const mode = DOMString(value, inConstructor, "member 'redirect' of RequestInit");
  if (mode === "follow" || mode === "manual" || mode === "error") return mode;
  throw new TypeError('Invalid redirect value, must be one of "follow", "manual" or "error".');
}

// There is no HTTP cache here: what allows one to be used means nothing, what tells others not to use theirs is sent.
const toCache = enumeration("RequestCache", ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"]);
const toCredentials = enumeration("RequestCredentials", ["omit", "same-origin", "include"]);
const toDuplex = enumeration("RequestDuplex", ["half"]);
const toMode = enumeration("RequestMode", ["navigate", "same-origin", "no-cors", "cors"]);
const toPriority = enumeration("RequestPriority", ["high", "low", "auto"]);
const toReferrerPolicy = enumeration("ReferrerPolicy", [
  "", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin",
  "strict-origin-when-cross-origin", "unsafe-url",
]);

function cacheMode(value) {
  const mode = toCache(value, inConstructor, "member 'cache' of RequestInit");
  return mode === "default" ? undefined : mode;
}

function applyMode(state, value) {
  const mode = toMode(value, inConstructor, "member 'mode' of RequestInit");
  if (mode === "navigate") throw new TypeError(`${inConstructor}: a Request can't have the mode "navigate".`);
  ownOptions(state).mode = mode;
}

/** A URL of another origin becomes "about:client", and every origin is another here: no `referer` is ever made of it. */
function applyReferrer(state, value) {
  const referrer = USVString(value, inConstructor, "member 'referrer' of RequestInit");
  if (referrer !== "" && internals.url.parseHref(referrer) === undefined) {
    throw new TypeError(`${inConstructor}: member 'referrer' of RequestInit is not a valid URL.`);
  }
  ownOptions(state).referrer = referrer === "" ? "" : "about:client";
}

/** What the standard forbids together, once all members are read. */
function checkOptions(state) {
  const { mode } = state.options ?? DEFAULTS;
  if (state.cache === "only-if-cached" && mode !== "same-origin") {
    throw new TypeError(`${inConstructor}: the cache mode "only-if-cached" needs the mode "same-origin".`);
  }
  if (mode === "no-cors" && state.method !== "GET" && state.method !== "HEAD" && state.method !== "POST") {
    throw new TypeError(`${inConstructor}: the mode "no-cors" does not go with the method ${state.method}.`);
  }
}

function setUrl(state, input) {
  const given = StringPrototypeToWellFormed(DOMString(input, inConstructor, "parameter 1"));
  const url = internals.url.parseHref(given);
  if (url === undefined) throw new TypeError(`Invalid URL: ${given}`);
  if (url[0] !== "h") {
    const object = internals.objectFor(url);
    if (object !== undefined) ownOptions(state).object = object;
  } else if (hasCredentials(url)) {
    throw new TypeError(
      `${inConstructor}: a URL with credentials can't be requested; use an authorization header.`,
    );
  }
  state.lazyUrl = url;
}

/** Whether a serialised http: or https: URL has a user name or a password: an @ before its path. */
function hasCredentials(url) {
  const at = StringPrototypeIndexOf(url, "@");
  return at >= 0 && at < StringPrototypeIndexOf(url, "/", 8);
}

function requireBodyMethod(method) {
  if (method === "GET" || method === "HEAD") {
    throw new TypeError("Request with a GET or HEAD method cannot have a body.");
  }
}

// `new Request(input, request)`: of `input` only the URL stays. The body is shared with `request`, not moved.
function applyRequest(state, other) {
  const url = state.url;
  state.urlIsOriginal = other.urlIsOriginal && other.lazyUrl === url;
  state.urlThunk = undefined;
  const object = state.options?.object;
  state.copyInitFrom(other);
  if ((state.options ?? DEFAULTS).object !== object) ownOptions(state).object = object;
  state.headers = internals.headers.copy(other.headers);
  state.body = internals.body.share(other.body);
}

// Members are read in the order of their names, as Web IDL says. `other` is `input`'s state, if that is a Request.
function applyInit(state, init, other) {
  const {
    body, cache, cf, credentials, duplex, headers, integrity, keepalive, method, mode, priority, redirect, referrer,
    referrerPolicy, signal, window,
  } = init;
  if (cache !== undefined) state.cache = cacheMode(cache);
  if (cf !== undefined && cf !== null) {
    if (!isObject(cf)) throw new TypeError(`${inConstructor}: member 'cf' of RequestInit is not an object.`);
    state.cfThunk = undefined;
    state.lazyCf = copyCf(cf);
  }
  if (headers !== undefined) state.headers = internals.headers.from(headers);
  if (credentials !== undefined) {
    ownOptions(state).credentials = toCredentials(credentials, inConstructor, "member 'credentials' of RequestInit");
  }
  if (duplex !== undefined) toDuplex(duplex, inConstructor, "member 'duplex' of RequestInit");
  if (integrity !== undefined) {
    ownOptions(state).integrity = DOMString(integrity, inConstructor, "member 'integrity' of RequestInit");
  }
  if (keepalive !== undefined) ownOptions(state).keepalive = !!keepalive;
  if (mode !== undefined) applyMode(state, mode);
  if (priority !== undefined) toPriority(priority, inConstructor, "member 'priority' of RequestInit");
  if (referrer !== undefined) applyReferrer(state, referrer);
  if (referrerPolicy !== undefined) {
    const policy = toReferrerPolicy(referrerPolicy, inConstructor, "member 'referrerPolicy' of RequestInit");
    ownOptions(state).referrerPolicy = policy;
  }
  if (window !== undefined && window !== null) {
    throw new TypeError(`${inConstructor}: member 'window' of RequestInit can only be null.`);
  }
  if (method !== undefined) {
    const normal = normalizeMethod(method);
    state.methodIsOriginal = state.methodIsOriginal && normal === state.method;
    state.method = normal;
  }
  if (redirect !== undefined) state.redirect = redirectMode(redirect);
  if (signal !== undefined) setSignal(state, signal);
  checkOptions(state);
  if (body !== undefined) {
    // Workers: an explicit null takes the body of `input` away.
    if (body === null) return;
    requireBodyMethod(state.method);
    state.body = internals.body.extractWithType(body, state.headers, inConstructor);
    if (state.options !== undefined && state.options.keepalive && internals.body.isStream(state.body)) {
      throw new TypeError(`${inConstructor}: a Request with 'keepalive' can't have a stream as its body.`);
    }
  } else if (other !== undefined && other.body !== null) {
    // A GET with a body that came that way may be passed on; none may be made.
    if (method !== undefined) requireBodyMethod(state.method);
    state.body = internals.body.move(other.body);
  }
}

function setSignal(state, signal) {
  if (signal !== null && !internals.abort.isSignal(signal)) {
    throw new TypeError(`${inConstructor}: member 'signal' of RequestInit is not of type 'AbortSignal'.`);
  }
  state.signalThunk = undefined;
  state.signalSource = signal === null ? undefined : signal;
}

function construct(input, init) {
  if (init !== undefined && init !== null && !isObject(init)) {
    throw new TypeError(`${inConstructor}: constructor parameter 2 is not of type 'RequestInit or Request'.`);
  }
  const state = new RequestState();
  const other = stateOf(input);
  if (other === undefined) {
    setUrl(state, input);
    state.headers = internals.headers.fromList([]);
  } else {
    state.copyFrom(other);
    state.headers = internals.headers.copy(other.headers);
  }
  if (init !== undefined && init !== null) {
    const initState = stateOf(init);
    if (initState === undefined) applyInit(state, init, other);
    else applyRequest(state, initState);
  } else if (other !== undefined) {
    state.body = internals.body.move(other.body);
  }
  return state;
}

// ---- The class ----

let stateOf, wrap;

class Request {
  #state;

  constructor(input, init = undefined) {
    if (input === privateKey) {
      this.#state = init;
      return;
    }
    requireArguments(arguments.length, 1, inConstructor);
    this.#state = construct(input, init);
  }

  static {
    stateOf = (value) => (isObject(value) && #state in value ? value.#state : undefined);
    wrap = (state) => new Request(privateKey, state);
  }

  get method() {
    return required(this).method;
  }
  get url() {
    return required(this).url;
  }
  get headers() {
    return required(this).headers;
  }
  get redirect() {
    return required(this).redirect;
  }
  /** Of Workers: the binding a request is meant for. There is none outside fetch() of a binding. */
  get fetcher() {
    required(this);
    return null;
  }
  get signal() {
    return required(this).signal;
  }
  get cf() {
    return required(this).cf;
  }
  get integrity() {
    return optionsOf(this).integrity;
  }
  get keepalive() {
    return optionsOf(this).keepalive;
  }
  get cache() {
    return required(this).cache ?? "default";
  }
  get credentials() {
    return optionsOf(this).credentials;
  }
  get destination() {
    required(this);
    return "";
  }
  get duplex() {
    required(this);
    return "half";
  }
  get isHistoryNavigation() {
    required(this);
    return false;
  }
  get isReloadNavigation() {
    required(this);
    return false;
  }
  get mode() {
    return optionsOf(this).mode;
  }
  get referrer() {
    return optionsOf(this).referrer;
  }
  get referrerPolicy() {
    return optionsOf(this).referrerPolicy;
  }

  clone() {
    const from = required(this);
    const state = new RequestState();
    state.copyFrom(from);
    state.headers = internals.headers.clone(from.headers);
    state.body = internals.body.clone(from.body);
    return wrap(state);
  }
}

function required(self) {
  const state = stateOf(self);
  if (state === undefined) illegalInvocation();
  return state;
}

const optionsOf = (self) => required(self).options ?? DEFAULTS;

internals.body.install(Request, (self) => stateOf(self));
configureInterface(Request);
internals.expose("Request", Request);

internals.request = {
  __proto__: null,
  is: (value) => stateOf(value) !== undefined,
  stateOf,
  /** `input` itself when it is a Request and nothing is to be changed; else `new Request(input, init)`: for fetch(). */
  from: (input, init) =>
    init === undefined && stateOf(input) !== undefined ? input : wrap(construct(input, init)),
  /**
   * The request an invocation is about. Thunks are called with `inv`, once, when JavaScript first looks; `bodyHandle`
   * is undefined when no body follows. Its headers can't be modified.
   */
  createIncoming({ inv, method, urlThunk, headersThunk, bodyHandle, signalThunk, cfThunk }) {
    const state = new RequestState();
    state.incoming = inv;
    state.methodIsOriginal = true;
    state.urlIsOriginal = true;
    state.method = method;
    state.urlThunk = urlThunk;
    state.headers = internals.headers.fromPacked(headersThunk, "immutable", inv);
    state.body = internals.body.fromHost(bodyHandle);
    state.signalThunk = signalThunk;
    state.signalIsOwn = true;
    state.cfThunk = cfThunk;
    return wrap(state);
  },
  /**
   * What the engine needs to send a request: `incoming` (the invocation it was made from, if any), `method`,
   * `methodIsOriginal`, `url`, `urlIsOriginal`, `headers` (a Headers), `headersDirty`, `headersOrigin` (the invocation
   * whose headers they are an unchanged copy of), `body` (see internals.body.take), `redirect`, `givenSignal`, `cf`.
   */
  inspect: required,
};
