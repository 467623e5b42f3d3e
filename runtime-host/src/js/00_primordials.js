"use strict";
// The intrinsics as they were before any Worker ran. Code of the host uses these, so that a Worker
// that patches a prototype changes its own world only. `uncurryThis(f)(self, ...args)` calls a
// method without looking it up on the object.

const { bind, call } = Function.prototype;
const uncurryThis = bind.bind(call);

const p = { __proto__: null, uncurryThis };
p.globalThis = globalThis;

for (const name of [
  "AggregateError", "Array", "ArrayBuffer", "BigInt", "BigInt64Array", "BigUint64Array", "Boolean", "DataView",
  "Date", "Error", "EvalError", "Float32Array", "Float64Array", "Function", "Int16Array", "Int32Array", "Int8Array",
  "Map", "Number", "Object", "Promise", "Proxy", "RangeError", "ReferenceError", "RegExp", "Set",
  "SharedArrayBuffer", "String", "Symbol", "SyntaxError", "TypeError", "URIError", "Uint16Array", "Uint32Array",
  "Uint8Array", "Uint8ClampedArray", "WeakMap", "WeakRef", "WeakSet",
]) {
  const constructor = globalThis[name];
  if (constructor === undefined) continue;
  p[name] = constructor;
  copyStatics(name, constructor);
  if (constructor.prototype) copyMethods(`${name}Prototype`, constructor.prototype);
}
for (const name of ["JSON", "Math", "Reflect"]) copyStatics(name, globalThis[name]);

const TypedArray = Reflect.getPrototypeOf(Uint8Array);
p.TypedArray = TypedArray;
copyMethods("TypedArrayPrototype", TypedArray.prototype);
copyMethods("ArrayIteratorPrototype", Reflect.getPrototypeOf([][Symbol.iterator]()));
copyMethods("GeneratorPrototype", Reflect.getPrototypeOf(function* () {}).prototype);
p.IteratorPrototype = Reflect.getPrototypeOf(Reflect.getPrototypeOf([][Symbol.iterator]()));
p.AsyncIteratorPrototype = Reflect.getPrototypeOf(Reflect.getPrototypeOf(async function* () {}).prototype);
p.queueMicrotask = undefined; // Set by the file that defines the global.

// Statics keep `this`: PromiseResolve(v) is Promise.resolve(v).
function copyStatics(name, holder) {
  for (const key of Reflect.ownKeys(holder)) {
    const d = Reflect.getOwnPropertyDescriptor(holder, key);
    const full = `${name}${suffix(key)}`;
    if (typeof d.value === "function") p[full] = d.value.bind(holder);
    else if ("value" in d && key !== "prototype" && key !== "name" && key !== "length") p[full] = d.value;
  }
}

// Methods take `this` as their first argument; accessors become NameGetKey / NameSetKey.
function copyMethods(name, prototype) {
  for (const key of Reflect.ownKeys(prototype)) {
    if (key === "constructor") continue;
    const d = Reflect.getOwnPropertyDescriptor(prototype, key);
    const full = `${name}${suffix(key)}`;
    if (typeof d.value === "function") p[full] = uncurryThis(d.value);
    if (d.get) p[`${name}Get${suffix(key)}`] = uncurryThis(d.get);
    if (d.set) p[`${name}Set${suffix(key)}`] = uncurryThis(d.set);
  }
}

// "push" -> "Push", Symbol.iterator -> "SymbolIterator".
function suffix(key) {
  if (typeof key === "symbol") return `Symbol${suffix(key.description.replace("Symbol.", ""))}`;
  return key[0].toUpperCase() + key.slice(1);
}

internals.primordials = p;

// Adds a global as Web IDL defines interfaces and operations: writable, configurable, and enumerable only for
// operations and attributes of the global scope.
internals.expose = (name, value, enumerable = false) => {
  Reflect.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable });
};
