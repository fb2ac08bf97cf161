"""Documents, extracts, analyses and exports: start a job, show its state."""

from itertools import chain
from operator import attrgetter

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from examples.forum import jobs as service
from examples.forum.forms import CollectionForm, DocumentForm
from examples.forum.models import Analysis, Collection, Document, Export, Extract, Job
from examples.forum.views.pages import SignedIn, page_of, seen_by

DOCUMENTS_A_PAGE = 20

#: One's latest jobs of each sort; older ones are found with their document.
JOBS_SHOWN = 10


@require_GET
@login_required
def jobs(request: SignedIn) -> HttpResponse:
    """Everyone's documents, and one's own jobs."""
    mine = {
        "document": Document.objects.defer("content", "text"),
        "extract": Extract.objects.select_related("document").defer("document__content", "document__text"),
        "analysis": Analysis.objects.select_related("document").defer("document__content", "document__text"),
        "export": Export.objects.select_related("thread").defer("markdown"),
    }
    latest = [
        (sort, job)
        for sort, rows in mine.items()
        for job in rows.filter(starter=request.user).order_by("-pk")[:JOBS_SHOWN]
    ]
    latest.sort(key=lambda entry: entry[1].created_at, reverse=True)
    documents = Document.objects.select_related("starter").defer("content", "text").order_by("-pk")
    context = {
        "jobs": latest[:JOBS_SHOWN],
        "page": page_of(request, documents.prefetch_related("collections"), DOCUMENTS_A_PAGE),
        "collections": Collection.objects.prefetch_related("owners").order_by("name"),
    }
    return render(request, "forum/jobs.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def new_document(request: SignedIn) -> HttpResponse:
    """Bring a document."""
    form = DocumentForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if form.is_valid():
        data = form.cleaned_data
        added = service.add_document(
            request.user, title=data["title"], content=data["content"], collections=data["collections"]
        )
        return redirect(added)
    return render(request, "forum/new_document.html", {"form": form}, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def new_collection(request: SignedIn) -> HttpResponse:
    """Make a collection."""
    form = CollectionForm(request.POST if request.method == "POST" else None, initial={"owners": request.user.username})
    if form.is_valid():
        form.save()
        return redirect("jobs")
    return render(request, "forum/new_collection.html", {"form": form}, status=400 if form.is_bound else 200)


@require_GET
@login_required
def document(request: SignedIn, pk: int) -> HttpResponse:
    """Show a document and its extracts."""
    shown = get_object_or_404(Document.objects.select_related("starter").defer("content"), pk=pk)
    results = sorted(
        chain(shown.extracts.select_related("starter"), shown.analyses.select_related("starter")),
        key=attrgetter("created_at"),
        reverse=True,
    )
    context = {
        "document": shown,
        "collections": shown.collections.prefetch_related("owners").order_by("name"),
        "results": results,
        "sorts": Extract.What,
        "may_publicize": shown.publisher_id is None and service.may_publicize(request.user, shown),
    }
    return render(request, "forum/document.html", context)


@require_POST
@login_required
def publicize(request: SignedIn, pk: int) -> HttpResponse:
    """Make a document public."""
    document = _finished(pk)
    service.publicize(request.user, document)
    return redirect(document)


@require_POST
@login_required
def extract(request: SignedIn, pk: int) -> HttpResponse:
    """Draw something from a document that was read."""
    what = request.POST.get("what", "")
    if what not in Extract.What.values:
        raise Http404
    return redirect(service.extract(request.user, _finished(pk), what).document)


@require_POST
@login_required
def analyse(request: SignedIn, pk: int) -> HttpResponse:
    """Count the words of a document."""
    return redirect(service.analyse(request.user, _finished(pk)).document)


@require_POST
@login_required
def export_thread(request: SignedIn, pk: int) -> HttpResponse:
    """Write a thread out."""
    return redirect(service.export(request.user, get_object_or_404(seen_by(request.user), pk=pk)))


@require_GET
@login_required
def export(request: SignedIn, pk: int) -> HttpResponse:
    """One's own export."""
    shown = get_object_or_404(Export.objects.select_related("thread"), pk=pk, starter=request.user)
    return render(request, "forum/export.html", {"export": shown})


@require_GET
@login_required
def export_download(request: SignedIn, pk: int) -> HttpResponse:
    """Return the same as a file."""
    done = get_object_or_404(Export.objects.select_related("thread"), pk=pk, starter=request.user, state=Job.State.DONE)
    name = slugify(done.thread.title) or f"thread-{done.thread_id}"
    disposition = f'attachment; filename="{name}.md"'
    return HttpResponse(
        done.markdown, content_type="text/markdown; charset=utf-8", headers={"Content-Disposition": disposition}
    )


def _finished(pk: int) -> Document:
    """Return a document that has been processed; raise Http404 for one that still waits."""
    return get_object_or_404(Document.objects.exclude(state=Job.State.WAITING).defer("content", "text"), pk=pk)
