"use strict";
// Globals that are made when somebody first reads them: until then an isolate holds a name and a function for each,
// neither classes nor their code.

const { ArrayPrototypeForEach } = internals.primordials;

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
  ArrayPrototypeForEach(names, (name) => ops.exposeLazily(name, (key) => group()[key], enumerable, target));
  return group;
};
