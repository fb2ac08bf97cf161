"""The project's own tasks."""

import time

from celery import shared_task

from shelf.models import Book, Count


@shared_task(acks_late=True)
def count_books(seconds: float) -> None:
    """Count the books, which takes long."""
    time.sleep(seconds)
    Count.objects.create(books=Book.objects.count())
