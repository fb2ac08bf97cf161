"""An event of the tests' own, whose audiences are named in its payload."""

from django.contrib.auth.models import User

from pipeline.audiences import Audience, audiences_for
from pipeline.events import Event

TOPIC = "tests.place:1"


class ThingHappened(Event, name="tests.thing.happened.v1"):
    """First are told FIRST, second SECOND, whoever is in both FIRST."""

    first: tuple[int, ...] = ()
    second: tuple[int, ...] = ()


@audiences_for(ThingHappened)
def thing_happened(event: ThingHappened) -> list[Audience]:
    return [
        Audience(kind, who=User.objects.filter(pk__in=ids).values_list("pk"), data={"as": kind}, topic=TOPIC)
        for kind, ids in (("FIRST", event.first), ("SECOND", event.second))
    ]
