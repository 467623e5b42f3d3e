"use strict";
// DOMException (https://webidl.spec.whatwg.org/#idl-DOMException). Instances are genuine error objects, so the engine
// gives them stacks and reports them like any other error.

const { webidl, primordials } = internals;
const { Error, ObjectSetPrototypeOf, RangeError, ReflectConstruct, ReflectDeleteProperty } = primordials;
const { DOMString, illegalInvocation } = webidl;

// The names that have a legacy code; a name's code is its place here plus one. Holes are codes no longer used.
const NAMES_WITH_CODES = [
  "IndexSizeError", , "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", ,
  "NoModificationAllowedError", "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError",
  "SyntaxError", "InvalidModificationError", "NamespaceError", "InvalidAccessError", , "TypeMismatchError",
  "SecurityError", "NetworkError", "AbortError", "URLMismatchError", "QuotaExceededError", "TimeoutError",
  "InvalidNodeTypeError", "DataCloneError",
];

const CONSTANTS = {
  INDEX_SIZE_ERR: 1, DOMSTRING_SIZE_ERR: 2, HIERARCHY_REQUEST_ERR: 3, WRONG_DOCUMENT_ERR: 4, INVALID_CHARACTER_ERR: 5,
  NO_DATA_ALLOWED_ERR: 6, NO_MODIFICATION_ALLOWED_ERR: 7, NOT_FOUND_ERR: 8, NOT_SUPPORTED_ERR: 9,
  INUSE_ATTRIBUTE_ERR: 10, INVALID_STATE_ERR: 11, SYNTAX_ERR: 12, INVALID_MODIFICATION_ERR: 13, NAMESPACE_ERR: 14,
  INVALID_ACCESS_ERR: 15, VALIDATION_ERR: 16, TYPE_MISMATCH_ERR: 17, SECURITY_ERR: 18, NETWORK_ERR: 19, ABORT_ERR: 20,
  URL_MISMATCH_ERR: 21, QUOTA_EXCEEDED_ERR: 22, TIMEOUT_ERR: 23, INVALID_NODE_TYPE_ERR: 24, DATA_CLONE_ERR: 25,
};

const codes = { __proto__: null };
NAMES_WITH_CODES.forEach((name, i) => {
  codes[name] = i + 1;
});

// Adds private fields to an object it did not create: a base constructor that returns its argument.
const Adopt = function (target) {
  return target;
};
class Fields extends Adopt {
  #name;
  #message;
  constructor(target, name, message) {
    super(target);
    this.#name = name;
    this.#message = message;
  }
  static isOn(object) {
    return #name in object;
  }
  static name(object) {
    return #name in object ? object.#name : illegalInvocation();
  }
  static message(object) {
    return #name in object ? object.#message : illegalInvocation();
  }
}

const PREFIX = "Failed to construct 'DOMException'";

class DOMException {
  constructor(message = "", name = "Error") {
    message = DOMString(message, PREFIX, "parameter 1");
    name = DOMString(name, PREFIX, "parameter 2");
    // The stack's first line has the message that Error was given; the property itself is the prototype's accessor.
    const self = ReflectConstruct(Error, [message], new.target);
    ReflectDeleteProperty(self, "message");
    new Fields(self, name, message);
    return self;
  }

  get name() {
    return Fields.name(this);
  }

  get message() {
    return Fields.message(this);
  }

  get code() {
    return codes[Fields.name(this)] ?? 0;
  }
}
ObjectSetPrototypeOf(DOMException.prototype, Error.prototype);
webidl.configureInterface(DOMException, CONSTANTS);

// https://webidl.spec.whatwg.org/#quotaexceedederror
class QuotaExceededError extends DOMException {
  #quota = null;
  #requested = null;
  constructor(message = "", options = undefined) {
    super(message, "QuotaExceededError");
    const prefix = "Failed to construct 'QuotaExceededError'";
    const { quota, requested } = toQuotaOptions(options, prefix, "parameter 2");
    if (quota < 0 || requested < 0 || requested < quota) {
      throw new RangeError(`${prefix}: quota and requested must not be negative, nor requested less than quota.`);
    }
    this.#quota = quota ?? null;
    this.#requested = requested ?? null;
  }
  get quota() {
    return #quota in this ? this.#quota : illegalInvocation();
  }
  get requested() {
    return #quota in this ? this.#requested : illegalInvocation();
  }
}
webidl.configureInterface(QuotaExceededError);
const toQuotaOptions = webidl.dictionary("QuotaExceededErrorOptions", [
  { key: "quota", convert: webidl.double },
  { key: "requested", convert: webidl.double },
]);

internals.DOMException = DOMException;
internals.QuotaExceededError = QuotaExceededError;
internals.expose("QuotaExceededError", QuotaExceededError);
internals.isDOMException = (value) => webidl.isObject(value) && Fields.isOn(value);
internals.expose("DOMException", DOMException);
