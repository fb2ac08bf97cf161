"""What the forum's pages accept from people: lengths, replies that stay within their thread, reasons, documents."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models.functions import Lower

from examples.forum.badges import CATALOGUE
from examples.forum.mentions import NAMES_MAX
from examples.forum.models import (
    BODY_MAX_LENGTH,
    REASON_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    Award,
    Collection,
    Message,
    ModerationAction,
    Thread,
)

#: A long book as plain text (bytes).
FILE_MAX_BYTES = 1_000_000


def _title(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=TITLE_MAX_LENGTH, widget=forms.TextInput({"autocomplete": "off"}))


def _text(label: str, rows: int, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, **({"max_length": BODY_MAX_LENGTH} | more), widget=forms.Textarea({"rows": rows})
    )


class ThreadForm(forms.Form):
    """A new thread: its title and its first message."""

    title = _title("Title")
    body = _text("Message", 8)


class ReplyForm(forms.Form):
    """A message in a thread that is open, possibly in reply to another one of that thread."""

    body = _text("Your reply", 4)
    parent = forms.ModelChoiceField(Message.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, thread: Thread, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.thread = thread
        parent = self.fields["parent"]
        if isinstance(parent, forms.ModelChoiceField):
            parent.queryset = Message.objects.filter(thread=thread, deleted_at=None)

    def clean(self) -> dict[str, Any]:
        """Refuse replies where there are to be none."""
        if self.thread.is_locked or self.thread.deleted_at:
            raise forms.ValidationError("This thread takes no more replies.")
        return self.cleaned_data


class BurstForm(forms.Form):
    """The number of recipients of a burst."""

    recipients = forms.IntegerField(label="Number of recipients", min_value=1, max_value=100_000, initial=10_000)


class ModerationForm(forms.Form):
    """One of the possible actions, and its reason."""

    action = forms.ChoiceField(widget=forms.HiddenInput)
    reason = forms.CharField(label="Reason", max_length=REASON_MAX_LENGTH)

    def __init__(self, allowed: tuple[ModerationAction.Action, ...], data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        action = self.fields["action"]
        if isinstance(action, forms.ChoiceField):
            action.choices = [(one.value, one.label) for one in allowed]


class AwardForm(forms.Form):
    """One of the badges that moderators award and that the user does not have yet."""

    badge = forms.ChoiceField(label="Award a badge")

    def __init__(self, person: User, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        has = set(Award.objects.filter(user=person).values_list("badge", flat=True))
        badge = self.fields["badge"]
        if isinstance(badge, forms.ChoiceField):
            free = [one for one in CATALOGUE.values() if one.by_hand and one.slug not in has]
            badge.choices = [(one.slug, one.name) for one in free]


class DocumentForm(forms.Form):
    """A text, as a file or as it is; `cleaned_data["content"]` are its bytes."""

    title = _title("Title")
    file = forms.FileField(
        label="A file with text", required=False, widget=forms.FileInput({"accept": ".txt,.md,text/*"})
    )
    text = _text("Or the text itself", 8, required=False, max_length=FILE_MAX_BYTES, strip=False)
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def clean_file(self) -> Any:
        """Refuse a file that is too large to be read into memory."""
        file = self.cleaned_data["file"]
        if file and (file.size or 0) > FILE_MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {FILE_MAX_BYTES // 1000} kB.")
        return file

    def clean(self) -> dict[str, Any]:
        """One of both is needed; a file counts more."""
        data = self.cleaned_data
        file, text = data.get("file"), data.get("text") or ""
        if not file and not text and not self.errors:
            raise forms.ValidationError("Choose a file, or write something into the field.")
        data["content"] = file.read() if file else text.encode()
        return data


class CollectionForm(forms.Form):
    """A collection and its owners, by their names."""

    name = _title("Name")
    owners = forms.CharField(label="Owners", max_length=1000, help_text="User names, separated by commas.")

    def clean_name(self) -> str:
        """Two collections of one name would be mistaken for each other."""
        name: str = self.cleaned_data["name"]
        if Collection.objects.filter(name=name).exists():
            raise forms.ValidationError("There is a collection of that name.")
        return name

    def clean_owners(self) -> list[User]:
        """Return the users of these names."""
        names = {name.strip().removeprefix("@").lower() for name in self.cleaned_data["owners"].split(",")} - {""}
        if not 0 < len(names) <= NAMES_MAX:
            raise forms.ValidationError(f"Name between one and {NAMES_MAX} people.")
        users = User.objects.filter(is_active=True).alias(name=Lower("username"))
        found: list[User] = list(users.filter(name__in=names))
        if missing := names - {user.username.lower() for user in found}:
            raise forms.ValidationError(f"Nobody is called {', '.join(sorted(missing))}.")
        return found

    def save(self) -> Collection:
        """Save the collection."""
        made = Collection.objects.create(name=self.cleaned_data["name"])
        made.owners.set(self.cleaned_data["owners"])
        return made
