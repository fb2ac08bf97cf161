"""What the forum's pages accept from people: lengths, and replies that stay within their thread."""

from django import forms

from examples.forum.models import BODY_MAX_LENGTH, TITLE_MAX_LENGTH, Message, Thread


def _body(label: str, rows: int) -> forms.CharField:
    return forms.CharField(label=label, max_length=BODY_MAX_LENGTH, widget=forms.Textarea({"rows": rows}))


class ThreadForm(forms.Form):
    """A new thread: its title and its first message."""

    title = forms.CharField(max_length=TITLE_MAX_LENGTH, widget=forms.TextInput({"autocomplete": "off"}))
    body = _body("Message", 8)


class ReplyForm(forms.Form):
    """A message in a thread, possibly in reply to another one of that thread."""

    body = _body("Your reply", 4)
    parent = forms.ModelChoiceField(Message.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, thread: Thread, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        parent = self.fields["parent"]
        if isinstance(parent, forms.ModelChoiceField):
            parent.queryset = Message.objects.filter(thread=thread)
