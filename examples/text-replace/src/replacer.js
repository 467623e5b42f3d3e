/**
 * A transformer that replaces every `find` in a stream of strings, also where it is spread over
 * several chunks. It keeps back at most `find.length - 1` characters.
 */
export function replacer(find, replacement) {
  let rest = "";
  return {
    transform(chunk, controller) {
      const text = rest + chunk;
      let done = 0;
      let out = "";
      for (let at = text.indexOf(find); at !== -1; at = text.indexOf(find, done)) {
        out += text.slice(done, at) + replacement;
        done = at + find.length;
      }
      // The end of the text may be the beginning of a word that goes on in the next chunk.
      const keep = beginningAtEnd(text.slice(done), find);
      rest = text.slice(text.length - keep);
      out += text.slice(done, text.length - keep);
      if (out !== "") controller.enqueue(out);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  };
}

/** How many characters at the end of `text` are a beginning of `find`. */
function beginningAtEnd(text, find) {
  for (let length = Math.min(find.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(find.slice(0, length))) return length;
  }
  return 0;
}
