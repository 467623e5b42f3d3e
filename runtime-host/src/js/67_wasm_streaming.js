"use strict";
// WebAssembly.compileStreaming and instantiateStreaming (https://www.w3.org/TR/wasm-web-api/#streaming-modules). What a
// Response brings is code that is not in the bundle: it is compiled only where the host allows that, for tests. V8 gives
// both functions to embedders that compile while bytes arrive, which nothing here would gain from.

const {
  Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, ReflectGetOwnPropertyDescriptor, StringPrototypeToLowerCase, TypeError,
  globalThis, uncurryThis,
} = internals.primordials;
const { defineMethod, isObject } = internals.webidl;

const { Headers, Response } = globalThis;
const getterOf = (key) => uncurryThis(ReflectGetOwnPropertyDescriptor(Response.prototype, key).get);
const getHeaders = getterOf("headers");
const isOk = getterOf("ok");
const getHeader = uncurryThis(Headers.prototype.get);
const arrayBuffer = uncurryThis(Response.prototype.arrayBuffer);

/** Both functions, for the WebAssembly object that V8 makes for each context: the snapshot has none. */
internals.makeWasmStreaming = () => {
  const { CompileError, compile, instantiate } = globalThis.WebAssembly;

  /** A promise for the bytes of a Response, or of a promise for one. */
  function bytesOf(source, name) {
    return PromisePrototypeThen(PromiseResolve(source), (response) => {
      const prefix = `WebAssembly.${name}()`;
      if (!internals.response.is(response)) throw new TypeError(`${prefix}: Argument 0 must be a Response or a promise for one`);
      if (!ops.codeGenerationAllowed()) throw new CompileError(`${prefix}: Wasm code generation disallowed by embedder`);
      const type = getHeader(getHeaders(response), "content-type");
      if (type === null || StringPrototypeToLowerCase(type) !== "application/wasm") {
        throw new TypeError(`${prefix}: Incorrect response MIME type. Expected 'application/wasm'.`);
      }
      if (!isOk(response)) throw new TypeError(`${prefix}: HTTP status code is not ok`);
      return arrayBuffer(response);
    });
  }
  return {
    __proto__: null,
    compileStreaming(source) {
      return PromisePrototypeThen(bytesOf(source, "compileStreaming"), (bytes) => compile(bytes));
    },
    instantiateStreaming(source, importObject = undefined) {
      return PromisePrototypeThen(bytesOf(source, "instantiateStreaming"), (bytes) => instantiate(bytes, importObject));
    },
  };
};

/**
 * Where code generation is allowed: V8 compiles bytes on other threads and finishes in a task of its own, which nothing
 * here runs. So these compile before they return their promise.
 */
internals.compileAtOnce = () => {
  const { WebAssembly } = globalThis;
  const { Module, instantiate: instantiateModule } = WebAssembly;
  const compileNow = (bytes) => new Promise((resolve) => resolve(new Module(bytes)));
  const isModule = (value) => {
    try {
      Module.exports(value);
      return true;
    } catch {
      return false;
    }
  };
  const operations = {
    compile(bytes) {
      return compileNow(bytes);
    },
    instantiate(bytes, importObject = undefined) {
      if (isModule(bytes)) return instantiateModule(bytes, importObject);
      if (importObject !== undefined && !isObject(importObject)) {
        return PromiseReject(new TypeError("WebAssembly.instantiate(): Argument 1 must be an object"));
      }
      return PromisePrototypeThen(compileNow(bytes), (module) =>
        PromisePrototypeThen(instantiateModule(module, importObject), (instance) => ({ module, instance })),
      );
    },
  };
  for (const key in operations) defineMethod(WebAssembly, key, operations[key], true);
};
