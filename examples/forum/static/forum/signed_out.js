/** The sign-in page: the tabs of the former user, if there are any, forget what they show. */

import { announceUser } from "../clarion/notifications.js";

announceUser(null);
