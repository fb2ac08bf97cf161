"""The JavaScript of the documents, as it stands there, on a page of the real forum's address in a real browser.

Changed are the port of the edge, which behind a load balancer is the web app's, and the id of the user.
"""

import pytest
from playwright.async_api import Browser

from tests.acceptance.steps import filled, person
from tests.browser.conftest import Stack, visiting
from tests.docs.blocks import Block, blocks_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

#: The reader's page: an import map in place of a bundler, and a token.
PAGE = """
<body data-user-id="{user_id}">
<script type="importmap">
  {{"imports": {{
    "clarion-client": "/static/clarion/notifications.js", "clarion-client/store": "/static/clarion/store.js"
  }}}}
</script>
<script>
  window.seqs = [];
  const getToken = async () => {{
    const csrf = document.cookie.match(/csrftoken=(\\w+)/)[1];
    const answer = await fetch("/api/token", {{ method: "POST", headers: {{ "X-CSRFToken": csrf }} }});
    return (await answer.json()).token;
  }};
  const auth0 = {{ getTokenSilently: getToken }};
</script>
<script type="module">{code}</script>
"""

#: The block that stands alone follows others of its how-to, which import and connect.
IMPORT = 'import { NotificationSocket, socketUrl } from "clarion-client";\n'
CONNECT = "socket.connect();\n"

#: Where the test looks.
WATCHED = """
socket.addEventListener("frame", ({ detail }) => window.seqs.push(detail.seq));
Object.assign(window, { socket, store: typeof store === "undefined" ? null : store });
"""


def page_of(block: Block, user_id: int, port: int) -> str:
    code = block.text.replace("socketUrl()", f"socketUrl({port})")
    if "import " not in code:
        code = IMPORT + code + CONNECT
    return PAGE.format(user_id=user_id, code=code + WATCHED)


@pytest.mark.parametrize("block", blocks_of("test_documented_javascript"), ids=str)
async def test_documented_javascript(stack: Stack, chromium: Browser, block: Block) -> None:
    """The documented JavaScript receives the frames of the inbox on a page."""
    ann = await person()
    await filled(ann.pk, 3)
    # The forum's own pages allow no script within a page; the reader's does.
    async with visiting(chromium, stack, ann, bypass_csp=True) as visitor:
        await (await visitor.open()).close()  # for the cookie of CSRF
        page = await visitor.open("/api/inbox", connected=False)
        logged: list[str] = []
        page.on("console", lambda message: logged.append(message.type))
        await page.set_content(page_of(block, ann.pk, stack.edge.port))
        await page.wait_for_function("window.socket?.state === 'connected'")
        await filled(ann.pk, 2, first=4)
        await page.wait_for_function("String(window.seqs) === '4,5'")
        if "new NotificationStore" in block.text:  # its snapshot comes when it comes
            await page.wait_for_function("store.unread === 5 && store.notifications.length === 5")
        assert ("log" in logged) is ("console.log(" in block.text)
        assert [said for said in visitor.said if said.startswith("error: ")] == []
