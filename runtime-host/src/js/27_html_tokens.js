"use strict";
// What HTMLRewriter's handlers get: Element, EndTag, Comment, Text, Doctype, DocumentEnd.

/** Makes these classes; returns `newToken(kind, rewriting)`. */
internals.makeHtmlTokens = () => {
  const { IteratorPrototype, MapPrototypeSet, ObjectCreate, ObjectSetPrototypeOf, TypeError } = internals.primordials;
  const {
    DOMString, USVString, configureInterface, illegalConstructor, illegalInvocation, isObject, privateKey, requireArguments,
  } = internals.webidl;
  const { tryReadableOf } = internals.streamCore;

  // What is read of a token, and done to it: the numbers of ops/html_rewriter/token.rs.
  const NAME = 0;
  const NAMESPACE = 1;
  const REMOVED = 2;
  const TOKEN_TEXT = 3;
  const LAST_IN_TEXT_NODE = 4;
  const PUBLIC_ID = 5;
  const SYSTEM_ID = 6;
  const SET_NAME = 0;
  const SET_TEXT = 1;
  const REMOVE = 2;
  const REMOVE_AND_KEEP_CONTENT = 3;
  const BEFORE = 0;
  const AFTER = 1;
  const PREPEND = 2;
  const APPEND = 3;
  const REPLACE = 4;
  const SET_INNER_CONTENT = 5;

  const NOT_VALID =
    "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.";

  /** The parser of a token whose handler is running; throws for every other value. */
  let parserOf;
  let makeToken;

  // Gives an object of one of the classes below a private field: classes that extend one would have their `super()` look
  // at what a Worker can change.
  class Same {
    constructor(object) {
      return object;
    }
  }
  class Token extends Same {
    #rewriting;
    constructor(object, rewriting) {
      super(object);
      this.#rewriting = rewriting;
    }
    static {
      parserOf = (token) => {
        if (!isObject(token) || !(#rewriting in token)) illegalInvocation();
        const rewriting = token.#rewriting;
        if (rewriting.token !== token) throw new TypeError(NOT_VALID);
        return rewriting;
      };
      makeToken = (prototype, rewriting) => new Token(ObjectCreate(prototype), rewriting);
    }
  }

  const read = (token, what) => ops.htmlRead(parserOf(token).parser, what);

  function change(token, what, text = "") {
    ops.htmlChange(parserOf(token).parser, what, text);
    return token;
  }

  /** Inserts `args`: content (string, ReadableStream or Response) and { html }. */
  function insert(token, place, args, interfaceName, method) {
    const rewriting = parserOf(token);
    const prefix = `Failed to execute '${method}' on '${interfaceName}'`;
    requireArguments(args.length, 1, prefix);
    const options = args[1];
    let html = false;
    if (options !== undefined && options !== null) {
      if (!isObject(options)) throw new TypeError(`${prefix}: parameter 2 is not of type 'ContentOptions'.`);
      html = !!options.html;
    }
    const stream = streamOf(args[0]);
    if (stream === null) return token;
    if (stream === undefined) {
      const text = USVString(args[0], prefix, "parameter 1");
      // The conversions may have run code that ended the document.
      ops.htmlInsert(parserOf(token).parser, place, text, html);
      return token;
    }
    const number = rewriting.insertStream(stream);
    ops.htmlInsert(parserOf(token).parser, place, number, html);
    return token;
  }

  /** The stream proper of a ReadableStream, or of a Response's body (null without one); undefined for other values. */
  function streamOf(content) {
    const { body, response, streams } = internals;
    const state = response.stateOf(content);
    if (state !== undefined && state.body === null) return null;
    const stream = state === undefined ? content : body.stream(state.body);
    const proper = tryReadableOf(stream);
    if (proper === undefined) return undefined;
    if (streams.isLocked(stream)) throw new TypeError("The ReadableStream has been locked to a reader.");
    if (streams.isDisturbed(stream)) throw new TypeError("The ReadableStream has already been read from.");
    return proper;
  }

  class Element {
    constructor() {
      illegalConstructor();
    }
    get tagName() {
      return read(this, NAME);
    }
    set tagName(value) {
      change(this, SET_NAME, DOMString(value, "Failed to set 'tagName' on 'Element'", "The value"));
    }
    get attributes() {
      return makeIterator(this);
    }
    get removed() {
      return read(this, REMOVED);
    }
    get namespaceURI() {
      return read(this, NAMESPACE);
    }
    getAttribute(name) {
      const prefix = "Failed to execute 'getAttribute' on 'Element'";
      requireArguments(arguments.length, 1, prefix);
      name = DOMString(name, prefix, "parameter 1");
      return ops.htmlAttribute(parserOf(this).parser, name);
    }
    hasAttribute(name) {
      const prefix = "Failed to execute 'hasAttribute' on 'Element'";
      requireArguments(arguments.length, 1, prefix);
      name = DOMString(name, prefix, "parameter 1");
      return ops.htmlAttribute(parserOf(this).parser, name) !== null;
    }
    setAttribute(name, value) {
      const prefix = "Failed to execute 'setAttribute' on 'Element'";
      requireArguments(arguments.length, 2, prefix);
      name = DOMString(name, prefix, "parameter 1");
      value = DOMString(value, prefix, "parameter 2");
      ops.htmlSetAttribute(parserOf(this).parser, name, value);
      return this;
    }
    removeAttribute(name) {
      const prefix = "Failed to execute 'removeAttribute' on 'Element'";
      requireArguments(arguments.length, 1, prefix);
      name = DOMString(name, prefix, "parameter 1");
      ops.htmlSetAttribute(parserOf(this).parser, name, undefined);
      return this;
    }
    before(content, options = undefined) {
      return insert(this, BEFORE, arguments, "Element", "before");
    }
    after(content, options = undefined) {
      return insert(this, AFTER, arguments, "Element", "after");
    }
    prepend(content, options = undefined) {
      return insert(this, PREPEND, arguments, "Element", "prepend");
    }
    append(content, options = undefined) {
      return insert(this, APPEND, arguments, "Element", "append");
    }
    replace(content, options = undefined) {
      return insert(this, REPLACE, arguments, "Element", "replace");
    }
    remove() {
      return change(this, REMOVE);
    }
    removeAndKeepContent() {
      return change(this, REMOVE_AND_KEEP_CONTENT);
    }
    setInnerContent(content, options = undefined) {
      return insert(this, SET_INNER_CONTENT, arguments, "Element", "setInnerContent");
    }
    /** One for each element: the last that is registered. */
    onEndTag(handler) {
      const rewriting = parserOf(this);
      if (typeof handler !== "function") {
        throw new TypeError("Failed to execute 'onEndTag' on 'Element': parameter 1 is not of type 'function'.");
      }
      const number = ++rewriting.lastEndTag;
      ops.htmlOnEndTag(rewriting.parser, number);
      MapPrototypeSet(rewriting.endTags, number, handler);
    }
  }

  class EndTag {
    constructor() {
      illegalConstructor();
    }
    get name() {
      return read(this, NAME);
    }
    set name(value) {
      change(this, SET_NAME, DOMString(value, "Failed to set 'name' on 'EndTag'", "The value"));
    }
    before(content, options = undefined) {
      return insert(this, BEFORE, arguments, "EndTag", "before");
    }
    after(content, options = undefined) {
      return insert(this, AFTER, arguments, "EndTag", "after");
    }
    remove() {
      return change(this, REMOVE);
    }
  }

  class Comment {
    constructor() {
      illegalConstructor();
    }
    get text() {
      return read(this, TOKEN_TEXT);
    }
    set text(value) {
      change(this, SET_TEXT, DOMString(value, "Failed to set 'text' on 'Comment'", "The value"));
    }
    get removed() {
      return read(this, REMOVED);
    }
    before(content, options = undefined) {
      return insert(this, BEFORE, arguments, "Comment", "before");
    }
    after(content, options = undefined) {
      return insert(this, AFTER, arguments, "Comment", "after");
    }
    replace(content, options = undefined) {
      return insert(this, REPLACE, arguments, "Comment", "replace");
    }
    remove() {
      return change(this, REMOVE);
    }
  }

  class Text {
    constructor() {
      illegalConstructor();
    }
    get text() {
      return read(this, TOKEN_TEXT);
    }
    get lastInTextNode() {
      return read(this, LAST_IN_TEXT_NODE);
    }
    get removed() {
      return read(this, REMOVED);
    }
    before(content, options = undefined) {
      return insert(this, BEFORE, arguments, "Text", "before");
    }
    after(content, options = undefined) {
      return insert(this, AFTER, arguments, "Text", "after");
    }
    replace(content, options = undefined) {
      return insert(this, REPLACE, arguments, "Text", "replace");
    }
    remove() {
      return change(this, REMOVE);
    }
  }

  class Doctype {
    constructor() {
      illegalConstructor();
    }
    get name() {
      return read(this, NAME);
    }
    get publicId() {
      return read(this, PUBLIC_ID);
    }
    get systemId() {
      return read(this, SYSTEM_ID);
    }
  }

  class DocumentEnd {
    constructor() {
      illegalConstructor();
    }
    append(content, options = undefined) {
      return insert(this, APPEND, arguments, "DocumentEnd", "append");
    }
  }

  /** What `attributes` gives: the names and values as they are when that is asked. */
  let makeIterator;
  class AttributesIterator {
    #element;
    #list;
    #index = 0;
    constructor(key, element) {
      if (key !== privateKey) illegalConstructor();
      this.#list = ops.htmlAttributes(parserOf(element).parser);
      this.#element = element;
    }
    static {
      makeIterator = (element) => new AttributesIterator(privateKey, element);
    }
    next() {
      if (!isObject(this) || !(#element in this)) illegalInvocation();
      parserOf(this.#element);
      const i = this.#index;
      if (i >= this.#list.length) return { value: undefined, done: true };
      this.#index = i + 2;
      return { value: [this.#list[i], this.#list[i + 1]], done: false };
    }
  }
  ObjectSetPrototypeOf(AttributesIterator.prototype, IteratorPrototype);

  // In the order of `Kind` in ops/html_rewriter/channel.rs.
  const PROTOTYPES = [Element.prototype, EndTag.prototype, Comment.prototype, Text.prototype, Doctype.prototype, DocumentEnd.prototype];
  const classes = [Element, EndTag, Comment, Text, Doctype, DocumentEnd, AttributesIterator];
  for (let i = 0; i < classes.length; i++) configureInterface(classes[i]);
  return (kind, rewriting) => makeToken(PROTOTYPES[kind], rewriting);
};
