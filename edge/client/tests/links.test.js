/** Links of notifications: they stay on the site in every form. */

import assert from "node:assert/strict";
import test from "node:test";

import { localLink } from "../links.js";

const page = { origin: "https://forum.example" };

test("a path of this site is kept, also where it is written as an address", () => {
  const kept = {
    "/threads/7/": "/threads/7/",
    "/threads/7/?page=2#message-9": "/threads/7/?page=2#message-9",
    "threads/7/": "/threads/7/",
    "?page=2": "/?page=2",
    "https://forum.example/threads/7/": "/threads/7/",
    "/a/../b/": "/b/",
    "/search/?next=//evil.example/": "/search/?next=//evil.example/",
  };
  for (const [address, link] of Object.entries(kept)) assert.equal(localLink(address, "/inbox/", page), link, address);
});

const strange = [
  "https://evil.example/",
  "//evil.example/",
  "///evil.example/",
  "/\\evil.example",
  "\\\\evil.example",
  "\\/evil.example",
  "/.//evil.example/x",
  "/..//evil.example",
  "/./\\evil.example",
  "/x/..//evil.example",
  "/%2e//evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  "\t//evil.example",
  "http:///evil.example",
  "https:evil.example/../",
  "javascript:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  " javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "blob:https://forum.example/5",
  "filesystem:https://forum.example/x",
  "https://forum.example@evil.example/",
  "https://forum.example:444/",
  "http://forum.example/",
  "https://a:b@forum.example/x",
  "https://forum.example.evil.example/",
  "https://forum.example%2eevil.example",
  "ftp://forum.example/",
  "",
  null,
  undefined,
  7,
  {},
  [],
  ["//evil.example"],
  "https://[",
  "http://\u0000",
];
for (const address of strange) {
  test(`this leads to the site at most: ${JSON.stringify(address)}`, () => {
    const link = localLink(address, "/inbox/", page);
    const url = new URL(link, page.origin);
    assert.equal(url.origin, page.origin);
    assert.equal(url.username, "");
    assert.match(link, /^\/(?![/\\])/);
  });
}

test("a page without an origin, such as a sandboxed frame, follows no link", () => {
  assert.equal(localLink("/threads/7/", "/inbox/", { origin: "null" }), "/inbox/");
});
