"use strict";
// What console shows of the platform's own objects, whose state is behind accessors. The accessors are those of this
// file's evaluation, before any Worker ran, and none of them reads a body or makes anything up.

const {
  ArrayPrototypePush, FunctionPrototypeCall, Map, MapPrototypeGet, MapPrototypeSet, ObjectGetPrototypeOf,
  ReflectGetOwnPropertyDescriptor, globalThis,
} = internals.primordials;

/** prototype -> [key, getter, key, getter ...] */
const shown = new Map();

/** Has console show these attributes of an interface's objects, in this order. */
function show(Class, keys) {
  const getters = [];
  for (const key of keys) {
    // Inherited ones are those of a prototype further up.
    let at = Class.prototype;
    while (ReflectGetOwnPropertyDescriptor(at, key) === undefined) at = ObjectGetPrototypeOf(at);
    ArrayPrototypePush(getters, key, ReflectGetOwnPropertyDescriptor(at, key).get);
  }
  showBy(Class, (value) => {
    const members = [];
    for (let i = 0; i < getters.length; i += 2) {
      ArrayPrototypePush(members, getters[i], FunctionPrototypeCall(getters[i + 1], value));
    }
    return members;
  });
}

/** The same with a function that gives key, value, key, value ... of an object. */
const showBy = (Class, members) => void MapPrototypeSet(shown, Class.prototype, members);

internals.inspectable = {
  __proto__: null,
  show, showBy,
  /** Key, value, key, value ... of a platform object; undefined for other objects. */
  membersOf(value) {
    for (let at = ObjectGetPrototypeOf(value), i = 0; at !== null && i < 10 && !ops.isProxy(at); i++) {
      const members = MapPrototypeGet(shown, at);
      if (members !== undefined) {
        try {
          return members(value);
        } catch {
          // An object that only inherits from one.
          return undefined;
        }
      }
      at = ObjectGetPrototypeOf(at);
    }
    return undefined;
  },
};

const pairs = (Class) => {
  const { forEach } = Class.prototype;
  showBy(Class, (value) => {
    const members = [];
    FunctionPrototypeCall(forEach, value, (member, key) => void ArrayPrototypePush(members, key, member));
    return members;
  });
};

pairs(globalThis.Headers);
pairs(globalThis.URLSearchParams);
pairs(globalThis.FormData);
show(globalThis.URL, [
  "href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "searchParams",
  "hash",
]);
show(globalThis.Request, ["method", "url", "headers", "redirect", "bodyUsed"]);
show(globalThis.Response, ["status", "statusText", "ok", "redirected", "type", "url", "headers", "bodyUsed"]);
show(globalThis.Blob, ["size", "type"]);
show(globalThis.File, ["size", "type", "name", "lastModified"]);
show(globalThis.AbortSignal, ["aborted", "reason"]);
show(globalThis.AbortController, ["signal"]);
show(globalThis.Event, ["type", "defaultPrevented", "cancelable", "timeStamp"]);
show(globalThis.CustomEvent, ["type", "defaultPrevented", "cancelable", "timeStamp", "detail"]);
show(globalThis.MessageEvent, ["type", "data", "origin", "lastEventId", "ports"]);
show(globalThis.ErrorEvent, ["type", "message", "filename", "lineno", "colno", "error"]);
show(globalThis.PromiseRejectionEvent, ["type", "reason", "promise"]);
show(globalThis.ReadableStream, ["locked"]);
show(globalThis.WritableStream, ["locked"]);
show(globalThis.TransformStream, ["readable", "writable"]);
