"use strict";
// Globals that are made when somebody first reads them: until then an isolate holds a name for each, neither classes nor
// their code.

const { Map, MapPrototypeGet, MapPrototypeSet } = internals.primordials;

/** name -> function that gives an object with the global of that name. */
const groups = new Map();
ops.lazyResolver((name) => MapPrototypeGet(groups, name)()[name]);

/**
 * Adds globals (or properties of `target`) with the property attributes of interfaces, or of operations when
 * `enumerable`. `make()` is called once, when the first of them is read, and returns an object with all of them. It may
 * be called again when it did not return (the turn was ended, the stack was full), so what it changes must bear that.
 *
 * Returns a function that gives that object, for the host's own use.
 */
internals.exposeLazily = (names, make, enumerable = false, target = undefined) => {
  let made;
  const group = () => (made ??= make());
  for (let i = 0; i < names.length; i++) {
    MapPrototypeSet(groups, names[i], group);
    ops.exposeLazily(names[i], enumerable, target);
  }
  return group;
};
