"""The content of a service's message is neither shown to operators who watch the workers nor written to a log."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery.app.trace import trace_task

from clarion.pipeline import inbound, tasks
from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.redaction import REDACTED, RedactedRequest

pytestmark = pytest.mark.django_db


def test_failed_message_not_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The content of a failed message of a service does not appear in the log."""

    def fails(*_: Any, **__: Any) -> int:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(inbound, "receive", fails)
    body: tuple[Any, ...] = (("a.b.v1", {"diagnosis": "s3cret"}, "k"), {"source": "s3cret"}, {})
    headers = {"id": "1", "task": "pipeline.record", "argsrepr": "('s3cret',)", "kwargsrepr": "{'a': 's3cret'}"}
    message = SimpleNamespace(
        headers=headers, body=None, payload=body, content_type="", content_encoding="", properties={}, delivery_info={}
    )
    request = RedactedRequest(message, app=app, task=tasks.record, decoded=False)
    assert (request.argsrepr, request.kwargsrepr) == (REDACTED, REDACTED)
    with caplog.at_level(logging.INFO, "celery.app.trace"):
        trace_task(tasks.record, "1", body[0], body[1], request=request.request_dict, app=app)
    (record,) = [one for one in caplog.records if one.name == "celery.app.trace" and one.levelno == logging.ERROR]
    assert "s3cret" not in str(record.__dict__)
    assert "out of luck" in record.getMessage()
