"use strict";
// The Cache API (https://w3c.github.io/ServiceWorker/#cache-objects) as Workers have it: an HTTP cache, which may refuse
// or forget a response. It is the host's; here is what the objects do.

const {
  ArrayPrototypePush, JSONParse, JSONStringify, ObjectFreeze, Promise, PromisePrototypeThen, PromiseReject,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase, StringPrototypeTrim,
  TypeError,
} = internals.primordials;
const { DOMString, configureInterface, dictionary, illegalConstructor, privateKey, requireArguments, sequence } =
  internals.webidl;

// Numbers of `ops.cacheNames`.
const OPEN = 0;
const HAS = 1;
const DELETE = 2;
const NAMES = 3;

const HOST_BODY = 1;
const STREAM = 3;
const TEXT = 4;

// ---- Asking the host ----

/**
 * A promise for what the host answers: `convert(text)`, or undefined. `start(op, failed)` may throw, or call
 * `failed(error)` later.
 */
function ask(start, convert) {
  return new Promise((resolve, reject) => {
    const op = internals.host.begin((kind, value) => {
      try {
        if (kind === internals.host.TYPE_ERROR) reject(new TypeError(value));
        else resolve(kind === internals.host.END ? undefined : convert(value));
      } catch (error) {
        reject(error);
      }
    });
    const failed = (error) => {
      internals.host.forget(op);
      reject(error);
    };
    try {
      start(op, failed);
    } catch (error) {
      failed(error);
    }
  });
}

/** The Response that the host describes. */
function toResponse(text) {
  const { status, statusText, body } = JSONParse(text);
  if (status === 0) {
    ops.bodyCancel(body);
    return internals.response.createError();
  }
  const url = ops.responseUrl(body);
  return internals.response.createUpstream({
    // One that a Worker made has no URL.
    type: url === "" ? "default" : "basic",
    webSocket: undefined,
    status,
    statusText,
    headersThunk: () => ops.responseHeaders(body),
    origin: undefined,
    bodyHandle: body,
    url,
    urlThunk: undefined,
    urlOrigin: undefined,
    redirected: ops.responseRedirected(body),
  });
}

// ---- Arguments ----

const boolean = (value) => !!value;
const queryMembers = [
  { key: "ignoreMethod", convert: boolean, default: false },
  { key: "ignoreSearch", convert: boolean, default: false },
  { key: "ignoreVary", convert: boolean, default: false },
];
const toQuery = dictionary("CacheQueryOptions", queryMembers);
const toMultiQuery = dictionary("MultiCacheQueryOptions", [...queryMembers, { key: "cacheName", convert: DOMString }]);

const flagsOf = (query) => (query.ignoreSearch ? 1 : 0) + (query.ignoreMethod ? 2 : 0) + (query.ignoreVary ? 4 : 0);

/** The state of a RequestInfo. */
const requestOf = (input) => internals.request.stateOf(internals.request.from(input));

const isHttp = (url) => StringPrototypeStartsWith(url, "http:") || StringPrototypeStartsWith(url, "https:");

// A name may have lone surrogates; as a JSON text it has none.
const nameOf = (value, prefix) => JSONStringify(DOMString(value, prefix, "parameter 1"));

/** `run()`, whose exceptions become rejections. */
function promised(run) {
  try {
    return run();
  } catch (error) {
    return PromiseReject(error);
  }
}

// ---- Cache ----

function match(cache, request, query) {
  return ask(
    (op) => ops.cacheMatch(op, cache, request.method, request.url, internals.headers.pack(request.headers), flagsOf(query)),
    toResponse,
  );
}

/** Entries as `[{ id, url, headers }]`; of all requests without one. */
function list(cache, request, query) {
  const headers = request === undefined ? "" : internals.headers.pack(request.headers);
  return ask(
    (op) => ops.cacheList(op, cache, request?.method, request?.url, headers, flagsOf(query)),
    JSONParse,
  );
}

function checkPut(request, prefix) {
  if (!isHttp(request.url)) throw new TypeError(`${prefix}: the request's URL is not an HTTP one.`);
  if (request.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
}

function checkStored(response) {
  if (response.status === 206) {
    throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
  }
  if (response.upgrade) throw new TypeError("Cannot cache WebSocket upgrade response.");
}

/** Stores a response, whose body is taken. */
function put(cache, request, response) {
  const body = internals.body.takeRecord(response.body);
  const contents =
    body.kind === HOST_BODY ? body.handle
      : body.kind === TEXT ? body.text
        : body.kind === STREAM ? internals.streams.expectedLength(body.stream) : body.bytes;
  return ask((op, failed) => {
    const leaving = ops.cachePut(
      op, cache, request.method, request.url, internals.headers.pack(request.headers), response.status, response.statusText,
      internals.headers.pack(response.headers), response.url, response.redirected, body.kind, contents,
    );
    if (leaving !== 0) {
      internals.leaving.send(leaving, body.kind === STREAM ? body.stream : internals.hostBody.stream(body.handle), failed);
    }
  });
}

/** Fetches all requests, and stores the responses when every one of them is good. */
async function addAll(cache, inputs, prefix) {
  const requests = [];
  for (let i = 0; i < inputs.length; i++) {
    const request = internals.request.from(inputs[i]);
    const state = internals.request.stateOf(request);
    checkPut(state, prefix);
    ArrayPrototypePush(requests, { __proto__: null, request, state });
  }
  refuseDuplicates(requests, undefined, prefix);
  const fetches = [];
  for (let i = 0; i < requests.length; i++) ArrayPrototypePush(fetches, internals.fetch(requests[i].request));
  // One that fails while another is waited for has been heard of.
  for (let i = 0; i < fetches.length; i++) PromisePrototypeThen(fetches[i], undefined, () => undefined);
  const responses = [];
  for (let i = 0; i < fetches.length; i++) {
    const response = internals.response.stateOf(await fetches[i]);
    if (response.type === "error" || response.status < 200 || response.status > 299 || response.status === 206) {
      throw new TypeError(`${prefix}: a request failed with status ${response.status}.`);
    }
    if (variesByAnything(response)) throw new TypeError("Cannot cache response with 'Vary: *' header.");
    ArrayPrototypePush(responses, response);
  }
  refuseDuplicates(requests, responses, prefix);
  const stored = [];
  for (let i = 0; i < responses.length; i++) ArrayPrototypePush(stored, put(cache, requests[i].state, responses[i]));
  for (let i = 0; i < stored.length; i++) await stored[i];
}

// Members of a list header, in lower case.
function members(headers, name) {
  const list = [];
  let rest = internals.headers.get(headers, name);
  while (rest !== null) {
    const comma = StringPrototypeIndexOf(rest, ",");
    const member = comma < 0 ? rest : StringPrototypeSlice(rest, 0, comma);
    ArrayPrototypePush(list, StringPrototypeToLowerCase(StringPrototypeTrim(member)));
    rest = comma < 0 ? null : StringPrototypeSlice(rest, comma + 1);
  }
  return list;
}

function variesByAnything(response) {
  const names = members(response.headers, "vary");
  for (let i = 0; i < names.length; i++) if (names[i] === "*") return true;
  return false;
}

// https://w3c.github.io/ServiceWorker/#batch-cache-operations-algorithm: no operation of a batch may replace another's.
// Without the responses only requests are found that are alike whatever these say.
function refuseDuplicates(requests, responses, prefix) {
  const bare = (url) => {
    const at = StringPrototypeIndexOf(url, "#");
    return at < 0 ? url : StringPrototypeSlice(url, 0, at);
  };
  for (let i = 1; i < requests.length; i++) {
    for (let j = 0; j < i; j++) {
      if (bare(requests[i].state.url) !== bare(requests[j].state.url)) continue;
      const names = responses === undefined ? [] : members(responses[j].headers, "vary");
      let same =
        responses !== undefined ||
        internals.headers.pack(requests[i].state.headers) === internals.headers.pack(requests[j].state.headers);
      for (let n = 0; n < names.length; n++) {
        const one = requests[i].state.headers;
        const other = requests[j].state.headers;
        if (internals.headers.get(one, names[n]) !== internals.headers.get(other, names[n])) same = false;
      }
      if (same) {
        throw new internals.DOMException(`${prefix}: two of the requests would store the same entry.`, "InvalidStateError");
      }
    }
  }
}

function make() {
  let cacheOf;

  class Cache {
    #cache;
    constructor(key = undefined, cache = undefined) {
      if (key !== privateKey) illegalConstructor();
      this.#cache = cache;
    }
    static {
      cacheOf = (self) => {
        if (self === null || typeof self !== "object" || !(#cache in self)) throw new TypeError("Illegal invocation");
        return self.#cache;
      };
    }

    match(request, options = undefined) {
      return promised(() => {
        const cache = cacheOf(this);
        const prefix = "Failed to execute 'match' on 'Cache'";
        requireArguments(arguments.length, 1, prefix);
        return match(cache, requestOf(request), toQuery(options, prefix, "parameter 2"));
      });
    }

    matchAll(request = undefined, options = undefined) {
      return promised(async () => {
        const cache = cacheOf(this);
        const query = toQuery(options, "Failed to execute 'matchAll' on 'Cache'", "parameter 2");
        const entries = await list(cache, request === undefined ? undefined : requestOf(request), query);
        const found = [];
        for (let i = 0; i < entries.length; i++) {
          const response = await ask((op) => ops.cacheGet(op, entries[i].id), toResponse);
          if (response !== undefined) ArrayPrototypePush(found, response);
        }
        return ObjectFreeze(found);
      });
    }

    add(request) {
      return promised(() => {
        const cache = cacheOf(this);
        const prefix = "Failed to execute 'add' on 'Cache'";
        requireArguments(arguments.length, 1, prefix);
        return addAll(cache, [request], prefix);
      });
    }

    addAll(requests) {
      return promised(() => {
        const cache = cacheOf(this);
        const prefix = "Failed to execute 'addAll' on 'Cache'";
        requireArguments(arguments.length, 1, prefix);
        return addAll(cache, sequence(requests, (value) => value, prefix, "parameter 1"), prefix);
      });
    }

    put(request, response) {
      return promised(() => {
        const cache = cacheOf(this);
        const prefix = "Failed to execute 'put' on 'Cache'";
        requireArguments(arguments.length, 2, prefix);
        const asked = requestOf(request);
        checkPut(asked, prefix);
        const state = internals.response.stateOf(response);
        if (state === undefined) throw new TypeError(`${prefix}: parameter 2 is not of type 'Response'.`);
        checkStored(state);
        return put(cache, asked, state);
      });
    }

    delete(request, options = undefined) {
      return promised(() => {
        const cache = cacheOf(this);
        const prefix = "Failed to execute 'delete' on 'Cache'";
        requireArguments(arguments.length, 1, prefix);
        const asked = requestOf(request);
        const flags = flagsOf(toQuery(options, prefix, "parameter 2"));
        const headers = internals.headers.pack(asked.headers);
        return ask((op) => ops.cacheDelete(op, cache, asked.method, asked.url, headers, flags), JSONParse);
      });
    }

    keys(request = undefined, options = undefined) {
      return promised(async () => {
        const cache = cacheOf(this);
        const query = toQuery(options, "Failed to execute 'keys' on 'Cache'", "parameter 2");
        const entries = await list(cache, request === undefined ? undefined : requestOf(request), query);
        const found = [];
        for (let i = 0; i < entries.length; i++) {
          const { url, headers } = entries[i];
          ArrayPrototypePush(found, internals.request.from(url, { __proto__: null, headers: internals.headers.fromList(headers) }));
        }
        return ObjectFreeze(found);
      });
    }
  }
  configureInterface(Cache);

  const named = (what, name) => ask((op) => ops.cacheNames(op, what, name), JSONParse);
  let check;

  class CacheStorage {
    #default = new Cache(privateKey, 0);
    constructor(key = undefined) {
      if (key !== privateKey) illegalConstructor();
    }
    static {
      check = (self) => {
        if (self === null || typeof self !== "object" || !(#default in self)) throw new TypeError("Illegal invocation");
      };
    }

    /** Of Workers: the cache that they all have. */
    get default() {
      check(this);
      return this.#default;
    }

    match(request, options = undefined) {
      return promised(async () => {
        check(this);
        const prefix = "Failed to execute 'match' on 'CacheStorage'";
        requireArguments(arguments.length, 1, prefix);
        const asked = requestOf(request);
        const query = toMultiQuery(options, prefix, "parameter 2");
        const names =
          query.cacheName === undefined ? await named(NAMES) : [JSONStringify(query.cacheName)];
        for (let i = 0; i < names.length; i++) {
          const cache = await named(HAS, names[i]);
          const found = cache === null ? undefined : await match(cache, asked, query);
          if (found !== undefined) return found;
        }
        return undefined;
      });
    }

    has(cacheName) {
      return promised(async () => {
        check(this);
        const prefix = "Failed to execute 'has' on 'CacheStorage'";
        requireArguments(arguments.length, 1, prefix);
        return (await named(HAS, nameOf(cacheName, prefix))) !== null;
      });
    }

    open(cacheName) {
      return promised(async () => {
        check(this);
        const prefix = "Failed to execute 'open' on 'CacheStorage'";
        requireArguments(arguments.length, 1, prefix);
        return new Cache(privateKey, await named(OPEN, nameOf(cacheName, prefix)));
      });
    }

    delete(cacheName) {
      return promised(() => {
        check(this);
        const prefix = "Failed to execute 'delete' on 'CacheStorage'";
        requireArguments(arguments.length, 1, prefix);
        return named(DELETE, nameOf(cacheName, prefix));
      });
    }

    keys() {
      return promised(async () => {
        check(this);
        const names = await named(NAMES);
        const result = [];
        for (let i = 0; i < names.length; i++) ArrayPrototypePush(result, JSONParse(names[i]));
        return result;
      });
    }
  }
  configureInterface(CacheStorage);
  return { __proto__: null, Cache, CacheStorage, caches: new CacheStorage(privateKey) };
}

const group = internals.exposeLazily(["Cache", "CacheStorage"], make);
internals.exposeLazily(["caches"], () => ({ __proto__: null, caches: group().caches }), true);
