"use strict";
// HTMLRewriter of Workers (https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/), made when it is first
// used.

internals.exposeLazily(["HTMLRewriter"], () => {
  const { ArrayPrototypePush, MapPrototypeGet, TypeError } = internals.primordials;
  const { USVString, configureInterface, illegalInvocation, isObject, requireArguments } = internals.webidl;
  const { tryReadableOf } = internals.streamCore;
  const Rewriting = internals.makeHtmlRewriting(internals.makeHtmlTokens());

  // Which handlers there are: the bits of ops/html_rewriter/handlers.rs.
  const BITS = { __proto__: null, element: 1, comments: 2, text: 4, doctype: 8, end: 16 };

  const inOn = "Failed to execute 'on' on 'HTMLRewriter'";
  const inOnDocument = "Failed to execute 'onDocument' on 'HTMLRewriter'";
  const inTransform = "Failed to execute 'transform' on 'HTMLRewriter'";

  /** The handlers of an object, as they are now. */
  function toRegistration(selector, object, names, type, prefix, parameter) {
    if (object !== null && !isObject(object)) throw new TypeError(`${prefix}: ${parameter} is not of type '${type}'.`);
    const registration = { __proto__: null, selector, kinds: 0, receiver: object };
    for (let i = 0; i < names.length && object !== null; i++) {
      const name = names[i];
      const handler = object[name];
      if (handler === undefined) continue;
      if (typeof handler !== "function") {
        throw new TypeError(`Incorrect type for the '${name}' field on '${type}': the provided value is not of type 'function'.`);
      }
      registration[name] = handler;
      registration.kinds |= BITS[name];
    }
    return registration;
  }

  const ELEMENT_HANDLERS = ["comments", "element", "text"];
  const DOCUMENT_HANDLERS = ["comments", "doctype", "end", "text"];

  class HTMLRewriter {
    #registrations = [];

    on(selector, handlers) {
      if (!isObject(this) || !(#registrations in this)) illegalInvocation();
      requireArguments(arguments.length, 1, inOn);
      selector = USVString(selector, inOn, "parameter 1");
      const registration =
        toRegistration(selector, handlers, ELEMENT_HANDLERS, "ElementContentHandlers", inOn, "parameter 2");
      ops.htmlSelector(selector);
      ArrayPrototypePush(this.#registrations, registration);
      return this;
    }

    onDocument(handlers) {
      if (!isObject(this) || !(#registrations in this)) illegalInvocation();
      const registration =
        toRegistration(undefined, handlers, DOCUMENT_HANDLERS, "DocumentContentHandlers", inOnDocument, "parameter 1");
      ArrayPrototypePush(this.#registrations, registration);
      return this;
    }

    /** The response with its body rewritten while it is read; one without a body is given back. */
    transform(response) {
      if (!isObject(this) || !(#registrations in this)) illegalInvocation();
      requireArguments(arguments.length, 1, inTransform);
      const state = internals.response.stateOf(response);
      if (state === undefined) throw new TypeError(`${inTransform}: parameter 1 is not of type 'Response'.`);
      if (state.body === null) return response;
      const registrations = [];
      for (let i = 0; i < this.#registrations.length; i++) ArrayPrototypePush(registrations, this.#registrations[i]);
      return internals.response.transform(response, (body) => {
        const charset = charsetOf(state.headers);
        return new Rewriting(registrations, charset, tryReadableOf(body)).output;
      });
    }
  }
  configureInterface(HTMLRewriter);

  /** The encoding that Content-Type names, or undefined. */
  function charsetOf(headers) {
    const type = internals.mime.parse(internals.headers.get(headers, "content-type") ?? "");
    return type === undefined ? undefined : MapPrototypeGet(type.parameters, "charset");
  }

  return { __proto__: null, HTMLRewriter };
});
