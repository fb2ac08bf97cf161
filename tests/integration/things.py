"""An event of the tests' own, whose audiences are named in its payload."""

from django.contrib.auth.models import User

from clarion.pipeline.audiences import Audience, audiences_for
from clarion.pipeline.events import Event
from clarion.pipeline.kinds import Limit, Over, declare_kind

TOPIC = "tests.place:1"

declare_kind("GATHERED", collapses=True)
declare_kind("FLEETING", retention_days=1)
declare_kind("DROPPED", limit=Limit(events=2, seconds=60, over=Over.DROP))
declare_kind("DEFERRED", limit=Limit(events=2, seconds=60, over=Over.DEFER))


class ThingHappened(Event, name="tests.thing.happened.v1"):
    """Each field is an audience, whose kind is its name in capitals. The first counts for a user in several."""

    first: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    deferred: tuple[int, ...] = ()
    second: tuple[int, ...] = ()
    gathered: tuple[int, ...] = ()
    fleeting: tuple[int, ...] = ()
    topic: str = TOPIC


@audiences_for(ThingHappened)
def thing_happened(event: ThingHappened) -> list[Audience]:
    return [
        Audience(
            name.upper(),
            who=User.objects.filter(pk__in=ids).values_list("pk"),
            data={"as": name.upper()},
            topic=event.topic,
        )
        for name, ids in event.model_dump(exclude={"topic"}).items()
        if ids
    ]
