/** The hooks, in React itself. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

import { NotificationStore } from "../store.js";
import { created, settle } from "./fakes.js";

/** React is no dependency of the client, only of these tests. */
const missing = (() => {
  try {
    createRequire(import.meta.url).resolve("react-test-renderer");
    return false;
  } catch {
    return "React is not installed (npm ci)";
  }
})();

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

async function rendered(component) {
  const { StrictMode, createElement } = await import("react");
  const { act, create } = (await import("react-test-renderer")).default;
  const { ClarionProvider } = await import("../react.js");
  const store = new NotificationStore({
    loadSnapshot: async () => ({
      epoch: "e",
      seq: 2,
      unread: 1,
      notifications: [created(2), created(1, { isRead: true })],
    }),
  });
  await store.load();
  const socket = Object.assign(new EventTarget(), {
    state: "connected",
    connects: 0,
    connect: () => (socket.connects += 1),
  });
  const tree = () =>
    createElement(StrictMode, null, createElement(ClarionProvider, { store, socket }, createElement(component)));
  let root;
  await act(async () => {
    root = create(tree());
  });
  const apply = (frame) =>
    act(async () => {
      store.apply(frame);
      await settle();
    });
  return { act, root, tree, store, socket, apply };
}

test("the hooks show what the store has, and follow it", { skip: missing }, async () => {
  const { useConnectionState, useNotifications, useUnreadCount } = await import("../react.js");
  const shown = [];
  const { act, socket, apply } = await rendered(() => {
    const said = [
      useNotifications()
        .map((one) => one.seq)
        .join(),
      useUnreadCount(),
      useConnectionState(),
    ].join(" ");
    if (shown.at(-1) !== said) shown.push(said);
    return null;
  });
  await apply(created(3));
  await act(async () => {
    socket.state = "reconnecting";
    socket.dispatchEvent(new Event("statechange"));
  });
  assert.deepEqual(shown, ["2,1 1 connected", "3,2,1 3 connected", "3,2,1 3 reconnecting"]);
});

test(
  "new badges are those that came, until they are cleared; quiet and read ones are not celebrated",
  { skip: missing },
  async () => {
    const { useBadgeNotifications } = await import("../react.js");
    let now;
    const { act, apply } = await rendered(() => {
      now = useBadgeNotifications();
      return null;
    });
    const badge = (seq, fields) => created(seq, { notificationType: "BADGE", ...fields });
    const names = () => now.newBadges.map((one) => one.notificationId);
    for (const frame of [badge(3), created(4), badge(5, { quiet: true }), badge(6, { isRead: true }), badge(7)])
      await apply(frame);
    assert.deepEqual(names(), ["3", "7"]);
    await act(async () => now.clearNewBadges());
    assert.deepEqual(names(), []);
    await apply(badge(8));
    assert.deepEqual(names(), ["8"]);
  },
);

test("a badge is celebrated in the tab that may", { skip: missing }, async () => {
  const { useBadgeNotifications } = await import("../react.js");
  let now;
  const { socket, apply } = await rendered(() => {
    now = useBadgeNotifications();
    return null;
  });
  socket.claim = async (key) => key === "shown:4";
  for (const seq of [3, 4]) await apply(created(seq, { notificationType: "BADGE" }));
  assert.deepEqual(
    now.newBadges.map((one) => one.notificationId),
    ["4"],
  );
});

test("jobs that ended are told, by whatever kinds are asked for", { skip: missing }, async () => {
  const { useJobNotifications } = await import("../react.js");
  let usual;
  let own;
  const { apply } = await rendered(() => {
    usual = useJobNotifications().finishedJobs.map((one) => one.seq);
    own = useJobNotifications(["REPORT_READY"]).finishedJobs.map((one) => one.seq);
    return null;
  });
  await apply(created(3, { notificationType: "EXPORT_COMPLETE" }));
  await apply(created(4, { notificationType: "REPORT_READY" }));
  assert.deepEqual([usual, own], [[3], [4]]);
});

test("rendering again and unmounting leave the connection and the store alone", { skip: missing }, async () => {
  const { useBadgeNotifications, useNotifications } = await import("../react.js");
  let renders = 0;
  const { act, root, tree, store, socket, apply } = await rendered(() => {
    renders += 1;
    useNotifications();
    useBadgeNotifications(["BADGE", "MEDAL"]);
    return null;
  });
  const listeners = [];
  for (const target of [store, socket]) {
    const add = target.addEventListener.bind(target);
    target.addEventListener = (type, ...rest) => (listeners.push(type), add(type, ...rest));
  }
  for (let again = 0; again < 5; again += 1) await act(async () => root.update(tree()));
  assert.deepEqual([listeners, socket.connects], [[], 0]); // nothing is subscribed anew
  await act(async () => root.unmount());
  const before = renders;
  await apply(created(3));
  assert.equal(renders, before);
});

test("without an inbox above them the hooks say what is missing", { skip: missing }, async () => {
  const { createElement } = await import("react");
  const { act, create } = (await import("react-test-renderer")).default;
  const { useUnreadCount } = await import("../react.js");
  const silent = console.error;
  console.error = () => {};
  try {
    await assert.rejects(async () => {
      await act(async () => void create(createElement(() => useUnreadCount())));
    }, /need <ClarionProvider/);
  } finally {
    console.error = silent;
  }
});

test("the former name of the provider is the provider", { skip: missing }, async () => {
  const { ClarionProvider, Inbox } = await import("../react.js");
  assert.equal(Inbox, ClarionProvider);
});

test("a component sets attributes and properties of its element, and passes on events", { skip: missing }, async () => {
  const { createElement } = await import("react");
  const { act, create } = (await import("react-test-renderer")).default;
  const { ClarionBell, ClarionProvider } = await import("../react.js");
  const element = new EventTarget();
  const [store, socket] = [new EventTarget(), new EventTarget()];
  const opened = [];
  const render = () => "a row";
  const tree = (name) =>
    createElement(
      ClarionProvider,
      { store, socket },
      createElement(
        ClarionBell,
        { className: "here", tokens: true, port: 8001, render, onOpen: ({ detail }) => opened.push([name, detail]) },
        createElement("p", { slot: "footer" }, "The end"),
      ),
    );
  let root;
  await act(async () => {
    root = create(tree("first"), { createNodeMock: () => element });
  });
  const { type, props, children } = root.toJSON();
  delete props.ref;
  assert.deepEqual([type, props], ["clarion-bell", { class: "here", tokens: "", port: 8001 }]);
  assert.equal(children[0].props.slot, "footer");
  assert.deepEqual([element.inbox, element.render], [{ store, socket }, render]);
  element.dispatchEvent(new CustomEvent("clarion-open", { detail: 1 }));
  await act(async () => root.update(tree("second")));
  element.dispatchEvent(new CustomEvent("clarion-open", { detail: 2 }));
  await act(async () => root.unmount());
  element.dispatchEvent(new CustomEvent("clarion-open", { detail: 3 }));
  assert.deepEqual(opened, [
    ["first", 1],
    ["second", 2],
  ]);
});
