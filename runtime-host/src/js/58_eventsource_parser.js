"use strict";
// The event stream format (https://html.spec.whatwg.org/#parsing-an-event-stream), fed with pieces of text.

const { Number, RangeError, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeSlice } = internals.primordials;

const notDigit = /[^0-9]/;
const notNewLine = /[\r\n]/g;

/** Code units of what an event may have before it ends: what is longer is an error, or it would fill the memory. */
const EVENT_MAX = 16 * 1024 * 1024;

class EventStreamParser {
  #line = "";
  /** The last piece ended with a CR: a LF that follows belongs to it. */
  #afterReturn = false;
  #first = true;
  #data = "";
  #hasData = false;
  #type = "";
  #id = undefined;

  /** `on`: event(type, data, id), id(text) at the end of each block, and retry(milliseconds). `lastId` is the id of the events before one names another. */
  constructor(on, lastId) {
    this.on = on;
    this.lastId = lastId;
  }

  feed(text) {
    if (text === "") return;
    let start = 0;
    if (this.#first) {
      this.#first = false;
      if (text[0] === "\ufeff") start = 1;
    }
    if (this.#afterReturn && text[start] === "\n") start++;
    this.#afterReturn = false;
    for (;;) {
      const end = lineEnd(text, start);
      if (end < 0) break;
      const line = this.#line + StringPrototypeSlice(text, start, end);
      this.#line = "";
      start = end + 1;
      if (text[end] === "\r") {
        if (start === text.length) this.#afterReturn = true;
        else if (text[start] === "\n") start++;
      }
      this.#take(line);
    }
    this.#line += StringPrototypeSlice(text, start);
    if (this.#line.length + this.#data.length > EVENT_MAX) {
      throw new RangeError("An event of an event stream is larger than 16 MiB.");
    }
  }

  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : StringPrototypeSlice(line, 0, colon);
    let value = colon < 0 ? "" : StringPrototypeSlice(line, colon + 1);
    if (value[0] === " ") value = StringPrototypeSlice(value, 1);
    switch (field) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data = this.#hasData ? `${this.#data}\n${value}` : value;
        this.#hasData = true;
        break;
      case "id":
        if (StringPrototypeIndexOf(value, "\0") < 0) this.#id = value;
        break;
      case "retry":
        if (value !== "" && RegExpPrototypeExec(notDigit, value) === null) this.on.retry(Number(value));
        break;
    }
    return undefined;
  }

  #dispatch() {
    if (this.#id !== undefined) {
      this.lastId = this.#id;
      this.on.id(this.lastId);
    }
    const type = this.#type;
    const data = this.#data;
    const has = this.#hasData;
    this.#type = "";
    this.#data = "";
    this.#hasData = false;
    if (has) this.on.event(type === "" ? "message" : type, data, this.lastId);
  }
}

/** Where the next CR or LF is from `start` on, or -1. */
function lineEnd(text, start) {
  notNewLine.lastIndex = start;
  const found = RegExpPrototypeExec(notNewLine, text);
  return found === null ? -1 : found.index;
}

internals.EventStreamParser = EventStreamParser;
