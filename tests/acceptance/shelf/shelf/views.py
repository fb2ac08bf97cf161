"""The pages of the shelf."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from shelf.models import Book, Review


@login_required
def books(request: HttpRequest) -> HttpResponse:
    """All books."""
    return render(request, "shelf/books.html", {"books": Book.objects.all()})


@login_required
def book(request: HttpRequest, pk: int) -> HttpResponse:
    """One book; a review of it is posted here."""
    found = get_object_or_404(Book, pk=pk)
    if request.method == "POST":
        Review.objects.create(book=found, author=request.user, text=request.POST["text"])
        return redirect(request.path)
    return render(request, "shelf/book.html", {"book": found})
