/** Resolves the imports of the forum's scripts as the web app serves them: the client's modules are one folder above. */

import { register } from "node:module";

const hook = `
  export function resolve(name, context, next) {
    const served = context.parentURL?.includes("/static/forum/") && name.startsWith("../clarion/");
    return next(served ? new URL("../../../../edge/client/" + name.slice(11), context.parentURL).href : name, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
