"use strict";
// URLPattern (https://urlpattern.spec.whatwg.org/#urlpattern-class), made when it is first used.

internals.exposeLazily(["URLPattern"], () => {
  const {
    ArrayPrototypePush, ObjectDefineProperty, ReflectConstruct, RegExp, RegExpPrototypeExec, StringPrototypeSplit, TypeError,
  } = internals.primordials;
  const { USVString, configureInterface, dictionary, illegalInvocation, isObject } = internals.webidl;
  const { shield } = internals.streamCore;

  // Components in the order of ops/url_pattern.rs.
  const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

  // In the order in which Web IDL reads them.
  const MEMBERS = ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol", "search", "username"];
  const members = [];
  for (let i = 0; i < MEMBERS.length; i++) ArrayPrototypePush(members, { __proto__: null, key: MEMBERS[i], convert: USVString });
  const toInit = dictionary("URLPatternInit", members);
  const toOptions = dictionary("URLPatternOptions", [
    { __proto__: null, key: "ignoreCase", convert: (value) => !!value, default: false },
  ]);

  const isDictionary = (value) => value === undefined || value === null || isObject(value);

  /** URLPatternInput: a string, or a dictionary without a prototype. */
  const toInput = (value, prefix) => (isDictionary(value) ? toInit(value, prefix) : USVString(value, prefix, "parameter 1"));

  /** What the host takes for an init: its members in the order of the components, then the base URL. */
  function toList(init) {
    const list = [];
    for (let i = 0; i < COMPONENTS.length; i++) ArrayPrototypePush(list, init[COMPONENTS[i]]);
    ArrayPrototypePush(list, init.baseURL);
    return list;
  }

  class Component {
    constructor(pattern, source, names, ignoreCase) {
      this.pattern = pattern;
      this.names = names === "" ? [] : StringPrototypeSplit(names, ",");
      try {
        this.expression = ReflectConstruct(RegExp, [source, ignoreCase ? "vi" : "v"]);
      } catch {
        throw new TypeError(`Invalid URL pattern: '${pattern}' has a regular expression that is not valid.`);
      }
    }

    /** https://urlpattern.spec.whatwg.org/#create-a-component-match-result, or null. */
    match(input) {
      const found = RegExpPrototypeExec(this.expression, input);
      if (found === null) return null;
      const groups = {};
      for (let i = 0; i < this.names.length; i++) define(groups, this.names[i], found[i + 1]);
      const result = {};
      define(result, "input", input);
      define(result, "groups", groups);
      return result;
    }
  }
  shield(Component);

  /** A property as object literals make it, whatever a Worker has put on Object.prototype. */
  function define(object, key, value) {
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  }

  // Whether the second argument is a base URL depends on how many there are, and on its type.
  function parse(args, prefix) {
    const count = args.length;
    const overload = count >= 3 || (count === 2 && !isDictionary(args[1]));
    const input = toInput(args[0], prefix);
    const base = overload ? USVString(args[1], prefix, "parameter 2") : undefined;
    const { ignoreCase } = toOptions(overload ? args[2] : args[1], prefix);
    const given = typeof input === "string";
    if (!given && base !== undefined) throw new TypeError(`${prefix}: a base URL can't be given beside an object.`);
    const parts = ops.urlPatternParse(given ? input : undefined, base, given ? undefined : toList(input), ignoreCase);
    const components = [];
    for (let i = 0; i < COMPONENTS.length; i++) {
      // Only these are compared as they are written.
      const fold = ignoreCase && i >= 5;
      ArrayPrototypePush(components, new Component(parts[i * 3], parts[i * 3 + 1], parts[i * 3 + 2], fold));
    }
    return { __proto__: null, components, hasGroups: parts[COMPONENTS.length * 3] };
  }

  /** https://urlpattern.spec.whatwg.org/#url-pattern-match: an Array of what each component matched, or null. */
  function match(pattern, input, base, prefix) {
    const given = typeof input === "string";
    if (!given && base !== undefined) throw new TypeError(`${prefix}: a base URL can't be given beside an object.`);
    const parts = ops.urlPatternInput(given ? input : undefined, base, given ? undefined : toList(input));
    if (parts === undefined) return null;
    const results = [];
    for (let i = 0; i < COMPONENTS.length; i++) {
      const result = pattern.components[i].match(parts[i]);
      if (result === null) return null;
      ArrayPrototypePush(results, result);
    }
    return results;
  }

  const inTest = "Failed to execute 'test' on 'URLPattern'";
  const inExec = "Failed to execute 'exec' on 'URLPattern'";

  class URLPattern {
    #pattern;

    constructor(input = {}, baseURL = undefined, options = undefined) {
      this.#pattern = parse(arguments, "Failed to construct 'URLPattern'");
    }

    static #required(self) {
      if (!isObject(self) || !(#pattern in self)) illegalInvocation();
      return self.#pattern;
    }

    get protocol() {
      return URLPattern.#required(this).components[0].pattern;
    }
    get username() {
      return URLPattern.#required(this).components[1].pattern;
    }
    get password() {
      return URLPattern.#required(this).components[2].pattern;
    }
    get hostname() {
      return URLPattern.#required(this).components[3].pattern;
    }
    get port() {
      return URLPattern.#required(this).components[4].pattern;
    }
    get pathname() {
      return URLPattern.#required(this).components[5].pattern;
    }
    get search() {
      return URLPattern.#required(this).components[6].pattern;
    }
    get hash() {
      return URLPattern.#required(this).components[7].pattern;
    }
    get hasRegExpGroups() {
      return URLPattern.#required(this).hasGroups;
    }

    test(input = {}, baseURL = undefined) {
      const pattern = URLPattern.#required(this);
      const converted = toInput(input, inTest);
      const base = baseURL === undefined ? undefined : USVString(baseURL, inTest, "parameter 2");
      return match(pattern, converted, base, inTest) !== null;
    }

    exec(input = {}, baseURL = undefined) {
      const pattern = URLPattern.#required(this);
      const converted = toInput(input, inExec);
      const base = baseURL === undefined ? undefined : USVString(baseURL, inExec, "parameter 2");
      const results = match(pattern, converted, base, inExec);
      if (results === null) return null;
      const result = {};
      define(result, "inputs", base === undefined ? [shown(converted)] : [converted, base]);
      for (let i = 0; i < COMPONENTS.length; i++) define(result, COMPONENTS[i], results[i]);
      return result;
    }
  }
  configureInterface(URLPattern);

  /** An input as Web IDL gives it back. */
  function shown(input) {
    if (typeof input === "string") return input;
    const object = {};
    for (let i = 0; i < MEMBERS.length; i++) {
      const value = input[MEMBERS[i]];
      if (value !== undefined) define(object, MEMBERS[i], value);
    }
    return object;
  }

  return { __proto__: null, URLPattern };
});
