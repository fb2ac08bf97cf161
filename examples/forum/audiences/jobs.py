"""The recipients of a job's result: the user who started it, and of a document also the owners of its collections."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.urls import reverse

from clarion import Audience, audiences_for, declare_kind
from examples.forum import events
from examples.forum.audiences import people
from examples.forum.models import Analysis, Collection, Document, Export, Extract

DOCUMENT_PROCESSED = declare_kind("DOCUMENT_PROCESSED")
DOCUMENT_PROCESSING_FAILED = declare_kind("DOCUMENT_PROCESSING_FAILED")
DOCUMENT_PUBLICIZED = declare_kind("DOCUMENT_PUBLICIZED")
EXTRACT_COMPLETE = declare_kind("EXTRACT_COMPLETE")
ANALYSIS_COMPLETE = declare_kind("ANALYSIS_COMPLETE")
ANALYSIS_FAILED = declare_kind("ANALYSIS_FAILED")
EXPORT_COMPLETE = declare_kind("EXPORT_COMPLETE")

#: `status` and the name of the analysis, as the hooks of other clients read them.
COMPLETED, FAILED = "COMPLETED", "FAILED"
ANALYZER = "Frequent words"

#: As many as fit on the two lines of a notification.
SHOWN = 3


@audiences_for(events.DocumentProcessed)
def document_processed(event: events.DocumentProcessed) -> list[Audience]:
    """Who brought it, and the owners of its collections."""
    document = _document(event.document_id)
    if document is None:
        return []
    return [_of_document(DOCUMENT_PROCESSED, document, _concerned(document), words=document.words)]


@audiences_for(events.DocumentProcessingFailed)
def document_processing_failed(event: events.DocumentProcessingFailed) -> list[Audience]:
    """Who brought it, and the owners of its collections."""
    document = _document(event.document_id)
    if document is None:
        return []
    return [
        _of_document(
            DOCUMENT_PROCESSING_FAILED,
            document,
            _concerned(document),
            error=document.error,
            error_message=document.error,
        )
    ]


@audiences_for(events.DocumentPublicized)
def document_publicized(event: events.DocumentPublicized) -> list[Audience]:
    """Return the user who uploaded it, and the owners of its collections."""
    document = _document(event.document_id)
    if document is None:
        return []
    return [_of_document(DOCUMENT_PUBLICIZED, document, _concerned(document))]


@audiences_for(events.ExtractCompleted)
def extract_completed(event: events.ExtractCompleted) -> list[Audience]:
    """Who asked for it."""
    extract = Extract.objects.select_related("document__starter").filter(pk=event.extract_id).first()
    if extract is None:
        return []
    found = {
        "extract_id": str(extract.pk),
        "extract_name": extract.get_what_display(),
        "status": COMPLETED,
        "what": extract.what,
        "count": len(extract.found),
        "first": extract.found[:SHOWN],
    }
    return [_of_document(EXTRACT_COMPLETE, extract.document, people.one(extract.starter_id), **found)]


@audiences_for(events.AnalysisCompleted)
def analysis_completed(event: events.AnalysisCompleted) -> list[Audience]:
    """Who asked for it."""
    analysis = _analysis(event.analysis_id)
    if analysis is None:
        return []
    words = [word for word, _ in analysis.frequencies[:SHOWN]]
    return [_of_analysis(ANALYSIS_COMPLETE, analysis, status=COMPLETED, words=words)]


@audiences_for(events.AnalysisFailed)
def analysis_failed(event: events.AnalysisFailed) -> list[Audience]:
    """Who asked for it."""
    analysis = _analysis(event.analysis_id)
    if analysis is None:
        return []
    return [_of_analysis(ANALYSIS_FAILED, analysis, status=FAILED, error=analysis.error, error_message=analysis.error)]


@audiences_for(events.ExportCompleted)
def export_completed(event: events.ExportCompleted) -> list[Audience]:
    """Who asked for it."""
    export = Export.objects.select_related("thread").filter(pk=event.export_id).first()
    if export is None:
        return []
    data = {
        "export_id": str(export.pk),
        "thread_id": str(export.thread_id),
        "thread_title": export.thread.title,
        "export_name": export.thread.title,
        "messages": export.messages,
        "format": "Markdown",
        "url": export.get_absolute_url(),
        "download_url": reverse("export-download", args=[export.pk]),
    }
    who = people.one(export.starter_id)
    return [Audience(EXPORT_COMPLETE, who=who, data=data, topic=export.topic, conversation_id=str(export.thread_id))]


def _document(pk: int) -> Document | None:
    return Document.objects.select_related("starter").defer("content", "text").filter(pk=pk).first()


def _analysis(pk: int) -> Analysis | None:
    return Analysis.objects.select_related("document__starter").filter(pk=pk).first()


def _concerned(document: Document) -> "QuerySet[User, Any]":
    owners = Collection.objects.filter(documents=document).values("owners")
    brought = Document.objects.filter(pk=document.pk).values("starter")
    return people.active().filter(pk__in=owners.union(brought)).values_list("pk")


def _of_analysis(kind: str, analysis: Analysis, **more: Any) -> Audience:
    who = people.one(analysis.starter_id)
    named = {"analysis_id": str(analysis.pk), "analyzer_name": ANALYZER}
    return _of_document(kind, analysis.document, who, **named, **more)


def _of_document(kind: str, document: Document, who: "QuerySet[User, Any]", **more: Any) -> Audience:
    data = {
        "document_id": str(document.pk),
        "title": document.title,
        "document_title": document.title,
        "added_by": document.starter.username,
        **more,
        "url": document.get_absolute_url(),
    }
    return Audience(kind, who=who, data=data, topic=document.topic)
