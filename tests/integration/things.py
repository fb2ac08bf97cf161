"""An event of the tests' own, whose audiences are named in its payload."""

from uuid import UUID

from django.contrib.auth.models import User

from clarion.pipeline.audiences import Audience, audiences_for
from clarion.pipeline.events import Event
from clarion.pipeline.kinds import Limit, Over, declare_kind
from tests import environment

TOPIC = "tests.place:1"

#: The type of the users' primary key.
Key = {"": int, "uuid": UUID, "text": str}[environment.KEY]
#: The primary key of no user.
NOBODY = {"": 0, "uuid": UUID(int=0), "text": "nobody"}[environment.KEY]

declare_kind("GATHERED", collapses=True)
declare_kind("FLEETING", retention_days=1)
declare_kind("PERSONAL", through_mutes=True)
declare_kind("DROPPED", limit=Limit(events=2, seconds=60, over=Over.DROP))
declare_kind("DEFERRED", limit=Limit(events=2, seconds=60, over=Over.DEFER))


class ThingHappened(Event, name="tests.thing.happened.v1"):
    """Each field is an audience, whose kind is its name in capitals. The first counts for a user in several."""

    personal: tuple[Key, ...] = ()
    first: tuple[Key, ...] = ()
    dropped: tuple[Key, ...] = ()
    deferred: tuple[Key, ...] = ()
    second: tuple[Key, ...] = ()
    gathered: tuple[Key, ...] = ()
    fleeting: tuple[Key, ...] = ()
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
