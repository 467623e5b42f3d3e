"use strict";
// MIME types of Content-Type and Blob.type.

const { parse, serialize } = internals.mime;
const round = (text) => { const type = parse(text); return type && serialize(type); };

test("essence and parameters are normalised", () => {
  for (const [given, expected] of [
    ["Text/HTML;Charset=UTF-8", "text/html;charset=UTF-8"],
    // A name with a space is no token: that parameter is dropped.
    [" text/plain ; a = b;a=c;a=d;;x", "text/plain;a=c"],
    ['multipart/form-data; boundary="a b\\"c"', 'multipart/form-data;boundary="a b\\"c"'],
    ['a/b;q="x', "a/b;q=x"],
    ["a/b;c=", "a/b"],
    ["text/html;\tcharset=gbk", "text/html;charset=gbk"],
  ]) {
    assert.equal(round(given), expected);
  }
});

test("what is no MIME type is undefined", () => {
  for (const text of ["", "text", "/", "a/", "/b", "a b/c", "a/b c"]) assert.equal(parse(text), undefined);
});
