"""The forum's Celery tasks: an id in, one call, safe to run any number of times.

`settings.py` routes them to a queue of their own.
"""

from typing import Final

from celery import shared_task

from clarion.pipeline.celery.app import EXPIRES_SECONDS, app
from clarion.pipeline.celery.scheduler import Every
from examples.forum import jobs
from examples.forum.models import Analysis, Document, Export, Extract

SWEEP_JOBS: Final = "forum.sweep_jobs"

#: Interval of the sweep of unfinished jobs (seconds).
SWEEP_EVERY_SECONDS = 30.0


@shared_task(name=jobs.PROCESS_DOCUMENT)
def process_document(document_id: int) -> None:
    """Read a document."""
    jobs.finish(Document, document_id, jobs.read_document)


@shared_task(name=jobs.RUN_EXTRACT)
def run_extract(extract_id: int) -> None:
    """Draw an extract from a document."""
    jobs.finish(Extract, extract_id, jobs.run_extract)


@shared_task(name=jobs.RUN_ANALYSIS)
def run_analysis(analysis_id: int) -> None:
    """Analyse a document."""
    jobs.finish(Analysis, analysis_id, jobs.run_analysis)


@shared_task(name=jobs.RUN_EXPORT)
def run_export(export_id: int) -> None:
    """Write a thread out."""
    jobs.finish(Export, export_id, jobs.run_export)


@shared_task(name=SWEEP_JOBS)
def sweep_jobs() -> None:
    """Start again the jobs that were forgotten."""
    jobs.sweep()


app.conf.beat_schedule["forum.sweep_jobs"] = {
    "task": SWEEP_JOBS,
    "schedule": Every(SWEEP_EVERY_SECONDS),
    "options": {"expires": EXPIRES_SECONDS},
}
