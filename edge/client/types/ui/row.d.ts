/**
 * @param {Notification} notification
 * @param {{render?: Render | null, templates: readonly HTMLTemplateElement[], words: Words, kindName: (kind: string) => string}} page
 * @returns {{nodes: Node[], title: string, url: string}} `url`: where it leads, on this site, or empty; `title`: for
 *   screen readers, at its buttons
 */
export function contentOf(notification: Notification, { render, templates, words, kindName }: {
    render?: Render | null;
    templates: readonly HTMLTemplateElement[];
    words: Words;
    kindName: (kind: string) => string;
}): {
    nodes: Node[];
    title: string;
    url: string;
};
/** "ann", "ann and ben", "ann and 4 others": the newest first, without the names of erased users. @param {Notification} notification @param {Words} words */
export function whoDid({ actor, actors, actorCount }: Notification, words: Words): string;
/**
 * The content of one row: from the page's `render`, from a template of the page, or as any kind can be shown.
 */
export type Notification = import("../store.js").Notification;
/**
 * The content of one row: from the page's `render`, from a template of the page, or as any kind can be shown.
 */
export type Words = import("./words.js").Words;
/**
 * `count`: of how many
 * events it is, in words, "21 replies"; by default the number
 */
export type Content = {
    title?: string;
    text?: string;
    url?: string;
    icon?: Node;
    count?: string;
};
/**
 * The content of one row: from the page's `render`, from a template of the page, or as any kind can be shown.
 */
export type Render = (notification: Notification, words: Words) => Node | string | Content | null | undefined;
