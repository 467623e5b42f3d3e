"use strict";
// Globals that are made when somebody first reads them.

const { ReflectDefineProperty, globalThis } = internals.primordials;

/**
 * Adds globals with the property attributes of interfaces (or of attributes, when `enumerable`). `make()` is called once,
 * when the first of them is read, and returns an object with all of them. It may be called again when it did not return.
 * Returns a function that gives that object, for the host's own use.
 */
internals.exposeLazily ??= (names, make, enumerable = false) => {
  let made;
  const group = () => (made ??= make());
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const define = (value) =>
      ReflectDefineProperty(globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable });
    ReflectDefineProperty(globalThis, name, {
      __proto__: null,
      get() {
        const value = group()[name];
        define(value);
        return value;
      },
      set: define,
      configurable: true,
      enumerable,
    });
  }
  return group;
};
