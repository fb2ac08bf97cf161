"""The systems that Clarion is compared with.

inline/               all recipients are notified within the request: `bulk_create`, then one `group_send` a recipient
notifications_hq.py   django-notifications-hq, in an environment of its own
stock.py              Channels' own layer and consumer, as most people use them
empty.py              Celery, doing nothing
bare.py               frames from memory: the rate of the server itself
"""

import sys
from pathlib import Path

INLINE = (sys.executable, "-m", "benchmarks.peers.inline")

#: The environment of django-notifications-hq, made by `make bench`.
HQ_PYTHON = Path(sys.prefix).with_name(f"{Path(sys.prefix).name}-peers") / "bin" / "python"
NOTIFICATIONS_HQ = (str(HQ_PYTHON), str(Path(__file__).with_name("notifications_hq.py")))
