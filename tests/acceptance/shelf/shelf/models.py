"""Books and their reviews."""

from django.conf import settings
from django.db import models


class Book(models.Model):
    """A book that somebody owns."""

    title = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)


class Review(models.Model):
    """A review of a book."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    text = models.TextField()


class Count(models.Model):
    """A result of the project's own task."""

    books = models.IntegerField()
