/**
 * Links of notifications, which must not leave the site.
 *
 * The `url` in a notification's data comes from the service that recorded the event, and browsers read more than one
 * form as another host: `//host`, `/\host`, a tab inside `java\tscript:`.
 */
/**
 * Return the path, query and fragment of an address on this site, or `fallback`.
 *
 * The result starts with one slash, so that a browser reads it as a path again: the address `/.//host` is on this site,
 * but its normalized path `//host` is not.
 * @param {unknown} address @param {string} [fallback]
 * @param {{origin: string}} [location]
 */
export function localLink(address: unknown, fallback?: string, location?: {
    origin: string;
}): string;
